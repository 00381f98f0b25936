"""Measures a difference image against the truth, and the ideal difference beside it.

    judge_difference.py FOLDER DIFFERENCE MASK WEIGHT [PICTURE]

FOLDER holds plan.json, science.fits, reference.fits and both without noise (truth_*.fits), as
scripts/bench_subtract.ts leaves them. The ideal difference knows both point-spread functions: the
kernel is their ratio in Fourier space at each tile, both images without noise cancel exactly, and what
is left is the noise of the one, minus the noise of the other under that kernel, and the new sources.
Prints one JSON object {"native": {...}, "ideal": {...}}.
"""

import json
import sys

import numpy as np
import sep
from astropy.io import fits
from scipy import ndimage
from scipy.fft import irfft2, next_fast_len, rfft2

TILE = 128  # px over which the true kernel is held constant
STAMP = 81  # px
HALF = 20  # of the true kernel, px
FLOOR = 1e-7  # of the power at zero frequency, below which a frequency is not restored
BETA = 3.5
NODES = np.array([-0.3872983346207417, 0.0, 0.3872983346207417])
SHARES = np.array([5, 8, 5]) / 18
BINS = {"20-50": (20, 50), "50-200": (50, 200), "200-500": (200, 500)}
THRESHOLD = 5.0


def psf_stamp(psf, x, y, dx=0.0, dy=0.0, half=12):
    """Moffat profile at (x, y), integrated over pixels, centred at (dx, dy) of the stamp's middle."""
    u, v = 2 * x / psf["width"] - 1, 2 * y / psf["height"] - 1
    fwhm = psf["fwhmPx"] * (
        1 + psf["growth"] * (u * u + v * v) / 2 + psf["tilt"][0] * u + psf["tilt"][1] * v
    )
    e1 = psf["ellipticity"][0] + psf["radialEllipticity"] * (u * u - v * v) / 2
    e2 = psf["ellipticity"][1] + psf["radialEllipticity"] * u * v
    e = min(0.6, np.hypot(e1, e2))
    q, angle = 1 - e, np.arctan2(e2, e1) / 2
    alpha = fwhm / (2 * np.sqrt(2 ** (1 / BETA) - 1))
    axis = np.arange(-half, half + 1)
    total = np.zeros((2 * half + 1, 2 * half + 1))
    for wy, ny in zip(SHARES, NODES):
        for wx, nx in zip(SHARES, NODES):
            px, py = axis[None, :] + nx - dx, axis[:, None] + ny - dy
            along = px * np.cos(angle) + py * np.sin(angle)
            across = -px * np.sin(angle) + py * np.cos(angle)
            r2 = (along**2 * q + across**2 / q) / alpha**2
            total += wx * wy * (1 + r2) ** -BETA
    return total * (BETA - 1) / (np.pi * alpha**2)


def true_kernel(sharp, broad, x, y):
    """The kernel that makes the sharp image as broad as the other, sum 1, HALF px each way."""
    middle = STAMP // 2
    shift = (broad["shiftPx"][0] - sharp["shiftPx"][0], broad["shiftPx"][1] - sharp["shiftPx"][1])
    p = rfft2(np.fft.ifftshift(psf_stamp(sharp["psf"], x, y, half=middle)))
    q = rfft2(np.fft.ifftshift(psf_stamp(broad["psf"], x, y, *shift, half=middle)))
    power = np.abs(p) ** 2
    kernel = np.fft.fftshift(irfft2(q * p.conj() / (power + FLOOR * power[0, 0]), (STAMP, STAMP)))
    kernel = kernel[middle - HALF : middle + HALF + 1, middle - HALF : middle + HALF + 1]
    return kernel / kernel.sum()


def convolve_tiles(images, sharp, broad):
    """Convolves several images with the true kernel (or its square, by flag), tile by tile."""
    height, width = images[0][0].shape
    out = [np.zeros((height, width), np.float32) for _ in images]
    padded = [np.pad(image, HALF) for image, _ in images]
    n = next_fast_len(TILE + 4 * HALF)
    for top in range(0, height, TILE):
        for left in range(0, width, TILE):
            rows, columns = min(TILE, height - top), min(TILE, width - left)
            kernel = true_kernel(sharp, broad, left + columns / 2, top + rows / 2)
            for target, source, (_, squared) in zip(out, padded, images):
                k = rfft2(kernel**2 if squared else kernel, (n, n))
                cut = source[top : top + rows + 2 * HALF, left : left + columns + 2 * HALF]
                full = irfft2(rfft2(cut, (n, n)) * k, (n, n))
                target[top : top + rows, left : left + columns] = full[
                    2 * HALF : 2 * HALF + rows, 2 * HALF : 2 * HALF + columns
                ]
    return out


def reach_of(kernel):
    """Half side of the box with 98 % of the kernel's weight."""
    weight = np.abs(kernel)
    for reach in range(HALF + 1):
        middle = slice(HALF - reach, HALF + reach + 1)
        if weight[middle, middle].sum() >= 0.98 * weight.sum():
            return reach
    return HALF


class Truth:
    def __init__(self, folder):
        read = lambda name: fits.getdata(f"{folder}/{name}.fits").astype(np.float32)
        self.plan = json.load(open(f"{folder}/plan.json"))
        self.science, self.reference = self.plan["science"], self.plan["reference"]
        self.ratio = self.plan["fluxRatio"]
        clean = {"science": read("truth_science"), "reference": read("truth_reference")}
        fresh = read("truth_fresh")
        image = {"science": read("science"), "reference": read("reference")}
        noise, variance, bad = {}, {}, {}
        for name in clean:
            side = self.plan[name]
            light = clean[name] + (fresh if name == "science" else 0)
            bad[name] = ~np.isfinite(image[name]) | (image[name] >= side["saturationAdu"])
            noise[name] = np.where(bad[name], 0, image[name] - light).astype(np.float32)
            variance[name] = side["readNoiseAdu"] ** 2 + np.maximum(light, 0) / side["gainEAdu"]
        self.signal = clean["science"] - self.sky(self.science)
        other = (clean["reference"] - self.sky(self.reference)) * self.ratio
        for name, scale in (("reference", self.ratio),):
            noise[name] *= scale
            variance[name] *= scale**2
        self.variance_sum = variance["science"] + variance["reference"]
        self.moved = self.convolved_side()
        still = "reference" if self.moved == "science" else "science"
        sharp, broad = self.plan[self.moved], self.plan[still]
        self.broad = broad
        moved_noise, moved_variance = convolve_tiles(
            [(noise[self.moved], False), (variance[self.moved], True)], sharp, broad
        )
        sign = 1 if self.moved == "reference" else -1
        if self.moved == "science":
            (fresh,) = convolve_tiles([(fresh, False)], sharp, broad)
        self.difference = (fresh + sign * (noise[still] - moved_noise)).astype(np.float32)
        self.sigma = np.sqrt(variance[still] + moved_variance).astype(np.float32)
        middle = true_kernel(sharp, broad, self.plan["width"] / 2, self.plan["height"] / 2)
        reach = reach_of(middle)
        grown = ndimage.maximum_filter(bad[self.moved].astype(np.uint8), 2 * reach + 1) > 0
        self.mask = grown | bad[still]
        for edge in (slice(0, reach), slice(-reach, None)):
            self.mask[edge] = True
            self.mask[:, edge] = True
        dim = 0.25 * np.sqrt(self.variance_sum)
        self.quiet = (np.maximum(self.signal, other) < dim) & (fresh < 0.05 * dim)
        self.quiet = ndimage.minimum_filter(self.quiet.astype(np.uint8), 5) > 0
        self.unit = self.filtered_noise()

    def filtered_noise(self):
        """Noise of a matched filter on bare sky over that of white noise: one unit of S/N everywhere here."""
        height, width = self.difference.shape
        kernel = psf_stamp(self.broad["psf"], width / 2, height / 2, half=7)
        cut = np.s_[:4096, :4096]
        pulls = np.where(self.quiet & ~self.mask, self.difference / self.sigma, np.nan)[cut]
        filled = np.nan_to_num(pulls).astype(np.float32)
        filtered = ndimage.convolve(filled, kernel / np.sqrt((kernel**2).sum()))
        away = ndimage.minimum_filter(np.isfinite(pulls).astype(np.uint8), 15) > 0
        return float(np.std(filtered[away]))

    def sky(self, side):
        width, height = self.plan["width"], self.plan["height"]
        u = 2 * np.arange(width) / width - 1
        v = (2 * np.arange(height) / height - 1)[:, None]
        gx, gy, corners = side["skyGradientAdu"]
        return (side["skyAdu"] + gx * u + gy * v + corners * (u * u + v * v) / 2).astype(np.float32)

    def convolved_side(self):
        a, b = self.science["psf"]["fwhmPx"], self.reference["psf"]["fwhmPx"]
        return "science" if a < b else "reference"


def point_flux(difference, sigma, bad, psf, x, y, true_sigma, half=10):
    """Flux by the profile over 21 px squares, and its error by `sigma`.

    The weights are those of the true noise: a noise map made from the data knows the noise of its
    own pixels, and fluxes weighted by it come out low.
    """
    cx, cy = int(round(x)), int(round(y))
    height, width = difference.shape
    if not (half <= cx < width - half and half <= cy < height - half):
        return None
    cut = np.s_[cy - half : cy + half + 1, cx - half : cx + half + 1]
    if bad[cut][half - 3 : half + 4, half - 3 : half + 4].any():
        return None
    profile = psf_stamp(psf, x, y, x - cx, y - cy, half)
    weight = np.where(bad[cut], 0, profile / true_sigma[cut] ** 2)
    norm = (weight * profile).sum()
    error = np.sqrt((weight**2 * sigma[cut] ** 2).sum())
    return (weight * difference[cut]).sum() / norm, error / norm


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


def detect(pulls, sigma, mask, kernel, unit):
    sep.set_extract_pixstack(int(3e6))
    return sep.extract(
        np.ascontiguousarray(pulls * sigma, np.float32),
        THRESHOLD * unit,
        err=np.ascontiguousarray(sigma, np.float32),
        mask=mask,
        minarea=1,
        filter_kernel=kernel,
        filter_type="matched",
        clean=False,
    )


def judge(truth, difference, sigma, mask):
    plan = truth.plan
    psf = truth.broad["psf"]
    pulls = np.where(mask, 0, difference / sigma).astype(np.float32)
    quiet = truth.quiet & ~mask
    sample = pulls[quiet]
    block = blocks(difference, quiet, truth.variance_sum)
    result = {
        "spread": float(np.std(sample[np.abs(sample) < 6])),
        "mean": float(np.mean(sample)),
        "block": rms(block),
        "masked": float(mask.mean()),
        "noise": float(np.median((sigma / truth.sigma)[quiet])),
        "seam": phases(np.clip(pulls, -6, 6), ~mask, 128),
    }
    sources = (truth.signal > 3 * np.sqrt(truth.variance_sum)) & ~mask & ~truth.mask
    result["noise_on_sources"] = float(np.median((sigma / truth.sigma)[sources]))
    fresh = plan["transients"]
    known = np.array([[t["x"], t["y"]] for t in fresh])
    result["stars"], result["cores"] = star_pulls(truth, difference, sigma, mask, pulls, known)
    result |= transient_figures(truth, difference, sigma, mask, pulls, fresh, known, psf)
    return result


def star_pulls(truth, difference, sigma, mask, pulls, known):
    plan, psf = truth.plan, truth.broad["psf"]
    own = truth.science["psf"]
    flat, cores = {}, {}
    for name, (low, high) in BINS.items():
        found, pixels = [], []
        for star in plan["stars"]:
            if not low <= star["snr"] < high:
                continue
            if np.hypot(known[:, 0] - star["x"], known[:, 1] - star["y"]).min() < 12:
                continue
            one = point_flux(difference, sigma, mask, psf, star["x"], star["y"], truth.sigma)
            if one is None:
                continue
            found.append(one[0] / one[1] / truth.unit)
            x, y = int(round(star["x"])), int(round(star["y"]))
            pixels.append(pulls[y - 2 : y + 3, x - 2 : x + 3].ravel())
        flat[name] = {"n": len(found), "mean": mean(found), "rms": rms(found)}
        cores[name] = rms(np.concatenate(pixels)) if pixels else None
    return flat, cores


def mean(values):
    return float(np.mean(values)) if len(values) else None


def transient_figures(truth, difference, sigma, mask, pulls, fresh, known, psf):
    height, width = difference.shape
    kernel = psf_stamp(psf, width / 2, height / 2, half=7)
    found = detect(pulls, sigma, mask, kernel, truth.unit)
    negative = detect(-pulls, sigma, mask, kernel, truth.unit)
    away = distances(found, known)
    false = away[1] > 4
    snr, ratios, weights, pull = [], [], [], []
    for source in fresh:
        # The noise as it truly is, whatever the difference says.
        one = point_flux(truth.difference, truth.sigma, truth.mask, psf, source["x"], source["y"], truth.sigma)
        snr.append(np.nan if one is None else source["flux"] / one[1] / truth.unit)
        here = point_flux(difference, sigma, mask, psf, source["x"], source["y"], truth.sigma)
        if here is None or one is None or source["near"] != "none" or snr[-1] < 10:
            continue
        ratios.append(here[0] / source["flux"])
        weights.append(snr[-1] ** 2)
        pull.append((here[0] - source["flux"]) / here[1] / truth.unit)
    snr = np.array(snr)
    seen = distances_from(known, found) < 3
    complete = {
        str(limit): float(seen[snr >= limit].mean()) if (snr >= limit).any() else None
        for limit in (5, 7, 10)
    }
    bright = np.array([[s["x"], s["y"]] for s in truth.plan["stars"] if s["snr"] > 200]).reshape(-1, 2)
    beside = distances(found, bright)[1] < 15 if len(bright) else np.zeros(len(found), bool)
    return {
        "complete": complete,
        "injected": int((snr >= 5).sum()),
        "false": int(false.sum()),
        "false_beside_bright": int((false & beside).sum()),
        "negative": int(len(negative)),
        "flux": float(np.average(ratios, weights=weights)) if ratios else None,
        "flux_pull": rms(pull),
    }


def distances(found, known):
    from scipy.spatial import cKDTree

    if len(found) == 0:
        return np.zeros(0, int), np.zeros(0)
    far, index = cKDTree(known).query(np.column_stack([found["xcpeak"], found["ycpeak"]]))
    return index, far


def distances_from(known, found):
    from scipy.spatial import cKDTree

    if len(found) == 0:
        return np.full(len(known), np.inf)
    return cKDTree(np.column_stack([found["xcpeak"], found["ycpeak"]])).query(known)[0]


def picture(path, pairs):
    """Difference over noise from −5 to 5, side by side, the upper row up; masked pixels at zero."""
    from PIL import Image

    side = 1000
    panels = []
    for difference, sigma, mask in pairs:
        pulls = np.where(mask, 0, difference / sigma)[:side, :side][::-1]
        panels.append(np.clip((pulls + 5) * 25.5, 0, 255).astype(np.uint8))
    gap = np.full((panels[0].shape[0], 8), 255, np.uint8)
    Image.fromarray(np.hstack([panels[0], gap, panels[1]])).save(path)


def main(folder, difference, mask, weight, png=None):
    truth = Truth(folder)
    read = lambda path, kind: np.ascontiguousarray(fits.getdata(path), kind)
    data, inverse = read(difference, np.float32), read(weight, np.float32)
    bad = inverse <= 0
    sigma = np.where(bad, 1, 1 / np.sqrt(np.where(bad, 1, inverse))).astype(np.float32)
    if png:
        picture(png, [(data, sigma, bad), (truth.difference, truth.sigma, truth.mask)])
    ideal = judge(truth, truth.difference, truth.sigma, truth.mask)
    print(json.dumps({"native": judge(truth, data, sigma, bad), "ideal": ideal}))


main(*sys.argv[1:])
