/**
 * Shapes, places and fluxes of sources at known peaks, on threads.
 *
 * @module
 */

import type { Compute } from "../../compute.ts";
import { bytesOf, f64, type Kernel, type Slot, table, u32 } from "../../job.ts";
import type { PeakImage, Peaks } from "../find_peaks/find_peaks.ts";
import wasm from "./measure_sources.wasm.b64" with { type: "text" };

/** The kernel. */
export const MEASURE_SOURCES: Kernel = { name: "measure_sources", wasm };

/** An image with its sky and mask. */
export interface SourceImage extends PeakImage {
  /** `[height, width]`, bit planes. */
  readonly mask: Uint16Array<ArrayBufferLike>;
  readonly gainEAdu: number;
}

/** How sources are measured. */
export interface MeasureOptions {
  /** Means of 3 × 3 pixels from here on are measured as what they may be, stars; in the noise of a pixel. */
  readonly threshold: number;
  /** Planes of pixels that may not be used. */
  readonly unusable: number;
  /** The plane of those that are saturated. */
  readonly saturated: number;
  readonly signal?: AbortSignal | undefined;
}

/** Peaks with the sky around them; arrays of one length. */
export interface PeakShapes {
  /** `[peaks, 4]`: column, row, level and noise of the sky. */
  readonly places: Float64Array;
  /** `[peaks, 7]`: see {@linkcode SHAPE}. */
  readonly values: Float64Array;
}

/** Where a shape's values stand: all but the height only from the threshold on. */
export const SHAPE = {
  /** Of the mean of 3 × 3 pixels above the sky, in the noise of a pixel. */
  height: 0,
  /** All planes of the pixels within two. */
  planes: 1,
  /** 1 where there is a shape. */
  known: 2,
  x: 3,
  y: 4,
  fwhmPx: 5,
  ellipticity: 6,
  /** Values a peak. */
  size: 7,
} as const;

/** Sources; arrays of one length. */
export interface MeasuredSources {
  readonly x: Float64Array;
  readonly y: Float64Array;
  /** ADU, within two FWHM. */
  readonly flux: Float64Array;
  /** Its relative error is that within one FWHM. */
  readonly fluxError: Float64Array;
  /** NaN where there is none. */
  readonly fwhmPx: Float64Array;
  /** 1 − minor axis over major axis; NaN where there is none. */
  readonly ellipticity: Float64Array;
  /** Source Extractor's FLAGS: 4 saturated, 8 truncated, 64 corrupted. */
  readonly flags: Float64Array;
}

/** Sources that a thread takes at once. */
const PIECE = 64;

/**
 * Measures height and shape at peaks: a Gaussian laid through the logarithm of the pixels above a third of
 * the peak that lie around it, weighted with the square of the signal; shape from the curvature along both axes and the
 * diagonal.
 *
 * @param compute Where.
 * @param image The image.
 * @param peaks Places of the peaks.
 * @param options Which are measured.
 * @returns The shapes.
 */
export async function shapePeaks(
  compute: Compute,
  image: SourceImage,
  peaks: Peaks,
  options: MeasureOptions,
): Promise<PeakShapes> {
  const count = peaks.x.length;
  const places = new Float64Array(4 * count), values = new Float64Array(SHAPE.size * count);
  for (let i = 0; i < count; i++) {
    const x = peaks.x[i]!, y = peaks.y[i]!;
    places[4 * i] = x;
    places[4 * i + 1] = y;
    places[4 * i + 2] = image.skyAt(x, y);
    places[4 * i + 3] = image.sigmaAt(x, y);
  }
  const out: Slot = { role: "output", rowBytes: 8 * SHAPE.size, bytes: bytesOf(values) };
  await run(compute, image, { places, entry: "shapePeaks", rest: [out], fwhmPx: 1 }, options);
  return { places, values };
}

/**
 * Measures places, fluxes and flags of sources: sums within two FWHM above the sky, the error by those
 * within one, centres of light under a window of the width of the stars, moved along until they rest.
 *
 * @param compute Where.
 * @param image The image.
 * @param shapes Of its peaks.
 * @param fwhmPx Width of the stars.
 * @param options As with the shapes; peaks below the threshold have a flux by their height alone.
 * @returns A source for each peak.
 */
export async function measurePeaks(
  compute: Compute,
  image: SourceImage,
  shapes: PeakShapes,
  fwhmPx: number,
  options: MeasureOptions,
): Promise<MeasuredSources> {
  const { places, values } = shapes;
  const made = new Float64Array(values.length);
  const rowBytes = 8 * SHAPE.size;
  const rest: Slot[] = [
    { role: "input", rowBytes, bytes: bytesOf(values) },
    { role: "output", rowBytes, bytes: bytesOf(made) },
  ];
  await run(compute, image, { places, entry: "measurePeaks", rest, fwhmPx }, options);
  const column = (k: number) => {
    const one = new Float64Array(made.length / SHAPE.size);
    for (let i = 0; i < one.length; i++) one[i] = made[i * SHAPE.size + k]!;
    return one;
  };
  return {
    ...{ x: column(0), y: column(1), flux: column(2), fluxError: column(3) },
    ...{ fwhmPx: column(4), ellipticity: column(5), flags: column(6) },
  };
}

async function run(
  compute: Compute,
  image: SourceImage,
  work: {
    readonly places: Float64Array;
    readonly entry: string;
    readonly rest: readonly Slot[];
    readonly fwhmPx: number;
  },
  { threshold, unusable, saturated, signal }: MeasureOptions,
): Promise<void> {
  const { places, entry, rest, fwhmPx } = work;
  const rows = places.length / 4;
  if (rows === 0) return;
  const slots: Slot[] = [
    table(image.data),
    table(image.mask),
    { role: "input", rowBytes: 32, bytes: bytesOf(places) },
    ...rest,
  ];
  await compute.run({
    ...{ label: "measure sources", width: PIECE, rows, slots },
    passes: [{
      ...{ kernel: MEASURE_SOURCES, entry, slots: slots.map((_, i) => i), pieceRows: PIECE },
      params: [
        ...[u32(image.width), u32(image.height), ...f64(threshold), u32(unusable), u32(saturated)],
        ...[...f64(fwhmPx), ...f64(image.gainEAdu)],
      ],
      scratchBytes: 512,
    }],
  }, signal);
}
