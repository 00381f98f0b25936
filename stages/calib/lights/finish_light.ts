/**
 * Writes the reduced strips of a light; one is computed while the last is written.
 *
 * @module
 */

import { setImmediate } from "node:timers/promises";
import type { Compute } from "../../../gpu/compute.ts";
import { foldMaskSums, foldSums, MASK_PLANES } from "../../../gpu/kernels/encode/encode.ts";
import {
  type FinishedRows,
  type FinishOptions,
  finishRows,
  type WeighOptions,
} from "../../../gpu/kernels/reduce/finish_rows.ts";
import type { Fringe } from "./fringe.ts";
import type { EncodedLight, LightOutputs } from "./light_outputs.ts";
import { type LightStrip, STRIP_ROWS } from "./reduce_light.ts";
import { StripPlaces } from "../frames/pipe_strips.ts";
import type { Size } from "../frames/section.ts";

/** Where and how strips are finished. */
export interface LightFinish extends Size {
  readonly compute: Compute;
  readonly signal: AbortSignal;
  /** Whole images; undefined when no weights are wanted. */
  readonly weigh: WeighOptions | undefined;
  /** What is taken off; asked for once the first strip is there. */
  readonly fringes: () => { readonly fringe: Fringe; readonly scale: number } | undefined;
}

/**
 * Finishes and writes the strips of a light.
 *
 * @param strips In order, each valid until the next is asked for.
 * @param outputs The files.
 * @param finish Weights, fringes, backend.
 * @returns How many pixels have each bit of the mask, `[16]`.
 */
export async function finishLight(
  strips: AsyncIterable<LightStrip>,
  outputs: LightOutputs,
  finish: LightFinish,
): Promise<Float64Array> {
  const counts = new Float64Array(MASK_PLANES);
  using places = new FinishPlaces(finish);
  let done: EncodedLight | undefined;
  for await (const strip of strips) {
    for (const part of cutStrip(strip, finish.width)) {
      const place = places.next(part.mask.length);
      const finishing = finishStrip(part, place, finish);
      finishing.catch(() => undefined); // awaited below
      await setImmediate(); // lets the computation start before this thread writes
      if (done !== undefined) await outputs.write(done);
      done = await finishing;
      addCounts(counts, place);
    }
  }
  if (done !== undefined) await outputs.write(done);
  return counts;
}

/** Adds the planes of a strip to those of the light. */
export function addCounts(counts: Float64Array, { mask }: FinishedRows): void {
  mask.counts.forEach((count, i) => counts[i % MASK_PLANES]! += count);
}

/** Strips that are not longer than there is room for. */
function* cutStrip({ firstRow, values, mask }: LightStrip, width: number): Generator<LightStrip> {
  const step = STRIP_ROWS * width;
  for (let from = 0; from < mask.length; from += step) {
    yield {
      firstRow: firstRow + from / width,
      values: values.subarray(from, from + step),
      mask: mask.subarray(from, from + step),
    };
  }
}

async function finishStrip(
  { firstRow, values, mask }: LightStrip,
  place: FinishedRows,
  { width, compute, signal, weigh, fringes }: LightFinish,
): Promise<EncodedLight> {
  const [from, to] = [firstRow * width, firstRow * width + mask.length];
  const found = fringes();
  const options: FinishOptions = {
    weigh: weigh && cutImages(weigh, from, to),
    fringes: found && { pattern: found.fringe.pattern.subarray(from, to), scale: found.scale },
    signal,
  };
  await finishRows(compute, { width, values, mask }, place, options);
  return encodedOf(place, width);
}

/** What goes to the files, with its sums. */
export function encodedOf({ image, mask, weight }: FinishedRows, width: number): EncodedLight {
  return {
    image: { raw: image.raw, sum: foldSums(image.sums) },
    mask: { raw: mask.raw, sum: foldMaskSums(mask.sums, width) },
    weight: weight && { raw: weight.raw, sum: foldSums(weight.sums) },
  };
}

/** The options with every image cut down to the pixels of a strip. */
export function cutImages(options: WeighOptions, from: number, to: number): WeighOptions {
  const { dark, flat, biasVariance, darkVariance, flatVariance } = options;
  const images = { dark, flat, biasVariance, darkVariance, flatVariance };
  const cut = Object.entries(images).map(([name, image]) => [name, image?.subarray(from, to)]);
  return { ...options, ...Object.fromEntries(cut) };
}

/** Room for two strips as their files have them, used in turn. */
export class FinishPlaces implements Disposable {
  readonly #width: number;
  readonly #places: StripPlaces<{ readonly [Name in "image" | "mask" | "weight"]: Uint8Array }>;
  #next = 0;

  /** Takes the room. */
  constructor({ width, height, compute, weigh }: Omit<LightFinish, "fringes">) {
    this.#width = width;
    const pixels = Math.min(STRIP_ROWS, height) * width;
    this.#places = new StripPlaces(compute, (room) => ({
      image: room(pixels * 4),
      mask: room(pixels * 2),
      weight: room(weigh === undefined ? 0 : pixels * 4),
    }));
  }

  /** The place for the next strip; that of the strip before the last is used again. */
  next(pixels: number): FinishedRows {
    const place = this.#places.at(this.#next++);
    const rows = pixels / this.#width;
    const floats = (room: Uint8Array) => ({
      raw: room.subarray(0, pixels * 4),
      sums: new Uint32Array(2 * rows),
    });
    return {
      image: floats(place.image),
      mask: {
        raw: place.mask.subarray(0, pixels * 2),
        sums: new Uint32Array(2 * rows),
        counts: new Uint32Array(MASK_PLANES * rows),
      },
      weight: place.weight.length === 0 ? undefined : floats(place.weight),
    };
  }

  /** Gives the room back. */
  [Symbol.dispose](): void {
    this.#places[Symbol.dispose]();
  }
}
