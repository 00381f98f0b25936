#!/usr/bin/env python3
"""Makes the reference values in this folder with astropy (and sep for the background).

Run: python3 make_reference.py <folder of the real data>
"""

import glob
import json
import os
import sys
import warnings

import astropy
import numpy as np
from astropy import units as u
from astropy.coordinates import AltAz, Angle, EarthLocation, SkyCoord
from astropy.io import fits
from astropy.time import Time
from astropy.utils import iers
from astropy.visualization import ZScaleInterval
from astropy.wcs import WCS

warnings.simplefilter("ignore")
iers.conf.auto_download = False
iers.conf.iers_degraded_accuracy = "warn"

HERE = os.path.dirname(os.path.abspath(__file__))
DATA = sys.argv[1]
rng = np.random.default_rng(20240423)


def save(name, value):
    with open(os.path.join(HERE, name), "w") as f:
        json.dump({"astropy": astropy.__version__, **value}, f, indent=1)
        f.write("\n")


def sample(header, width, height, count=12):
    """Positions of pixels, from 0, and their directions by astropy."""
    wcs = WCS(header)
    xy = np.column_stack([rng.uniform(-5, width + 5, count), rng.uniform(-5, height + 5, count)])
    xy[0] = (0, 0)
    sky = wcs.all_pix2world(xy, 0)
    return [[*map(float, p), *map(float, s)] for p, s in zip(xy, sky)]


def wcs_real():
    out = []
    names = [
        "arcsat-20250602-xo1b/*.fits",
        "decam-cp-cutout/images/**/*.fits",
        "panoptes/*",
        "decam-sfft-mini/*.fits",
        "neoexchange-scamp/mef_raw_test_frame.fits",
    ]
    for name in names:
        for path in sorted(glob.glob(os.path.join(DATA, name), recursive=True)):
            with fits.open(path) as hdus:
                for i, hdu in enumerate(hdus):
                    header = hdu.header
                    if header.get("NAXIS") != 2 or not header.get("NAXIS1"):
                        continue
                    if not WCS(header, naxis=2).has_celestial:
                        continue
                    out.append({
                        "file": os.path.relpath(path, DATA),
                        "hdu": i,
                        "points": sample(header, header["NAXIS1"], header["NAXIS2"], 6),
                    })
    for path in sorted(glob.glob(os.path.join(DATA, "exotic-hatp32/derived/*.wcs.txt")))[:3]:
        header = fits.Header.fromtextfile(path)
        out.append({"file": os.path.relpath(path, DATA), "hdu": 0,
                    "points": sample(header, 650, 500, 6)})
    return out


def base(scale):
    angle = rng.uniform(0, 2 * np.pi)
    parity = rng.choice([-1, 1])
    c, s = np.cos(angle) * scale / 3600, np.sin(angle) * scale / 3600
    return {
        "CRVAL1": rng.uniform(0, 360), "CRVAL2": rng.uniform(-89, 89),
        "CRPIX1": rng.uniform(-500, 3000), "CRPIX2": rng.uniform(-500, 3000),
        "CD1_1": -parity * c, "CD1_2": s, "CD2_1": parity * s, "CD2_2": c,
    }


def types(kind):
    return {"CTYPE1": "RA---" + kind, "CTYPE2": "DEC--" + kind}


def tpv(kind):
    cards = {**types(kind), **base(rng.uniform(0.2, 3))}
    degree = [0, 1, 1, 1, 2, 2, 2, 3, 3, 3, 3, 3, 4, 4, 4, 4, 4, 5, 5, 5, 5, 5, 5, 5]
    for axis in (1, 2):
        for term, power in enumerate(degree):
            size = 10.0 ** (-3 - 0.5 * power)
            cards[f"PV{axis}_{term}"] = (1.0 if term == 1 else 0.0) + rng.normal() * size
    return cards


def sip(order):
    cards = {**types("TAN-SIP"), **base(rng.uniform(0.2, 3)), "A_ORDER": order, "B_ORDER": order}
    for name in "AB":
        for p in range(order + 1):
            for q in range(order + 1 - p):
                if p + q >= 2:
                    cards[f"{name}_{p}_{q}"] = rng.normal() * 3.0 / 2000.0 ** (p + q)
    return cards


def wcs_made():
    out = []
    for i in range(6):
        out.append({"name": f"TAN {i}", "cards": {**types("TAN"), **base(rng.uniform(0.1, 20))}})
        out.append({"name": f"TPV {i}", "cards": tpv("TPV")})
        out.append({"name": f"TAN with PV {i}", "cards": tpv("TAN")})
        out.append({"name": f"SIP {i}", "cards": sip(2 + i % 4)})
    cards = {**types("TAN"), **base(1)}
    matrix = [cards.pop(f"CD{i}_{j}") for i in (1, 2) for j in (1, 2)]
    pc = {"PC1_1": matrix[0] * 3000, "PC1_2": matrix[1] * 3000,
          "PC2_1": matrix[2] * 2500, "PC2_2": matrix[3] * 2500}
    out.append({"name": "PC and CDELT", "cards":
                {**cards, **pc, "CDELT1": 1 / 3000, "CDELT2": 1 / 2500}})
    out.append({"name": "CDELT and CROTA2", "cards":
                {**cards, "CDELT1": -3e-4, "CDELT2": 2.5e-4, "CROTA2": 33.0}})
    out.append({"name": "CDELT alone", "cards": {**cards, "CDELT1": -3e-4, "CDELT2": 2.5e-4}})
    out.append({"name": "LONPOLE", "cards":
                {**types("TAN"), **base(1), "LONPOLE": 150.0}})
    out.append({"name": "north pole in the field", "cards":
                {**types("TAN"), **base(2), "CRVAL2": 89.9, "CRPIX1": 1000., "CRPIX2": 1000.}})
    swapped = {**types("TAN"), **base(2)}
    swapped["CTYPE1"], swapped["CTYPE2"] = swapped["CTYPE2"], swapped["CTYPE1"]
    swapped["CRVAL1"], swapped["CRVAL2"] = 12.5, 200.25
    out.append({"name": "declination first", "cards": swapped})
    for case in out:
        case["cards"] = {k: v if isinstance(v, (str, int)) else float(v)
                         for k, v in case["cards"].items()}
        header = fits.Header(case["cards"])
        if "PV2_1" in header:  # astropy refuses SCAMP's form of the same thing
            header.update(types("TPV"))
        case["points"] = sample(header, 2000, 2000)
        if case["name"] == "declination first":
            case["points"] = [[x, y, b, a] for x, y, a, b in case["points"]]
    return out


def times():
    out = []
    for text in ["2024-04-23T02:53:12.123", "2000-01-01T12:00:00.000", "1999-12-31T23:59:59.999",
                 "2013-08-03T19:28:45.000", "2016-02-29T00:00:00.500", "1958-07-01T06:00:00.000"]:
        out.append({"iso": text, "mjd": Time(text, scale="utc").mjd})
    return out


def airmasses():
    sites = {"ElSauce": (-30.4725, -70.7631, 1600.), "APO": (32.78, -105.82, 2788.),
             "SAAO": (-32.38, 20.81, 1798.)}
    out = []
    for name, (lat, lon, height) in sites.items():
        place = EarthLocation.from_geodetic(lon, lat, height)
        for _ in range(40):
            time = Time(rng.uniform(55000, 61000), format="mjd", scale="utc")
            ra, dec = rng.uniform(0, 360), np.degrees(np.arcsin(rng.uniform(-1, 1)))
            seen = SkyCoord(ra * u.deg, dec * u.deg).transform_to(
                AltAz(obstime=time, location=place))
            lst = time.sidereal_time("apparent", longitude=lon * u.deg).deg
            out.append({"lat": lat, "lon": lon, "height": height, "mjd": float(time.mjd),
                        "ra": float(ra), "dec": float(dec), "alt": float(seen.alt.deg),
                        "secz": float(seen.secz), "lst": float(lst)})
    return out


def angles():
    out = []
    for _ in range(30):
        ra, dec = rng.uniform(0, 360), rng.uniform(-90, 90)
        ra2, dec2 = ra + rng.normal() * 10.0 ** rng.uniform(-6, 2), rng.uniform(-90, 90)
        if rng.uniform() < 0.5:
            dec2 = float(np.clip(dec + rng.normal() * 1e-4, -90, 90))
        a, b = SkyCoord(ra, dec, unit="deg"), SkyCoord(ra2, dec2, unit="deg")
        out.append({
            "ra": float(ra), "dec": float(dec), "ra2": float(ra2), "dec2": float(dec2),
            "separation": float(a.separation(b).deg),
            "hms": Angle(ra, "deg").to_string("hourangle", sep=":", precision=3, pad=True),
            "dms": Angle(dec, "deg").to_string("deg", sep=":", precision=2, pad=True,
                                               alwayssign=True),
        })
    return out


def zscales():
    out = []
    for name in ["sep-image/image.fits", "saao-kb13475/Images/AKB13475I0102.fits",
                 "arcsat-20250602-xo1b/XO1-b_z_20250602_041008.fits"]:
        data = fits.getdata(os.path.join(DATA, name)).astype(np.float32)
        lo, hi = ZScaleInterval().get_limits(data)
        out.append({"file": name, "lo": float(lo), "hi": float(hi)})
    return out


save("wcs.json", {"real": wcs_real(), "made": wcs_made()})
save("times.json", {"times": times(), "airmass": airmasses()})
save("angles.json", {"angles": angles()})
save("zscale.json", {"zscale": zscales()})
