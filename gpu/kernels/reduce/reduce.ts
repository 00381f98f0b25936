/**
 * Takes the detector out of a strip of pixels: bias, dark, flat and first mask planes.
 *
 * @module
 */

/** Bits of the mask that {@linkcode reduceStrip} may set. */
export interface ReduceBits {
  /** Hot, dead, or without a usable flat. */
  readonly bad: number;
  /** Raw value at or above saturation. */
  readonly saturated: number;
  /** Raw value is NaN. */
  readonly noData: number;
}

/** What is taken out. Every strip is `[pixels]`, the same pixels as the raw strip. */
export interface ReduceOptions {
  /** Master bias, ADU. */
  readonly bias?: Float32Array | undefined;
  /** Master dark without bias, ADU. */
  readonly dark?: Float32Array | undefined;
  /** Exposure of the frame over that of the dark; 1 if left out. */
  readonly darkScale?: number;
  /** Master flat around 1; NaN where it is not known. */
  readonly flat?: Float32Array | undefined;
  /** A dark above this, ADU, marks a hot pixel. */
  readonly hotAbove?: number;
  /** A flat below this marks a dead pixel; 0 if left out. */
  readonly flatBelow?: number;
  /** A flat above this marks a bad pixel. */
  readonly flatAbove?: number;
  /** Raw values from this on, ADU, are saturated. */
  readonly saturation?: number;
  /** Factor on the result; 1 if left out. Used to bring flats to one level. */
  readonly scale?: number;
  /** Which bits the mask gets. */
  readonly bits: ReduceBits;
}

/**
 * Reduces a strip: `(raw − bias − darkScale · dark) / flat · scale`.
 *
 * A pixel whose flat is unusable is not divided. A raw NaN stays NaN.
 *
 * @param raw `[pixels]`, ADU; NaN where there is no sample. Overwritten with the result.
 * @param mask `[pixels]`; bits are added to what it holds.
 * @param options Masters and limits.
 */
export function reduceStrip(raw: Float32Array, mask: Uint16Array, options: ReduceOptions): void {
  const { bias, dark, flat, bits } = options;
  markRaw(raw, mask, options.saturation ?? Infinity, bits);
  if (dark !== undefined && options.hotAbove !== undefined) {
    const limit = options.hotAbove;
    for (let i = 0; i < raw.length; i++) if (dark[i]! > limit) mask[i]! |= bits.bad;
  }
  if (flat !== undefined) markFlat(flat, mask, options);
  if (bias !== undefined) { for (let i = 0; i < raw.length; i++) raw[i]! -= bias[i]!; }
  if (dark !== undefined) {
    const scale = options.darkScale ?? 1;
    for (let i = 0; i < raw.length; i++) raw[i] = raw[i]! - scale * dark[i]!;
  }
  const scale = options.scale ?? 1;
  const low = Math.max(options.flatBelow ?? 0, Number.MIN_VALUE);
  if (flat !== undefined) {
    for (let i = 0; i < raw.length; i++) {
      const gain = flat[i]!;
      raw[i] = raw[i]! * scale / (gain >= low ? gain : 1);
    }
  } else if (scale !== 1) {
    for (let i = 0; i < raw.length; i++) raw[i] = raw[i]! * scale;
  }
}

function markRaw(
  raw: Float32Array,
  mask: Uint16Array,
  saturation: number,
  bits: ReduceBits,
): void {
  for (let i = 0; i < raw.length; i++) {
    const v = raw[i]!;
    if (v >= saturation) mask[i]! |= bits.saturated;
    else if (v !== v) mask[i]! |= bits.noData;
  }
}

function markFlat(flat: Float32Array, mask: Uint16Array, options: ReduceOptions): void {
  const low = Math.max(options.flatBelow ?? 0, Number.MIN_VALUE);
  const high = options.flatAbove ?? Infinity;
  const { bad } = options.bits;
  for (let i = 0; i < flat.length; i++) {
    if (!(flat[i]! >= low && flat[i]! <= high)) mask[i]! |= bad;
  }
}
