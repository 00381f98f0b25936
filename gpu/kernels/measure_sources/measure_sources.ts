/**
 * Shapes, places and fluxes of sources at known peaks.
 *
 * @module
 */

import type { Compute } from "../../compute.ts";
import { bytesOf, f32, type Kernel, type Slot, table, u32 } from "../../job.ts";
import type { PeakImage, Peaks } from "../find_peaks/find_peaks.ts";
import wgsl from "./measure_sources.wgsl" with { type: "text" };
import wasm from "./measure_sources.wasm.b64" with { type: "text" };

/** The kernel. */
export const MEASURE_SOURCES: Kernel = { name: "measure_sources", wgsl, wasm };

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
  readonly places: Float32Array;
  /** `[peaks, 7]`: see {@linkcode SHAPE}. */
  readonly values: Float32Array;
}

/** Where a shape's values stand: all but the height only from the threshold on. */
export const SHAPE = {
  /** Of the mean of 3 × 3 pixels above the sky, in the noise of a pixel. */
  height: 0,
  /** All planes of the pixels within two. */
  planes: 1,
  /** 1 where there is a shape. */
  known: 2,
  /** From the peak on, px. */
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
/** Pixels of the image that a job looks at, at most: any GPU can bind so many float32. */
const BAND_PIXELS = 1 << 24;
/** A shape lies within so many pixels of its peak, and so does its place. */
const SHAPE_REACH = 12;

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
  const places = new Float32Array(4 * count), values = new Float32Array(SHAPE.size * count);
  for (let i = 0; i < count; i++) {
    const x = peaks.x[i]!, y = peaks.y[i]!;
    places[4 * i] = x;
    places[4 * i + 1] = y;
    places[4 * i + 2] = image.skyAt(x, y);
    places[4 * i + 3] = image.sigmaAt(x, y);
  }
  const work = { entry: "shapePeaks", places, made: values, fwhmPx: 0 };
  await run(compute, image, work, options);
  return { places, values };
}

/**
 * Measures places, fluxes and flags of sources: sums within two FWHM above the sky, the error by those
 * within one, centres of light under a window of the width of the stars, moved along until they rest.
 *
 * In float64 on the cpu and float32 on a GPU; both round the level of the sky and what they find to float32:
 * places are right to 1e-6 px, all else to some 1e-6 of it.
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
  const made = new Float32Array(values.length);
  const work = { entry: "measurePeaks", places, shapes: values, made, fwhmPx };
  await run(compute, image, work, options);
  const column = (k: number, peak?: number) => {
    const one = new Float64Array(made.length / SHAPE.size);
    for (let i = 0; i < one.length; i++) {
      one[i] = made[i * SHAPE.size + k]! + (peak === undefined ? 0 : places[4 * i + peak]!);
    }
    return one;
  };
  return {
    ...{ x: column(0, 0), y: column(1, 1), flux: column(2), fluxError: column(3) },
    ...{ fwhmPx: column(4), ellipticity: column(5), flags: column(6) },
  };
}

/** An entry point, and its arrays: of each peak four places, and as many values as {@linkcode SHAPE} has. */
interface PeakWork {
  readonly entry: string;
  readonly places: Float32Array;
  readonly shapes?: Float32Array;
  readonly made: Float32Array;
  readonly fwhmPx: number;
}

async function run(
  compute: Compute,
  image: SourceImage,
  work: PeakWork,
  options: MeasureOptions,
): Promise<void> {
  const { width, height } = image;
  const reach = SHAPE_REACH + Math.ceil(3 * (work.fwhmPx || 0)) + 2;
  for (const { from, to, top, bottom } of bandsOf(work.places, image, reach)) {
    const rows = (array: Float32Array, size: number): Pick<Slot, "rowBytes" | "bytes"> => {
      return { rowBytes: 4 * size, bytes: bytesOf(array.subarray(from * size, to * size)) };
    };
    const slots: Slot[] = [
      table(image.data.subarray(top * width, bottom * width)),
      table(image.mask.subarray(top * width, bottom * width)),
      { role: "input", ...rows(work.places, 4) },
      ...work.shapes ? [{ role: "input", ...rows(work.shapes, SHAPE.size) } as const] : [],
      { role: "output", ...rows(work.made, SHAPE.size) },
    ];
    await compute.run({
      ...{ label: "measure sources", width: PIECE, rows: to - from, slots },
      passes: [{
        ...{ kernel: MEASURE_SOURCES, entry: work.entry, slots: slots.map((_, i) => i) },
        params: [
          ...[u32(width), u32(height), u32(top), f32(options.threshold), u32(options.unusable)],
          ...[u32(options.saturated), f32(work.fwhmPx), f32(image.gainEAdu)],
        ],
        ...{ each: PIECE, pieceRows: PIECE, scratchBytes: 512 },
      }],
    }, options.signal);
  }
}

/** Peaks one after the other, and the rows of the image that they need. */
interface Band {
  readonly from: number;
  readonly to: number;
  readonly top: number;
  readonly bottom: number;
}

/** Takes as many peaks together as lie in a band of the image that can be bound. */
function* bandsOf(
  places: Float32Array,
  { width, height }: SourceImage,
  reach: number,
): Generator<Band> {
  const count = places.length / 4, most = Math.floor(BAND_PIXELS / width);
  for (let from = 0, to = 0; from < count; from = to) {
    let top = height, bottom = 0;
    for (; to < count; to++) {
      const row = places[4 * to + 1]!;
      const first = Math.min(top, Math.max(0, row - reach));
      const end = Math.max(bottom, Math.min(height, row + reach + 1));
      if (to > from && end - first > most) break;
      top = first;
      bottom = end;
    }
    yield { from, to, top, bottom };
  }
}
