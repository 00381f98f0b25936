/**
 * Inverse variance of reduced pixels, from gain, read noise and masters.
 *
 * @module
 */

/** What the noise of a reduced pixel comes from. Every strip is `[pixels]`. */
export interface InverseVarianceOptions {
  /** Electrons an ADU. */
  readonly gainEAdu: number;
  /** Electrons. */
  readonly readNoiseE: number;
  /** Master dark, ADU. */
  readonly dark?: Float32Array | undefined;
  /** Exposure of the frame over that of the dark; 1 if left out. */
  readonly darkScale?: number;
  /** Master flat around 1. */
  readonly flat?: Float32Array | undefined;
  /** Variance of the master bias, ADU²; NaN counts as 0. */
  readonly biasVariance?: Float32Array | undefined;
  /** Variance of the master dark, ADU²; NaN counts as 0. */
  readonly darkVariance?: Float32Array | undefined;
  /** Variance of the master flat; NaN counts as 0. */
  readonly flatVariance?: Float32Array | undefined;
  /** Pixels with any of these bits get weight 0. */
  readonly zeroBits: number;
}

/**
 * Computes `1 / variance` of reduced pixels.
 *
 * With s = `reduced · flat + darkScale · dark`, the light and dark current in ADU:
 *
 * `variance = (max(s, 0) / gain + (readNoise / gain)² + V_bias + darkScale² · V_dark) / flat²
 * + reduced² · V_flat / flat²`
 *
 * @param reduced `[pixels]`, ADU, as `reduceStrip` gives them.
 * @param mask `[pixels]`.
 * @param options Detector, masters and their variances.
 * @param into Room for `[pixels]`; a new array if left out.
 * @returns Weights, 1/ADU²; 0 where a pixel is of no use.
 */
export function inverseVariance(
  reduced: Float32Array,
  mask: Uint16Array,
  options: InverseVarianceOptions,
  into: Float32Array = new Float32Array(reduced.length),
): Float32Array {
  const { dark, flat, biasVariance, darkVariance, flatVariance, zeroBits } = options;
  const gain = options.gainEAdu;
  const readVariance = (options.readNoiseE / gain) ** 2;
  const scale = options.darkScale ?? 1;
  for (let i = 0; i < reduced.length; i++) {
    const value = reduced[i]!;
    const response = flat === undefined ? 1 : flat[i]!;
    const signal = value * response + (dark === undefined ? 0 : scale * dark[i]!);
    const light = signal > 0 ? signal / gain : 0;
    const raw = light + readVariance + known(biasVariance, i) +
      scale * scale * known(darkVariance, i);
    const variance = (raw + value * value * known(flatVariance, i)) / (response * response);
    const weight = 1 / variance;
    into[i] = (mask[i]! & zeroBits) === 0 && weight > 0 && weight < Infinity ? weight : 0;
  }
  return into.subarray(0, reduced.length);
}

function known(variances: Float32Array | undefined, i: number): number {
  if (variances === undefined) return 0;
  const variance = variances[i]!;
  return variance > 0 ? variance : 0;
}
