/**
 * Calibrates a light strip by strip, each in one job of the kernels.
 *
 * @module
 */

import { MASK_PLANES } from "../../../gpu/kernels/encode/encode.ts";
import { calibrateRows, REPAIR_HALO } from "../../../gpu/kernels/reduce/calibrate_rows.ts";
import type { FinishedRows } from "../../../gpu/kernels/reduce/finish_rows.ts";
import { pipeStrips, StripPlaces } from "../frames/pipe_strips.ts";
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
  const { width } = source;
  const halo = calibration.repair ? REPAIR_HALO : 0;
  const pixels = Math.min(STRIP_ROWS + 2 * halo, source.height) * width;
  using sources = new StripPlaces(calibration.compute, (room): SourcePlace => {
    return { input: room(pixels * source.pixelBytes), known: room(pixels * 2) };
  });
  using places = new FinishPlaces(calibration);
  await pipeStrips<Strip, EncodedLight>({
    read: (index) => {
      calibration.signal.throwIfAborted();
      return readStrip(source, index * STRIP_ROWS, halo, sources.at(index));
    },
    compute: async (strip) => {
      const place = places.next(strip.rows * width);
      await calibrateStrip(source, strip, place, calibration);
      addCounts(counts, place);
      return encodedOf(place, width);
    },
    write: (done) => outputs.write(done),
  });
  calibration.signal.throwIfAborted();
  return counts;
}

/** Reads the strip that begins at a row and what a repair needs about it. */
async function readStrip(
  source: LightSource,
  first: number,
  halo: number,
  place: SourcePlace,
): Promise<Strip | undefined> {
  const { height } = source;
  if (first >= height) return undefined;
  const rows = Math.min(STRIP_ROWS, height - first);
  const top = Math.min(halo, first);
  const bottom = Math.min(halo, height - first - rows);
  const read = await source.read(first - top, top + rows + bottom, place);
  return { first, rows, top, bottom, read };
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
