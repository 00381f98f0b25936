"""Combines FITS images with a Python library: combine.py LIBRARY METHOD OUTPUT INPUT…"""

import sys

import numpy as np
from astropy.io import fits

library, method, output, *inputs = sys.argv[1:]


def stack():
    first = fits.getdata(inputs[0])
    cube = np.empty((len(inputs), *first.shape), np.float32)
    cube[0] = first
    for index, path in enumerate(inputs[1:], 1):
        cube[index] = fits.getdata(path)
    return cube


if library == "numpy":
    result = np.median(stack(), axis=0)
elif library == "bottleneck":
    import bottleneck

    result = bottleneck.nanmedian(stack(), axis=0)
elif library == "cupy":
    import cupy

    result = cupy.asnumpy(cupy.median(cupy.asarray(stack()), axis=0))
elif library == "ccdproc":
    import ccdproc

    options = {"method": "median"}
    if method == "clipped-mean":
        options = {
            "method": "average",
            "sigma_clip": True,
            "sigma_clip_func": np.ma.median,
            "sigma_clip_dev_func": np.ma.std,
        }
    combined = ccdproc.combine(inputs, unit="adu", mem_limit=4e9, dtype=np.float32, **options)
    result = combined.data
else:
    sys.exit(f"no such library: {library}")
fits.writeto(output, np.asarray(result, np.float32), overwrite=True)
