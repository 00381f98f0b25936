"""Compares a combined image with Python's on some rows: agree.py METHOD COMBINED INPUT…"""

import json
import sys

import numpy as np
from astropy.io import fits
from astropy.stats import sigma_clip

method, combined, *inputs = sys.argv[1:]
middle = fits.getheader(inputs[0])["NAXIS2"] // 2
rows = slice(max(0, middle - 100), middle + 100)
cube = np.stack([fits.open(path)[0].section[rows] for path in inputs]).astype(np.float64)
if method == "median":
    truth = np.median(cube, axis=0)
else:
    truth = np.nanmean(sigma_clip(cube, sigma=3, maxiters=5, axis=0, masked=False), axis=0)
found = fits.open(combined)[0].section[rows].astype(np.float64)
relative = np.max(np.abs(found - truth) / np.maximum(np.abs(truth), 1e-30))
different = int(np.sum(found.astype(np.float32) != truth.astype(np.float32)))
print(json.dumps({"rows": found.shape[0], "relative": float(relative),
                  "different": different, "pixels": found.size}))
