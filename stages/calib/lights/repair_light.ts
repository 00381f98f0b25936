/**
 * Fills the bad pixels of a light that comes in strips.
 *
 * @module
 */

import { together } from "../../../config/together.ts";
import type { HostBuffer } from "../../../gpu/backend.ts";
import type { Compute } from "../../../gpu/compute.ts";
import {
  interpolate,
  type MaskedRows,
  WINDOW_PX,
} from "../../../gpu/kernels/interpolate/interpolate.ts";
import { bit } from "../../../sky/mask.ts";
import { floatsOf, shortsOf } from "../frames/plain_frames.ts";
import type { LightStrip } from "./reduce_light.ts";
import type { Size } from "../frames/section.ts";

/** Where pixels are filled. */
export interface LightRepair extends Size {
  readonly compute: Compute;
  readonly signal: AbortSignal;
}

/** Which pixels of a light are filled, and how they are marked. */
export const REPAIRED_PLANES = { bits: bit("BAD"), mark: bit("INTRP"), noData: bit("NO_DATA") };

/**
 * Fills BAD pixels from usable ones around them and marks them INTRP; those that cannot be filled
 * become NaN and NO_DATA. The result does not depend on how the light is cut. While a strip is in the
 * caller's hands, the next is filled.
 *
 * @param strips Reduced rows, in order, each valid until the next is asked for.
 * @param repair Size of the light, backend.
 * @returns Strips of other rows, in order, each valid until the next is asked for.
 */
export async function* repairLight(
  strips: AsyncIterable<LightStrip>,
  repair: LightRepair,
): AsyncGenerator<LightStrip> {
  using filler = new StripFiller(repair);
  const source = strips[Symbol.asyncIterator]();
  const next = async (): Promise<LightStrip | undefined> => {
    const { value, done } = await source.next();
    return done ? undefined : await filler.fill(value);
  };
  let pending = next();
  try {
    for (let strip = await pending; strip !== undefined; strip = await pending) {
      pending = next();
      pending.catch(() => undefined); // awaited above
      yield strip;
    }
  } finally {
    await pending.catch(() => undefined);
    await source.return?.();
  }
}

/** Fills strips, each as far as what is known of the next one allows. */
class StripFiller implements Disposable {
  readonly #repair: LightRepair;
  readonly #places: [HostBuffer?, HostBuffer?] = [];
  #turn = 0;
  /** The last rows of what came, copied: those not filled yet and the window's above them. */
  #tail: LightStrip = { firstRow: 0, values: new Float32Array(), mask: new Uint16Array() };
  /** The first row that is not filled yet. */
  #done = 0;

  constructor(repair: LightRepair) {
    this.#repair = repair;
  }

  async fill(strip: LightStrip): Promise<LightStrip> {
    const { width, height } = this.#repair;
    const first = this.#done;
    const end = strip.firstRow + strip.mask.length / width;
    const ready = end >= height ? height : Math.max(first, end - WINDOW_PX);
    const into = this.#place((ready - first) * width);
    // the rows about the seam lie in two places and are put together; the others stay where they are
    const seam = this.#join(strip, Math.min(end, strip.firstRow + 2 * WINDOW_PX));
    const seamEnd = seam.end === end ? ready : seam.end - WINDOW_PX;
    const jobs = [this.#run(seam, first, seamEnd, into)];
    if (seamEnd < ready) {
      jobs.push(this.#run(strip, seamEnd, ready, cutRows(into, (seamEnd - first) * width)));
    }
    await together(jobs);
    this.#done = ready;
    this.#keep(seam.end === end ? seam : strip);
    return { firstRow: first, ...into };
  }

  /** Fills rows of a strip that holds those about them. */
  async #run(strip: LightStrip, from: number, to: number, into: MaskedRows): Promise<void> {
    if (to <= from) return;
    const { width, compute, signal } = this.#repair;
    const top = from - strip.firstRow;
    const bottom = strip.mask.length / width - top - (to - from);
    const pixels = (to - from) * width;
    const rows = { ...strip, width, top, bottom };
    await interpolate(compute, rows, cutRows(into, 0, pixels), REPAIRED_PLANES, signal);
  }

  /** The kept rows and those of a strip before a row. */
  #join(strip: LightStrip, end: number): LightStrip & { readonly end: number } {
    const { width } = this.#repair;
    const tail = this.#tail;
    const taken = (end - strip.firstRow) * width;
    const values = new Float32Array(tail.mask.length + taken);
    const mask = new Uint16Array(values.length);
    values.set(tail.values);
    mask.set(tail.mask);
    values.set(strip.values.subarray(0, taken), tail.mask.length);
    mask.set(strip.mask.subarray(0, taken), tail.mask.length);
    return { firstRow: strip.firstRow - tail.mask.length / width, values, mask, end };
  }

  #keep({ firstRow, values, mask }: LightStrip): void {
    const kept = Math.max(firstRow, this.#done - WINDOW_PX);
    const from = (kept - firstRow) * this.#repair.width;
    this.#tail = { firstRow: kept, values: values.slice(from), mask: mask.slice(from) };
  }

  /** Room for a strip; that of the strip before the last is used again. */
  #place(pixels: number): { values: Float32Array; mask: Uint16Array } {
    const turn = this.#turn++ % 2;
    let place = this.#places[turn];
    if (place === undefined || place.bytes.length < 6 * pixels) {
      place?.[Symbol.dispose]();
      place = this.#places[turn] = this.#repair.compute.allocate(6 * pixels);
    }
    const { bytes } = place;
    return { values: floatsOf(bytes, pixels), mask: shortsOf(bytes.subarray(4 * pixels), pixels) };
  }

  [Symbol.dispose](): void {
    for (const place of this.#places) place?.[Symbol.dispose]();
  }
}

function cutRows({ values, mask }: MaskedRows, from: number, to?: number): MaskedRows {
  return { values: values.subarray(from, to), mask: mask.subarray(from, to) };
}
