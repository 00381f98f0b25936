"""Takes cosmic rays out of an image with astroscrappy: rays.py PARAMETERS INPUT FOLDER

PARAMETERS is JSON; writes FOLDER/peer.fits and FOLDER/peer.mask.fits.
"""

import json
import os
import sys

import astroscrappy
import numpy as np
from astropy.io import fits

wanted = json.loads(sys.argv[1])
image = fits.getdata(sys.argv[2]).astype(np.float32)
mask, clean = astroscrappy.detect_cosmics(
    image, gain=wanted["gainEAdu"], readnoise=wanted["readNoiseE"], sigclip=wanted["sigmaClip"],
    sigfrac=wanted["sigmaFraction"], objlim=wanted["contrast"], niter=wanted["iterations"],
    satlevel=1e9, sepmed=wanted["separable"], fsmode="median", cleantype="medmask")
fits.writeto(os.path.join(sys.argv[3], "peer.fits"), clean, overwrite=True)
fits.writeto(os.path.join(sys.argv[3], "peer.mask.fits"), mask.astype(np.uint8), overwrite=True)
