/**
 * Reduces a plain light on the chosen backend, strip by strip.
 *
 * @module
 */

import type { HostBuffer } from "../../gpu/backend.ts";
import type { Compute } from "../../gpu/compute.ts";
import type { ReduceOptions } from "../../gpu/kernels/reduce/reduce.ts";
import { reduceRows } from "../../gpu/kernels/reduce/reduce_rows.ts";
import { bit } from "../../sky/mask.ts";
import type { Detector } from "./detector.ts";
import { floatsOf, type PlainFrames, shortsOf } from "./plain_frames.ts";
import type { LightStrip } from "./reduce_strips.ts";

/** Rows of a strip; longer ones gain nothing. */
const ROWS = 256;
const SAT = bit("SAT");
const SUSPECT = bit("SUSPECT");

/** Where and how a light is reduced. */
export interface PlainReduction {
  readonly detector: Detector;
  /** Whole images of the masters. */
  readonly reduce: ReduceOptions;
  readonly compute: Compute;
  readonly signal: AbortSignal;
}

/** Room for one strip. */
interface Place {
  readonly input: HostBuffer;
  readonly values: HostBuffer;
  readonly mask: HostBuffer;
}

/**
 * Reduces a light; while a strip is in the caller's hands, the next is read and computed.
 *
 * @param open The light alone, of 16-bit pixels.
 * @param reduction Masters, limits, backend.
 * @returns Strips from the first rows to the last, each valid until the next is asked for.
 */
export async function* reducePlain(
  open: PlainFrames,
  reduction: PlainReduction,
): AsyncGenerator<LightStrip> {
  const { width, height } = open;
  const { compute, signal } = reduction;
  const step = Math.min(ROWS, height);
  using stack = new DisposableStack();
  const places = [0, 1].map((): Place => {
    const room = (bytes: number) => stack.use(compute.allocate(step * width * bytes));
    return { input: room(open.pixelBytes), values: room(4), mask: room(2) };
  });
  const start = (firstRow: number): Promise<LightStrip> | undefined => {
    if (firstRow >= height) return undefined;
    const rows = Math.min(step, height - firstRow);
    const place = places[firstRow / step % 2]!;
    const strip = reduceStripAt(open, { firstRow, rows }, place, reduction);
    strip.catch(() => undefined); // awaited below
    return strip;
  };
  let pending = start(0);
  try {
    for (let firstRow = step; pending !== undefined; firstRow += step) {
      signal.throwIfAborted();
      const strip: LightStrip = await pending;
      pending = start(firstRow);
      yield strip;
    }
  } finally {
    await pending?.catch(() => undefined);
  }
}

async function reduceStripAt(
  open: PlainFrames,
  { firstRow, rows }: { readonly firstRow: number; readonly rows: number },
  place: Place,
  { detector, reduce, compute, signal }: PlainReduction,
): Promise<LightStrip> {
  const { width, layout } = open;
  const [from, to] = [firstRow * width, (firstRow + rows) * width];
  const bytes = await open.read(0, firstRow, rows, place.input.bytes);
  const values = floatsOf(place.values.bytes, to - from);
  const mask = shortsOf(place.mask.bytes, to - from);
  // SUSPECT begins before SAT; which of the two is told below, from the few that are either
  await reduceRows(compute, { width, rows, bytes, layout }, { values, mask }, {
    ...reduce,
    bias: reduce.bias?.subarray(from, to),
    dark: reduce.dark?.subarray(from, to),
    flat: reduce.flat?.subarray(from, to),
    saturation: detector.suspectAdu,
    bits: { ...reduce.bits, saturated: SUSPECT },
  }, signal);
  const stored = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let i = 0; i < mask.length; i++) {
    const bits = mask[i]!;
    if (bits === 0 || (bits & SUSPECT) === 0) continue;
    const raw = layout.bzero + layout.bscale * stored.getInt16(2 * i);
    if (raw >= detector.saturationAdu) mask[i] = bits & ~SUSPECT | SAT;
  }
  return { firstRow, values, mask };
}
