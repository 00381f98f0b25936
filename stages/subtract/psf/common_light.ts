/**
 * The correlation of the noise of two images, without what both see.
 *
 * @module
 */

import { UNUSABLE } from "../../../sky/mask.ts";
import type { AlignedPair, NoiseCorrelation, PairImage } from "../pair.ts";
import { smoothing } from "./whiten.ts";

/** Correlation of the noise of both images of a pair. */
export interface PairCorrelation {
  readonly science: NoiseCorrelation;
  readonly reference: NoiseCorrelation;
}

/**
 * Takes the light of unresolved stars off the measured correlation of the noise.
 *
 * Stars too faint to be found correlate the pixels of bare sky as noise that was
 * resampled does, but over the width of the PSF, in both images alike, and they
 * vanish in the difference. Noise is not common to two images: the covariance of
 * one with the other is that of the stars alone. A Gaussian is fitted to it, and
 * what such stars make in each image is taken off. Noise never averages out better
 * than that of independent pixels: in crowded fields it may seem to.
 *
 * @param pair The images and the bare sky; without it nothing is taken off.
 * @returns The correlation of the noise alone.
 */
export function noiseAlone(pair: AlignedPair): PairCorrelation {
  const { science, reference, scale } = pair;
  if (pair.quiet === undefined) {
    return { science: science.correlation, reference: reference.correlation };
  }
  const share = Math.max(0, commonShare(pair, pair.quiet));
  // Of Gaussian PSFs: the peak of P⋆P goes as 1 / (2σ²), that of P⋆Q as 1 / (σ² + τ²).
  const squares = science.fwhmPx ** 2 + reference.fwhmPx ** 2;
  const brightness = scale * reference.skySigmaAdu / science.skySigmaAdu;
  const of = (image: PairImage, relative: number) =>
    without(image, share * relative * squares / (2 * image.fwhmPx ** 2));
  return { science: of(science, brightness), reference: of(reference, 1 / brightness) };
}

/** Less than half a per cent is what the samples do not resolve. */
const RESOLVED = 0.005;
/** More would be no faint stars: the images share something else. */
const MOST = 0.5;

/** The correlation without a Gaussian of a height at its middle, in units of the whole variance. */
function without(image: PairImage, height: number): NoiseCorrelation {
  const { correlation: { reachPx, values }, fwhmPx } = image;
  const light = Math.min(height, MOST), side = 2 * reachPx + 1;
  const spread = 4 * (fwhmPx / 2.3548) ** 2;
  const left = values.map((value, k) => {
    const dx = (k % side) - reachPx, dy = Math.floor(k / side) - reachPx;
    if (dx === 0 && dy === 0) return 1;
    const one = (value - light * Math.exp(-(dx * dx + dy * dy) / spread)) / (1 - light);
    // What had no correlation before has none now.
    return value === 0 || Math.abs(one) < RESOLVED ? 0 : one;
  });
  return { reachPx, values: smoothing(left) };
}

/** Side of the square in the middle that is looked at, px; of so many rows one. */
const WINDOW_PX = 1024;
const ROW_STEP = 4;
/** Offsets up to here tell of common light, px. */
const REACH_PX = 4;
/** Pixels farther from zero are no bare sky. */
const MOST_SIGMA = 3;
const LEAST_PIXELS = 5000;

/** What both images see of the noise of bare sky: their covariance at no offset, in units of both noises. */
function commonShare(pair: AlignedPair, quiet: Uint8Array): number {
  const { science, reference } = pair;
  const windows = { a: pullsOf(pair, science, quiet), b: pullsOf(pair, reference, quiet) };
  const width = Math.min(pair.width, WINDOW_PX), height = Math.min(pair.height, WINDOW_PX);
  const spread = 2 * (science.fwhmPx ** 2 + reference.fwhmPx ** 2) / 2.3548 ** 2;
  let data = 0, model = 0;
  for (let dy = -REACH_PX; dy <= REACH_PX; dy++) {
    for (let dx = -REACH_PX; dx <= REACH_PX; dx++) {
      const covariance = covarianceAt(windows, { width, height }, dx, dy);
      const shape = Math.exp(-(dx * dx + dy * dy) / spread);
      if (covariance === undefined) return 0;
      data += covariance * shape;
      model += shape * shape;
    }
  }
  return data / model;
}

function covarianceAt(
  { a, b }: { readonly a: Float32Array; readonly b: Float32Array },
  { width, height }: { readonly width: number; readonly height: number },
  dx: number,
  dy: number,
): number | undefined {
  let sumA = 0, sumB = 0, sum = 0, count = 0;
  for (let y = REACH_PX; y < height - REACH_PX; y += ROW_STEP) {
    const step = dy * width + dx;
    for (let at = y * width + REACH_PX, end = (y + 1) * width - REACH_PX; at < end; at++) {
      const one = a[at]!, other = b[at + step]!, product = one * other;
      if (product !== product) continue;
      sumA += one;
      sumB += other;
      sum += product;
      count++;
    }
  }
  return count < LEAST_PIXELS ? undefined : sum / count - (sumA / count) * (sumB / count);
}

/** The middle of an image over the noise of its sky; NaN where it is no bare sky. */
function pullsOf(pair: AlignedPair, image: PairImage, quiet: Uint8Array): Float32Array {
  const width = Math.min(pair.width, WINDOW_PX), height = Math.min(pair.height, WINDOW_PX);
  const left = Math.floor((pair.width - width) / 2), top = Math.floor((pair.height - height) / 2);
  const pulls = new Float32Array(width * height);
  for (let k = 0; k < pulls.length; k++) {
    const x = left + k % width, y = top + Math.floor(k / width), i = y * pair.width + x;
    const bare = quiet[i] === 1 && (image.mask[i]! & UNUSABLE) === 0;
    const pull = bare ? (image.data[i]! - image.skyAt(x, y)) / image.sigmaAt(x, y) : NaN;
    pulls[k] = Math.abs(pull) < MOST_SIGMA ? pull : NaN;
  }
  return pulls;
}
