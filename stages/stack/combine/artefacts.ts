/**
 * Finds what is in one frame alone: trails, cosmic rays, ghosts.
 *
 * @module
 */

import type { Artefact, Outlier } from "./artefact_shapes.ts";
import { sortOutliers } from "./artefact_shapes.ts";
import { combineFrames, type CombineOptions, type StackStrip } from "./combine.ts";
import { bit } from "../../../sky/mask.ts";
import { EXCLUDED, type StackFrame } from "../frames/frames.ts";
import type { Grid } from "../frames/grid.ts";
import { Sampler } from "./sample_at.ts";
import { SpoiltPixels } from "../frames/spoilt_pixels.ts";

/** What one frame does not share with the others. */
export interface FrameArtefacts {
  /** On the grid of the stack. */
  readonly artefacts: readonly Artefact[];
  /** The same, in the frame. */
  readonly spoilt: SpoiltPixels;
}

/** How artefacts are told from noise and stars. */
export interface ArtefactOptions extends Omit<CombineOptions, "method" | "spoilt" | "fromRow"> {
  /** Pixels around an artefact that are taken in. */
  readonly growPx: number;
  /** Told how many rows have been looked at. */
  readonly onRows?: (rows: number) => void;
}

/** A star of another seeing or place differs by a share of what is this near, px. */
const NEAR_PX = 3;
/** More outliers than this share of the pixels say that the frame as a whole does not fit. */
const MOST_OUTLIERS = 0.02;

/**
 * Finds the pixels in which a frame differs from what the others predict.
 *
 * The prediction is their mean without outliers. A sample x of frame k is one where
 * |x − prediction| > n·σ + A·|prediction|: σ² is the variance of the frame's sky and of the light
 * predicted, and the second term spares stars where seeing or registration differ (Gruen, Seitz &
 * Bernstein 2014, as CLIPPED of SWarp); its prediction is the brightest within 3 px. Neighbouring
 * outliers are joined, sorted into streaks and spots, and grown.
 *
 * All frames are resampled once for this. With fewer than three there is nothing to compare.
 *
 * @param frames The frames.
 * @param grid The grid of the stack.
 * @param options n is `clipSigma`, A `clipSigma` times `clipRelative`.
 * @returns The artefacts of each frame on the grid of the stack.
 */
export async function findArtefacts(
  frames: readonly StackFrame[],
  grid: Grid,
  options: ArtefactOptions,
): Promise<Artefact[][]> {
  const found = frames.map((): Outlier[] => []);
  if (frames.length > 2) {
    const search = new OutlierSearch(frames, grid, options, found);
    const how = { ...options, method: "clipped-mean", sources: true } as const;
    for await (const strip of combineFrames(frames, grid, how)) {
      search.add(strip);
      options.onRows?.(strip.firstRow);
    }
    search.finish();
  }
  const most = MOST_OUTLIERS * grid.width * grid.height;
  return found.map((outliers) =>
    outliers.length > most ? [] : sortOutliers(outliers, options.growPx)
      .map((one) => ({ ...one, pixels: within(one.pixels, grid) }))
  );
}

/**
 * Finds where artefacts lie in their frames.
 *
 * @param found The artefacts of each frame, on the grid.
 * @param frames The frames.
 * @param grid The grid of the stack.
 * @returns One entry a frame.
 */
export function placeArtefacts(
  found: readonly (readonly Artefact[])[],
  frames: readonly StackFrame[],
  grid: Grid,
): FrameArtefacts[] {
  return found.map((artefacts, k) => ({
    artefacts,
    spoilt: spoiltBy(artefacts, frames[k]!, grid),
  }));
}

function within(pixels: readonly number[], { width, height }: Grid): number[] {
  const kept: number[] = [];
  for (let i = 0; i < pixels.length; i += 2) {
    const [x, y] = [pixels[i]!, pixels[i + 1]!];
    if (x >= 0 && x < width && y >= 0 && y < height) kept.push(x, y);
  }
  return kept;
}

/** A sample that differs from the prediction by more than noise. */
interface Suspect {
  readonly frame: number;
  readonly x: number;
  readonly y: number;
  /** Distance from the prediction, ADU. */
  readonly off: number;
  /** What noise allows, ADU. */
  readonly noise: number;
}

/** Goes through the strips of a stack; a suspect waits until the rows around it are known. */
class OutlierSearch {
  readonly #frames: readonly StackFrame[];
  readonly #options: ArtefactOptions;
  readonly #width: number;
  readonly #found: readonly Outlier[][];
  #waiting: Suspect[] = [];
  /** The rows looked at, and some before them. */
  #rows = new Float32Array(0);
  #firstRow = 0;

  constructor(
    frames: readonly StackFrame[],
    grid: Grid,
    options: ArtefactOptions,
    found: readonly Outlier[][],
  ) {
    this.#frames = frames;
    this.#options = options;
    this.#width = grid.width;
    this.#found = found;
  }

  add(strip: StackStrip): void {
    const kept = this.#rows.subarray(Math.max(0, this.#rows.length - 2 * NEAR_PX * this.#width));
    const rows = new Float32Array(kept.length + strip.data.length);
    rows.set(kept);
    rows.set(strip.data, kept.length);
    this.#rows = rows;
    this.#firstRow = strip.firstRow - kept.length / this.#width;
    const known = strip.firstRow + strip.data.length / this.#width - NEAR_PX;
    const waiting = [...this.#waiting, ...this.#suspectsOf(strip)];
    this.#waiting = waiting.filter(({ y }) => y >= known);
    for (const suspect of waiting) if (suspect.y < known) this.#judge(suspect);
  }

  finish(): void {
    for (const suspect of this.#waiting.splice(0)) this.#judge(suspect);
  }

  #suspectsOf({ data, mask, firstRow, sources }: StackStrip): Suspect[] {
    const { clipSigma, kernel } = this.#options;
    const samplers = sources!.map((source) => new Sampler(source, kernel, EXCLUDED));
    const suspects: Suspect[] = [];
    const clipped = bit("CLIPPED");
    for (let i = 0; i < mask.length; i++) {
      if ((mask[i]! & clipped) === 0) continue;
      const predicted = data[i]!;
      const x = i % this.#width;
      const y = firstRow + (i - x) / this.#width;
      for (const [frame, { background, scale, gainEAdu }] of this.#frames.entries()) {
        const off = Math.abs(samplers[frame]!.at(x, y) - predicted);
        const light = Math.max(0, predicted) * scale / gainEAdu;
        const noise = clipSigma * Math.sqrt((background.globalSigma * scale) ** 2 + light);
        if (off > noise) suspects.push({ frame, x, y, off, noise });
      }
    }
    return suspects;
  }

  #judge({ frame, x, y, off, noise }: Suspect): void {
    const { clipSigma, clipRelative } = this.#options;
    const limit = noise + clipSigma * clipRelative * this.#brightestNear(x, y);
    if (off > limit) this.#found[frame]!.push({ x, y, excess: off / limit });
  }

  #brightestNear(px: number, py: number): number {
    let brightest = 0;
    const top = Math.max(0, py - NEAR_PX - this.#firstRow);
    const bottom = Math.min(this.#rows.length / this.#width - 1, py + NEAR_PX - this.#firstRow);
    for (let y = top; y <= bottom; y++) {
      const end = Math.min(this.#width - 1, px + NEAR_PX);
      for (let x = Math.max(0, px - NEAR_PX); x <= end; x++) {
        brightest = Math.max(brightest, Math.abs(this.#rows[y * this.#width + x]!));
      }
    }
    return brightest;
  }
}

/** The pixels of a frame that artefacts on the grid lie on. */
function spoiltBy(artefacts: readonly Artefact[], frame: StackFrame, { wcs }: Grid): SpoiltPixels {
  const spoilt = new SpoiltPixels(frame);
  for (const { pixels } of artefacts) {
    for (let i = 0; i < pixels.length; i += 2) {
      const [raDeg, decDeg] = wcs.pixelToSky(pixels[i]!, pixels[i + 1]!);
      const [x, y] = frame.wcs.skyToPixel(raDeg, decDeg);
      for (const sy of [Math.floor(y), Math.ceil(y)]) {
        for (const sx of [Math.floor(x), Math.ceil(x)]) spoilt.add(sx, sy);
      }
    }
  }
  return spoilt;
}

/**
 * Marks in the mask of a stack where samples were left out as artefacts.
 *
 * @param strips The stack.
 * @param found What was left out of each frame.
 * @param grid The grid of the stack.
 * @returns The strips, with CLIPPED in artefacts and STREAK in streaks where there is a value.
 */
export async function* markArtefacts(
  strips: AsyncIterable<StackStrip>,
  found: readonly FrameArtefacts[],
  { width }: Grid,
): AsyncGenerator<StackStrip> {
  const rows = new Map<number, { x: number; bits: number }[]>();
  for (const { artefacts } of found) {
    for (const { kind, pixels } of artefacts) {
      const bits = kind === "streak" ? bit("CLIPPED", "STREAK") : bit("CLIPPED");
      for (let i = 0; i < pixels.length; i += 2) {
        const row = rows.get(pixels[i + 1]!);
        if (row === undefined) rows.set(pixels[i + 1]!, [{ x: pixels[i]!, bits }]);
        else row.push({ x: pixels[i]!, bits });
      }
    }
  }
  for await (const strip of strips) {
    for (let y = 0; y < strip.mask.length / width; y++) {
      for (const { x, bits } of rows.get(strip.firstRow + y) ?? []) {
        const at = y * width + x;
        if (strip.weight[at]! > 0) strip.mask[at]! |= bits;
      }
    }
    const { encoded, ...pixels } = strip;
    // the mask has changed since it was encoded
    yield encoded === undefined
      ? strip
      : { ...pixels, encoded: { data: encoded.data, weight: encoded.weight } };
  }
}
