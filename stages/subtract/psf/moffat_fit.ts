/**
 * An elliptical Moffat profile fitted to the image of a PSF.
 *
 * @module
 */

import { solveScaled } from "../fit/linear_system.ts";

/** Logarithms of both axes of inertia's form, and where the profile sits. */
type Parameters = readonly [
  logAlphaX: number,
  logAlphaY: number,
  shear: number,
  logBeta: number,
  x: number,
  y: number,
];

const ITERATIONS = 40;

/** A profile, and the level it stands on. */
export interface MoffatFit {
  /** Sampled at the centres of the pixels, `[2·reachPx + 1, 2·reachPx + 1]`, without the level. */
  readonly profile: Float64Array;
  /** What neighbours add everywhere. */
  readonly level: number;
  /** Light of the profile beyond that square. */
  readonly beyond: number;
}

/**
 * Fits a Moffat profile on a level to a PSF.
 *
 * Levenberg & Marquardt over the axes, their shear, β and the place; height and
 * level follow linearly.
 *
 * @param psf `[side, side]`, side odd.
 * @param fwhmPx A first guess.
 * @param reachPx How far the profile is wanted; as far as the PSF if left out.
 * @returns The profile and what goes with it.
 */
export function fitMoffat(psf: Float64Array, fwhmPx: number, reachPx?: number): MoffatFit {
  const alpha = Math.log(Math.max(fwhmPx, 1) / (2 * Math.sqrt(2 ** (1 / 3) - 1)));
  let parameters: Parameters = [alpha, alpha, 0, Math.log(3), 0, 0];
  let model = scaled(parameters, psf), best = misfit(model, psf), damping = 1e-3;
  for (let iteration = 0; iteration < ITERATIONS && damping < 1e6; iteration++) {
    const next = step(parameters, psf, model, damping);
    const tried = scaled(next, psf), found = misfit(tried, psf);
    const better = found < best && next[3] < Math.log(20) && next[3] > Math.log(1.2);
    damping = better ? damping / 5 : damping * 5;
    if (!better) continue;
    const done = best - found < 1e-9 * best;
    [parameters, model, best] = [next, tried, found];
    if (done) break;
  }
  const side = Math.round(Math.sqrt(psf.length));
  const { height, level } = linear(profile(parameters, side), psf);
  const found = profile(parameters, reachPx === undefined ? side : 2 * reachPx + 1)
    .map((value) => height * value);
  const [logX, logY, , logBeta] = parameters;
  const whole = (height * Math.PI * Math.exp(logX + logY)) / (Math.exp(logBeta) - 1);
  const inside = found.reduce((a, b) => a + b, 0);
  return { profile: found, level, beyond: Math.min(Math.max(whole - inside, 0), 0.1 * inside) };
}

function profile(parameters: Parameters, side: number): Float64Array {
  const [logX, logY, shear, logBeta, x0, y0] = parameters;
  const half = (side - 1) / 2, beta = Math.exp(logBeta);
  return Float64Array.from({ length: side * side }, (_, i) => {
    const x = (i % side) - half - x0, y = Math.floor(i / side) - half - y0;
    const u = (x + shear * y) / Math.exp(logX), v = y / Math.exp(logY);
    return (1 + u * u + v * v) ** -beta;
  });
}

/** Height and level by least squares. */
function linear(shape: Float64Array, psf: Float64Array) {
  const n = psf.length;
  let s = 0, ss = 0, p = 0, sp = 0;
  shape.forEach((value, i) => {
    s += value;
    ss += value * value;
    p += psf[i]!;
    sp += value * psf[i]!;
  });
  const height = (n * sp - s * p) / (n * ss - s * s);
  return { height, level: (p - height * s) / n };
}

function scaled(parameters: Parameters, psf: Float64Array): Float64Array {
  const shape = profile(parameters, Math.round(Math.sqrt(psf.length)));
  const { height, level } = linear(shape, psf);
  return shape.map((value) => height * value + level);
}

function misfit(model: Float64Array, psf: Float64Array): number {
  return model.reduce((sum, value, i) => sum + (value - psf[i]!) ** 2, 0);
}

function step(
  parameters: Parameters,
  psf: Float64Array,
  model: Float64Array,
  damping: number,
): Parameters {
  const delta = 1e-4;
  const slopes = parameters.map((_, k) => {
    const moved = parameters.map((value, j) => j === k ? value + delta : value);
    return scaled(toParameters(moved), psf).map((value, i) => (value - model[i]!) / delta);
  });
  const dot = (a: Float64Array, b: Float64Array) => a.reduce((sum, v, i) => sum + v * b[i]!, 0);
  const away = psf.map((value, i) => value - model[i]!);
  const matrix = slopes.flatMap((a, i) =>
    slopes.map((b, j) => dot(a, b) * (i === j ? 1 + damping : 1) + (i === j ? 1e-20 : 0))
  );
  const right = slopes.map((slope) => dot(slope, away));
  const change = solveScaled(Float64Array.from(matrix), Float64Array.from(right));
  return toParameters(parameters.map((value, k) => value + change[k]!));
}

function toParameters(values: readonly number[]): Parameters {
  const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0] = values;
  return [a, b, c, d, e, f];
}
