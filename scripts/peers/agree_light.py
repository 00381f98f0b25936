"""Compares a calibrated light with numpy in float64: agree_light.py RAW BIAS DARK FLAT LIGHT"""

import json
import sys

import numpy as np
from astropy.io import fits

raw, bias, dark, flat = (fits.getdata(path).astype(np.float64) for path in sys.argv[1:5])
found = fits.getdata(sys.argv[5])
mask = fits.getdata(sys.argv[5].replace(".fits", ".mask.fits"))
truth = (raw - bias - dark) / flat
apart = (np.abs(found - truth) / np.maximum(np.abs(truth), 1))[mask == 0]
print(json.dumps({"relative": float(apart.max()), "pixels": mask.size,
                  "masked": int(np.count_nonzero(mask))}))
