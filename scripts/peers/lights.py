"""Reduces lights with a Python library: lights.py LIBRARY BIAS DARK FLAT SCALE OUTPUT INPUT…

(light - bias - SCALE * dark) / flat, float32, without masks; as few temporary arrays as each allows.
"""

import os
import sys

import numpy as np
from astropy.io import fits

library, bias_path, dark_path, flat_path, scale, output, *inputs = sys.argv[1:]
scale = np.float32(scale)


def native(path):
    return fits.getdata(path).astype(np.float32)


bias, dark, flat = native(bias_path), native(dark_path), native(flat_path)
if library == "ccdproc":
    import astropy.units as u
    import ccdproc
    from astropy.nddata import CCDData

    bias, dark, flat = (CCDData(a, unit=unit) for a, unit in ((bias, "adu"), (dark, "adu"), (flat, "")))
    bias.header = dark.header = flat.header = {}
elif library == "cupy":
    import cupy

    bias, dark, flat = (cupy.asarray(a) for a in (bias, dark, flat))
elif library == "numexpr":
    import numexpr

for path in inputs:
    with fits.open(path) as hdus:
        header, light = hdus[0].header, hdus[0].data
        if library == "numpy":
            out = light.astype(np.float32)
            out -= bias
            out -= dark * scale
            out /= flat
        elif library == "numexpr":
            out = numexpr.evaluate("(light - bias - scale * dark) / flat")
        elif library == "cupy":
            out = cupy.asnumpy((cupy.asarray(light) - bias - dark * scale) / flat).astype(np.float32)
        else:
            frame = CCDData(light.astype(np.float32), unit="adu")
            frame = ccdproc.subtract_bias(frame, bias)
            frame = ccdproc.subtract_dark(
                frame, dark, dark_exposure=1 * u.s, data_exposure=float(scale) * u.s, scale=True)
            out = frame.divide(flat).data
    fits.writeto(os.path.join(output, os.path.basename(path)), out, header, overwrite=True)
