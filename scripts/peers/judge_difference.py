"""Measures a difference image against the truth, and the ideal difference beside it.

    judge_difference.py FOLDER SUBTRACTED [--again SUBTRACTED]... [--picture PNG]

FOLDER holds plan.json, science.fits, reference.fits and both without noise (truth_*.fits), as
scripts/bench_subtract.ts leaves them; SUBTRACTED is where gppy left the difference, its mask, weight and
PSF, and perhaps its score image; --again names differences of the same pair with other noise, by which
the noise map is judged. Prints one JSON object {"engine": NAME, "made": {...}, "ideal": {...}}.
"""

import argparse
import json
from pathlib import Path

import numpy as np
import sep
from astropy.io import fits
from scipy import ndimage
from scipy.spatial import cKDTree

from pair_truth import StatedPsf, Truth

BINS = {"20-50": (20, 50), "50-200": (50, 200), "200-500": (200, 500)}
THRESHOLD = 5.0


class Image:
    """A difference, its noise and the pixels that may not be used, and the PSF of its sources."""

    def __init__(self, truth, difference, sigma, mask, psf):
        self.difference, self.sigma, self.mask, self.psf = difference, sigma, mask, psf
        self.pulls = np.where(mask, 0, difference / sigma).astype(np.float32)
        height, width = difference.shape
        self.kernel = psf.stamp(width / 2, height / 2, 0, 0, 7)
        self.unit = self.filtered_noise(truth.quiet & ~mask)

    def filtered_noise(self, quiet):
        """Noise of the matched filter on bare sky over that of white noise: one unit of S/N everywhere here."""
        cut = np.s_[:4096, :4096]
        filled = np.where(quiet, self.pulls, 0)[cut]
        filtered = ndimage.convolve(filled, self.kernel / np.sqrt((self.kernel**2).sum()))
        away = ndimage.minimum_filter(quiet[cut].astype(np.uint8), 15) > 0
        return float(np.std(filtered[away]))


def read_image(truth, folder):
    name = lambda ending: Path(folder) / f"science.subt{ending}.fits"
    read = lambda ending: np.ascontiguousarray(fits.getdata(name(ending)), np.float32)
    data, inverse = read(""), read(".weight")
    bad = inverse <= 0
    sigma = np.where(bad, 1, 1 / np.sqrt(np.where(bad, 1, inverse))).astype(np.float32)
    return Image(truth, data, sigma, bad, StatedPsf(name(".psf")))


def point_flux(image, x, y, true_sigma, half=10):
    """Flux by the profile over 21 px squares, and its error.

    The weights are those of the true noise: a noise map made from the data knows the noise of its
    own pixels, and fluxes weighted by it come out low.
    """
    cx, cy = int(round(x)), int(round(y))
    height, width = image.difference.shape
    if not (half <= cx < width - half and half <= cy < height - half):
        return None
    cut = np.s_[cy - half : cy + half + 1, cx - half : cx + half + 1]
    if image.mask[cut][half - 3 : half + 4, half - 3 : half + 4].any():
        return None
    profile = image.psf.stamp(x, y, x - cx, y - cy, half)
    weight = np.where(image.mask[cut], 0, profile / true_sigma[cut] ** 2)
    norm = (weight * profile).sum()
    error = np.sqrt((weight**2 * image.sigma[cut] ** 2).sum()) * image.unit
    return (weight * image.difference[cut]).sum() / norm, error / norm


def blocks(difference, quiet, variance, side=64):
    """Pulls of means over squares of quiet pixels; noise that correlates is taken as it was before."""
    height, width = (n // side * side for n in difference.shape)
    fold = lambda a: a[:height, :width].reshape(height // side, side, width // side, side).sum((1, 3))
    count = fold(quiet.astype(np.float64))
    total, spread = fold(np.where(quiet, difference, 0)), fold(np.where(quiet, variance, 0))
    kept = count > 0.25 * side * side
    return total[kept] / np.sqrt(spread[kept])


def phases(pulls, good, period):
    """How much means along columns and rows of equal phase stand out, in their standard errors."""
    found = []
    for axis in (0, 1):
        total = np.where(good, pulls, 0).sum(axis)
        count = good.sum(axis)
        phase = np.arange(len(total)) % period
        sums, counts = np.bincount(phase, total), np.bincount(phase, count)
        found.append(sums / np.sqrt(np.maximum(counts, 1)))
    return float(np.sqrt(np.mean(np.concatenate(found) ** 2)))


def rms(values):
    return float(np.sqrt(np.mean(np.square(values)))) if len(values) else None


def mean(values):
    return float(np.mean(values)) if len(values) else None


def noise_figures(truth, images):
    """The noise map over the scatter of the same pixels from one noise to the next, on bare sky and on sources."""
    if len(images) < 2:
        return {"noise": None, "noise_on_sources": None}
    good = ~np.any([image.mask for image in images], 0)
    scatter = np.var([image.difference for image in images], 0, ddof=1)
    expected = np.mean([image.sigma**2 for image in images], 0)
    ratio = lambda where: float(1 / np.sqrt(np.mean((scatter / expected)[where]))) if where.any() else None
    sources = truth.signal > 3 * np.sqrt(truth.variance_sum)
    return {"noise": ratio(truth.quiet & good), "noise_on_sources": ratio(sources & good)}


def judge(truth, image):
    quiet = truth.quiet & ~image.mask
    sample = image.pulls[quiet]
    result = {
        "spread": float(np.std(sample[np.abs(sample) < 6])),
        "mean": float(np.mean(sample)),
        "block": rms(blocks(image.difference, quiet, truth.variance_sum)),
        "masked": float(image.mask.mean()),
        "seam": phases(np.clip(image.pulls, -6, 6), ~image.mask, 128),
    }
    result["stars"], result["cores"] = star_pulls(truth, image)
    return result | transient_figures(truth, image)


def star_pulls(truth, image):
    known = places(truth.plan["transients"])
    flat, cores = {}, {}
    for name, (low, high) in BINS.items():
        found, pixels = [], []
        for star in truth.plan["stars"]:
            if not low <= star["snr"] < high:
                continue
            if np.hypot(known[:, 0] - star["x"], known[:, 1] - star["y"]).min() < 12:
                continue
            one = point_flux(image, star["x"], star["y"], truth.ideal.sigma)
            if one is None:
                continue
            found.append(one[0] / one[1])
            x, y = int(round(star["x"])), int(round(star["y"]))
            pixels.append(image.pulls[y - 2 : y + 3, x - 2 : x + 3].ravel())
        flat[name] = {"n": len(found), "mean": mean(found), "rms": rms(found)}
        cores[name] = rms(np.concatenate(pixels)) if pixels else None
    return flat, cores


def places(sources):
    return np.array([[one["x"], one["y"]] for one in sources]).reshape(-1, 2)


def true_snr(truth):
    """S/N of the new sources by the noise as it truly is, whatever the difference says; NaN on masks."""
    found = [point_flux(truth.ideal, s["x"], s["y"], truth.ideal.sigma) for s in truth.plan["transients"]]
    return np.array(
        [np.nan if one is None else s["flux"] / one[1] for one, s in zip(found, truth.plan["transients"])]
    )


def transient_figures(truth, image):
    ratios, weights, pull = [], [], []
    for source, snr in zip(truth.plan["transients"], truth.snr):
        here = point_flux(image, source["x"], source["y"], truth.ideal.sigma)
        if here is None or source["near"] != "none" or not snr >= 10:
            continue
        ratios.append(here[0] / source["flux"])
        weights.append(snr**2)
        pull.append((here[0] - source["flux"]) / here[1])
    return detection_figures(truth, extract(image, 1)) | {
        "negative": len(extract(image, -1)),
        "flux": float(np.average(ratios, weights=weights)) if ratios else None,
        "flux_pull": rms(pull),
    }


def extract(image, sign):
    """Places of what sep detects by a matched filter with the PSF of the difference."""
    sep.set_extract_pixstack(int(3e6))
    found = sep.extract(
        np.ascontiguousarray(sign * image.pulls * image.sigma, np.float32),
        THRESHOLD * image.unit,
        err=np.ascontiguousarray(image.sigma, np.float32),
        mask=image.mask,
        minarea=1,
        filter_kernel=image.kernel,
        filter_type="matched",
        clean=False,
    )
    return np.column_stack([found["xcpeak"], found["ycpeak"]]).reshape(-1, 2)


def detection_figures(truth, found):
    known = places(truth.plan["transients"])
    seen = nearest(known, found) < 3
    false = nearest(found, known) > 4
    beside = nearest(found, places(s for s in truth.plan["stars"] if s["snr"] > 200)) < 15
    complete = {
        str(limit): float(seen[truth.snr >= limit].mean()) if (truth.snr >= limit).any() else None
        for limit in (5, 7, 10)
    }
    return {
        "complete": complete,
        "injected": int((truth.snr >= 5).sum()),
        "false": int(false.sum()),
        "false_beside_bright": int((false & beside).sum()),
    }


def nearest(these, others):
    if len(these) == 0 or len(others) == 0:
        return np.full(len(these), np.inf)
    return cKDTree(others).query(these)[0]


def score_figures(truth, path):
    """Spread of the score on bare sky, and what its peaks of five sigma are."""
    if not path.exists():
        return None
    score = fits.getdata(path).astype(np.float32)
    sample = score[truth.quiet & (score != 0)]
    peaks = (score >= THRESHOLD) & (score == ndimage.maximum_filter(score, 7))
    found = np.argwhere(peaks)[:, ::-1]
    return {"spread": float(np.std(sample[np.abs(sample) < 6]))} | detection_figures(truth, found)


def picture(path, images):
    """Difference over noise from −5 to 5, side by side, the upper row up; masked pixels at zero."""
    from PIL import Image as Picture

    side = 1000
    panels = [np.clip((one.pulls[:side, :side][::-1] + 5) * 25.5, 0, 255).astype(np.uint8) for one in images]
    gap = np.full((panels[0].shape[0], 8), 255, np.uint8)
    Picture.fromarray(np.hstack([panels[0], gap, panels[1]])).save(path)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder")
    parser.add_argument("subtracted")
    parser.add_argument("--again", action="append", default=[])
    parser.add_argument("--picture")
    given = parser.parse_args()
    truth = Truth(given.folder)
    truth.ideal = Image(truth, truth.difference, truth.sigma, truth.mask, truth.psf)
    truth.snr = true_snr(truth)
    made = read_image(truth, given.subtracted)
    if given.picture:
        picture(given.picture, [made, truth.ideal])
    others = [read_image(truth, folder) for folder in given.again]
    subtracted = Path(given.subtracted)
    figures = judge(truth, made) | noise_figures(truth, [made, *others])
    figures["score"] = score_figures(truth, subtracted / "science.subt.score.fits")
    header = fits.getheader(subtracted / "science.subt.fits")
    engine = header["SUBENG"] + (", preconvolved" if "PRECONV" in header else "")
    ideal = judge(truth, truth.ideal) | {"noise": None, "noise_on_sources": None, "score": None}
    print(json.dumps({"engine": engine, "made": figures, "ideal": ideal}))


main()
