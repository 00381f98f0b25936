"""The truth of a simulated pair, and the difference that an ideal subtraction would give.

The ideal difference knows both point-spread functions: the kernel is their ratio in Fourier space at
each tile, both images without noise cancel exactly, and what is left is the noise of the one, minus
the noise of the other under that kernel, and the new sources.
"""

import json

import numpy as np
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


class TruePsf:
    """The PSF that the simulation was made with."""

    def __init__(self, psf):
        self.field = psf

    def stamp(self, x, y, dx, dy, half):
        return psf_stamp(self.field, x, y, dx, dy, half)


class StatedPsf:
    """The PSF that gppy states of its difference: stamps at the middles of equal parts of the field."""

    def __init__(self, path):
        header, data = fits.getheader(path), fits.getdata(path).astype(float)
        side, nx, ny = (header[name] for name in ("PSFSIDE", "PSFNX", "PSFNY"))
        stamps = data.reshape(ny, side, nx, side).swapaxes(1, 2)
        self.step, self.half = (header["PSFSTEPX"], header["PSFSTEPY"]), side // 2
        self.spectra = rfft2(np.fft.ifftshift(np.pad(stamps, [(0, 0)] * 2 + [(12, 11)] * 2), axes=(2, 3)))

    def stamp(self, x, y, dx, dy, half):
        """Bilinear between the stamps, moved by its phases, to squares of half px each way."""
        ny, nx = self.spectra.shape[:2]
        u = np.clip((x + 0.5) / self.step[0] - 0.5, 0, nx - 1.001)
        v = np.clip((y + 0.5) / self.step[1] - 0.5, 0, ny - 1.001)
        i, j = int(u), int(v)
        f, g = u - i, v - j
        here = (1 - g) * ((1 - f) * self.spectra[j, i] + f * self.spectra[j, i + 1]) + g * (
            (1 - f) * self.spectra[j + 1, i] + f * self.spectra[j + 1, i + 1]
        )
        n = here.shape[0]
        turn = np.exp(-2j * np.pi * (np.fft.fftfreq(n)[:, None] * dy + np.fft.rfftfreq(n)[None, :] * dx))
        whole = np.fft.fftshift(irfft2(here * turn, (n, n)))
        return whole[n // 2 - half : n // 2 + half + 1, n // 2 - half : n // 2 + half + 1]


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
        self.psf = TruePsf(broad["psf"])
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

    def sky(self, side):
        width, height = self.plan["width"], self.plan["height"]
        u = 2 * np.arange(width) / width - 1
        v = (2 * np.arange(height) / height - 1)[:, None]
        gx, gy, corners = side["skyGradientAdu"]
        return (side["skyAdu"] + gx * u + gy * v + corners * (u * u + v * v) / 2).astype(np.float32)

    def convolved_side(self):
        a, b = self.science["psf"]["fwhmPx"], self.reference["psf"]["fwhmPx"]
        return "science" if a < b else "reference"
