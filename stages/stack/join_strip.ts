/**
 * Combines resampled layers with their masks.
 *
 * @module
 */

import type { ClipStack } from "../../gpu/kernels/clip_stack/clip_stack.ts";
import { bit } from "../../sky/mask.ts";
import type { Layer, StackStrip } from "./combine.ts";

const SAT = bit("SAT");
const NO_DATA = bit("NO_DATA");
const CLIPPED = bit("CLIPPED");
const REJECTED = bit("REJECTED");

/** Sums over samples that are saturated and nothing worse. */
interface Saturated {
  readonly sum: Float32Array;
  readonly count: Uint16Array;
}

/**
 * Combines layers pixel by pixel, leaving out masked samples.
 *
 * The planes of the samples that take part are joined. Where some were left out
 * the stack has REJECTED, where some were clipped CLIPPED, where some were
 * saturated SAT. Where all were left out, saturated samples are averaged (a star's
 * core is not a hole); without any the value is 0 and the planes are those of
 * all samples and NO_DATA.
 *
 * @param layers Resampled frames; excluded samples become NaN.
 * @param excluded Planes whose samples take no part.
 * @param combine Combines the values.
 * @returns Value, mask and inverse variance.
 */
export function joinStrip(
  layers: readonly Layer[],
  excluded: number,
  combine: (data: readonly Float32Array[]) => ClipStack,
): Omit<StackStrip, "firstRow"> {
  const pixels = layers[0]!.data.length;
  const mask = new Uint16Array(pixels);
  const lost = new Uint16Array(pixels);
  const saturated = { sum: new Float32Array(pixels), count: new Uint16Array(pixels) };
  for (const layer of layers) excludeMasked(layer, excluded, { mask, lost, saturated });
  const { value, kept, rejected, variance } = combine(layers.map(({ data }) => data));
  for (let i = 0; i < pixels; i++) {
    if (kept[i]! > 0) {
      if (rejected[i]! > 0) mask[i]! |= CLIPPED;
      if (lost[i] !== 0) mask[i]! |= REJECTED | (lost[i]! & SAT);
      variance[i] = variance[i]! > 0 ? 1 / variance[i]! : 0;
      continue;
    }
    variance[i] = 0;
    const count = saturated.count[i]!;
    value[i] = count > 0 ? saturated.sum[i]! / count : 0;
    mask[i] = count > 0 ? SAT : lost[i]! | NO_DATA;
  }
  return { data: value, mask, weight: variance };
}

/** Turns excluded samples into NaN and notes their planes; joins the planes of the others. */
function excludeMasked(
  { data, mask: planes }: Layer,
  excluded: number,
  into: {
    readonly mask: Uint16Array;
    readonly lost: Uint16Array;
    readonly saturated: Saturated;
  },
): void {
  const { mask, lost, saturated } = into;
  for (let i = 0; i < data.length; i++) {
    const bits = planes[i]!;
    if (bits === 0) continue;
    const reason = bits & excluded;
    if (reason === 0) {
      if (data[i] === data[i]) mask[i]! |= bits;
      continue;
    }
    lost[i]! |= bits;
    if (reason === SAT && data[i] === data[i]) {
      saturated.sum[i]! += data[i]!;
      saturated.count[i]!++;
    }
    data[i] = NaN;
  }
}
