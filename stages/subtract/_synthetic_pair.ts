/**
 * Pairs of images with known truth, for tests.
 *
 * @module
 */

import { bit } from "../../sky/mask.ts";
import type { AlignedPair, KernelStar, PairImage } from "./pair.ts";

/** A point source. */
export interface TruthSource {
  readonly x: number;
  readonly y: number;
  /** ADU of the science frame. */
  readonly flux: number;
}

/** What a pair is made like. */
export interface SyntheticOptions {
  readonly size: number;
  readonly seed?: number;
  readonly stars?: number;
  readonly scienceFwhmPx?: number;
  readonly referenceFwhmPx?: number;
  /** Relative growth of the science FWHM from the left to the right border. */
  readonly fwhmSlope?: number;
  /** Science flux over reference flux. */
  readonly scale?: number;
  readonly scienceSky?: number;
  readonly referenceSky?: number;
  /** Added to the science sky from the left to the right border, ADU. */
  readonly skyGradient?: number;
  readonly scienceNoise?: number;
  readonly referenceNoise?: number;
  readonly transients?: readonly TruthSource[];
  /** Side of the square at the origin that the reference lacks, px. */
  readonly missingCornerPx?: number;
  readonly gain?: number;
  readonly shiftPx?: readonly [number, number];
}

/** Uniform random numbers in 0…1 that a seed decides (mulberry32). */
export function randomNumbers(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/** Normal random numbers of mean 0 and variance 1. */
export function normalNumbers(seed: number): () => number {
  const uniform = randomNumbers(seed);
  return () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());
}

/** Adds a Moffat star of β = 3, pixels sampled at their centres. */
export function addStar(
  data: Float64Array | Float32Array,
  width: number,
  star: { readonly x: number; readonly y: number; readonly flux: number; readonly fwhmPx: number },
): void {
  const beta = 3;
  const height = data.length / width;
  const alpha = star.fwhmPx / (2 * Math.sqrt(2 ** (1 / beta) - 1));
  const peak = (star.flux * (beta - 1)) / (Math.PI * alpha ** 2);
  const reach = Math.ceil(8 * star.fwhmPx);
  const left = Math.max(0, Math.round(star.x) - reach);
  const right = Math.min(width - 1, Math.round(star.x) + reach);
  const bottom = Math.min(height - 1, Math.round(star.y) + reach);
  for (let y = Math.max(0, Math.round(star.y) - reach); y <= bottom; y++) {
    for (let x = left; x <= right; x++) {
      const r2 = (x - star.x) ** 2 + (y - star.y) ** 2;
      data[y * width + x]! += peak * (1 + r2 / alpha ** 2) ** -beta;
    }
  }
}

/** A pair, and the truth of it. */
export interface SyntheticPair {
  readonly pair: AlignedPair;
  readonly stars: readonly TruthSource[];
}

/**
 * Makes a science frame and a reference of one star field.
 *
 * @param options Size, seeing, noise.
 * @returns The pair as a stage would load it, and its stars.
 */
export function syntheticPair(options: SyntheticOptions): SyntheticPair {
  const { size, seed = 1, scale = 1, fwhmSlope = 0, skyGradient = 0 } = options;
  const { scienceFwhmPx = 4, referenceFwhmPx = 3, shiftPx = [0, 0] } = options;
  const random = randomNumbers(seed);
  const count = options.stars ?? Math.round(size * size / 2500);
  const stars = Array.from({ length: count }, (): TruthSource => ({
    x: random() * size,
    y: random() * size,
    flux: Math.min(400 / (random() + 0.0015), 2e5),
  }));
  const science = new Float64Array(size * size), reference = new Float64Array(size * size);
  const fwhmAt = (x: number) => scienceFwhmPx * (1 + fwhmSlope * (x / size - 0.5));
  for (const { x, y, flux } of stars) {
    addStar(science, size, { x, y, flux, fwhmPx: fwhmAt(x) });
    const place = { x: x + shiftPx[0], y: y + shiftPx[1] };
    addStar(reference, size, { ...place, flux: flux / scale, fwhmPx: referenceFwhmPx });
  }
  for (const source of options.transients ?? []) {
    addStar(science, size, { ...source, fwhmPx: fwhmAt(source.x) });
  }
  const level = (x: number) => (options.scienceSky ?? 500) + skyGradient * (x / size - 0.5);
  const images = {
    science: pairImage(science, options, { seed: seed + 1, sky: level, side: "science" }),
    reference: pairImage(reference, options, {
      seed: seed + 2,
      sky: () => options.referenceSky ?? 200,
      side: "reference",
    }),
  };
  return {
    pair: { width: size, height: size, ...images, stars: kernelStars(stars, options), scale },
    stars,
  };
}

function pairImage(
  signal: Float64Array,
  options: SyntheticOptions,
  made: {
    readonly seed: number;
    readonly sky: (x: number) => number;
    readonly side: "science" | "reference";
  },
): PairImage {
  const { size, gain = 2, missingCornerPx = 0 } = options;
  const sigma = (made.side === "science" ? options.scienceNoise : options.referenceNoise) ?? 8;
  const normal = normalNumbers(made.seed);
  const data = new Float32Array(size * size), mask = new Uint16Array(size * size);
  for (let i = 0; i < data.length; i++) {
    const noise = normal() * Math.sqrt(sigma ** 2 + signal[i]! / gain);
    data[i] = signal[i]! + made.sky(i % size) + noise;
    const inCorner = i % size < missingCornerPx && Math.floor(i / size) < missingCornerPx;
    if (made.side === "reference" && inCorner) {
      data[i] = NaN;
      mask[i] = bit("NO_DATA");
    }
  }
  return {
    path: "",
    data,
    mask,
    skyAt: made.sky,
    sigmaAt: () => sigma,
    skyAdu: made.sky(size / 2),
    skySigmaAdu: sigma,
    saturationAdu: Infinity,
    fwhmPx: made.side === "science" ? options.scienceFwhmPx ?? 4 : options.referenceFwhmPx ?? 3,
    gainEAdu: gain,
    confusion: 0,
    correlation: { reachPx: 0, values: Float64Array.of(1) },
  };
}

function kernelStars(stars: readonly TruthSource[], options: SyntheticOptions): KernelStar[] {
  const noise = options.scienceNoise ?? 8;
  return stars
    .map(({ x, y, flux }) => ({ x, y, snr: flux / (noise * 12), fluxRatio: options.scale ?? 1 }))
    .filter((star) => star.snr > 20 && star.snr < 500)
    .sort((a, b) => b.snr - a.snr)
    .slice(0, 150);
}
