/**
 * Calibrates a light strip by strip, each in one job of the kernels.
 *
 * @module
 */

import { setImmediate } from "node:timers/promises";
import { MASK_PLANES } from "../../../gpu/kernels/encode/encode.ts";
import { calibrateRows, REPAIR_HALO } from "../../../gpu/kernels/reduce/calibrate_rows.ts";
import type { FinishedRows } from "../../../gpu/kernels/reduce/finish_rows.ts";
import { addCounts, cutImages, encodedOf, FinishPlaces, type LightFinish } from "./finish_light.ts";
import type { EncodedLight, LightOutputs } from "./light_outputs.ts";
import type { LightSource, SourcePlace, SourceRows } from "./light_source.ts";
import { type LightReduction, optionsAt, STRIP_ROWS } from "./reduce_light.ts";
import { REPAIRED_PLANES } from "./repair_light.ts";

/** How a light is calibrated. */
export interface StripCalibration
  extends Pick<LightReduction, "detector" | "reduce">, Omit<LightFinish, "fringes"> {
  /** Whether bad pixels are filled. */
  readonly repair: boolean;
}

/** Rows that are calibrated, and those that are read for them. */
interface Strip {
  readonly first: number;
  readonly rows: number;
  /** Rows read above the first. */
  readonly top: number;
  /** Rows read below the last. */
  readonly bottom: number;
  readonly read: SourceRows;
}

/**
 * Calibrates and writes a light that needs neither a search for cosmic rays nor fringes taken off.
 *
 * While one strip is computed the next is read and the last is written.
 *
 * @param source The open light.
 * @param outputs The files.
 * @param calibration Masters, limits, weights, backend.
 * @returns How many pixels have each bit of the mask, `[16]`.
 */
export async function calibrateStrips(
  source: LightSource,
  outputs: LightOutputs,
  calibration: StripCalibration,
): Promise<Float64Array> {
  const counts = new Float64Array(MASK_PLANES);
  using room = new SourceRoom(source, calibration);
  using places = new FinishPlaces(calibration);
  let done: EncodedLight | undefined;
  let next = await room.read(0);
  while (next !== undefined) {
    const strip: Strip = next;
    const place = places.next(strip.rows * source.width);
    const computing = calibrateStrip(source, strip, place, calibration);
    computing.catch(() => undefined); // awaited below
    await setImmediate(); // lets the computation start before this thread reads
    const writing = done && outputs.write(done);
    writing?.catch(() => undefined); // awaited below
    try {
      next = await room.read(strip.first + strip.rows);
    } finally {
      await Promise.allSettled([computing, writing]);
    }
    await writing;
    await computing;
    done = encodedOf(place, source.width);
    addCounts(counts, place);
  }
  if (done !== undefined) await outputs.write(done);
  calibration.signal.throwIfAborted();
  return counts;
}

async function calibrateStrip(
  { width, layout }: LightSource,
  { first, rows, top, bottom, read }: Strip,
  place: FinishedRows,
  calibration: StripCalibration,
): Promise<void> {
  const { compute, repair, weigh, signal } = calibration;
  const [from, to] = [(first - top) * width, (first + rows + bottom) * width];
  const raw = { width, rows: top + rows + bottom, top, bottom, bytes: read.bytes };
  await calibrateRows(compute, { ...raw, ...(layout && { layout }) }, place, {
    reduce: optionsAt(calibration, read, from, to),
    repair: repair ? REPAIRED_PLANES : undefined,
    weigh: weigh && cutImages(weigh, from, to),
    signal,
  });
}

/** Room for the raw rows of two strips, used in turn. */
class SourceRoom implements Disposable {
  readonly #source: LightSource;
  readonly #signal: AbortSignal;
  readonly #halo: number;
  readonly #stack = new DisposableStack();
  readonly #places: readonly SourcePlace[];
  #turn = 0;

  constructor(source: LightSource, { compute, repair, signal }: StripCalibration) {
    const { width, height, pixelBytes } = source;
    this.#source = source;
    this.#signal = signal;
    this.#halo = repair ? REPAIR_HALO : 0;
    const pixels = Math.min(STRIP_ROWS + 2 * this.#halo, height) * width;
    const room = (bytes: number) => this.#stack.use(compute.allocate(bytes * pixels));
    this.#places = [0, 1].map(() => ({ input: room(pixelBytes), known: room(2) }));
  }

  /** Reads the strip that begins at a row and what a repair needs about it. */
  async read(first: number): Promise<Strip | undefined> {
    this.#signal.throwIfAborted();
    const { height } = this.#source;
    if (first >= height) return undefined;
    const rows = Math.min(STRIP_ROWS, height - first);
    const top = Math.min(this.#halo, first);
    const bottom = Math.min(this.#halo, height - first - rows);
    const place = this.#places[this.#turn++ % 2]!;
    const read = await this.#source.read(first - top, top + rows + bottom, place);
    return { first, rows, top, bottom, read };
  }

  [Symbol.dispose](): void {
    this.#stack.dispose();
  }
}
