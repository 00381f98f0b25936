/**
 * The grid of a stack: an undistorted map and a size.
 *
 * @module
 */

import { DataError } from "../../../config/errors.ts";
import type { Target, Unit } from "../../../config/site.ts";
import { median } from "../../../sky/stats.ts";
import { shiftWcs, tanWcs, type Wcs, wcsFromModel } from "../../../sky/wcs.ts";

/** The grid of a stack. */
export interface Grid {
  readonly wcs: Wcs;
  readonly width: number;
  readonly height: number;
}

/** A frame as far as its place on the sky goes. */
export interface Placed {
  readonly wcs: Wcs;
  readonly width: number;
  readonly height: number;
}

/** Which grid is wanted. */
export type GridChoice = "auto" | "target" | "pointing" | "frames" | "first";

/** What a grid may depend on besides the frames. */
export interface GridOptions {
  readonly choice: GridChoice;
  /** 0: that of the frames. */
  readonly scaleArcsec: number;
  /** The tile of the object, if it is known. */
  readonly target: Pick<Target, "raDeg" | "decDeg"> | undefined;
  /** Where the telescope was told to point, if that is known. */
  readonly pointing?: Pick<Target, "raDeg" | "decDeg"> | undefined;
  /** Columns of a tile; 0 or left out: 6.5 % more than the first frame has. */
  readonly widthPx?: number;
  /** Rows of a tile, likewise. */
  readonly heightPx?: number;
  readonly unit: Unit | undefined;
  readonly object: string;
}

/** Larger stacks are not made: their frames do not belong together. */
const LARGEST_PIXELS = 400_000_000;

/** A tile is larger than the frames by this much, so that pointing errors fit in. */
const TILE_MARGIN = 1.065;

const RADIANS = Math.PI / 180;

/**
 * Chooses the grid of a stack: north up, east left, but for `first`.
 *
 * `target` is the same for all nights of a tile: centred on it, the scale of the
 * unit, 6.5 % larger than the frames (9576×6388 gives 10200×6800). `pointing` is
 * such a tile about the pointing of the first frame, or the middle of the frames.
 * `frames` encloses all frames. `first` is the first frame without its distortion.
 * `auto` takes the target where it is known, else the frames.
 *
 * @param frames At least one.
 * @param options Which grid.
 * @returns Map and size.
 * @throws {DataError} If the target is not known, or the frames lie too far apart.
 */
export function chooseGrid(frames: readonly Placed[], options: GridOptions): Grid {
  const scaleArcsec = options.scaleArcsec > 0
    ? options.scaleArcsec
    : median(frames.map((frame) => middleScale(frame)));
  const { choice, target } = options;
  if (choice === "first") return firstGrid(frames[0]!);
  if (choice === "pointing") {
    return tileGrid(frames[0]!, options.pointing ?? middleOfAll(frames), options);
  }
  if (choice === "frames" || (choice === "auto" && target === undefined)) {
    return enclosingGrid(frames, scaleArcsec, options.object);
  }
  if (target === undefined) {
    throw new DataError(
      `Cannot stack "${options.object}" on its tile: the table of tiles does not know it`,
      { details: { object: options.object } },
    );
  }
  return tileGrid(frames[0]!, target, options);
}

function firstGrid({ wcs, width, height }: Placed): Grid {
  return { wcs: wcsFromModel({ ...wcs.model, distortion: { kind: "none" } }), width, height };
}

function tileGrid(
  frame: Placed,
  { raDeg, decDeg }: Pick<Target, "raDeg" | "decDeg">,
  { unit, scaleArcsec, widthPx = 0, heightPx = 0 }: GridOptions,
): Grid {
  const width = widthPx > 0 ? widthPx : tileSide(frame.width);
  const height = heightPx > 0 ? heightPx : tileSide(frame.height);
  const scale = scaleArcsec > 0 ? scaleArcsec : unit?.pixelScaleArcsec ?? middleScale(frame);
  return { wcs: tanWcs({ raDeg, decDeg, scaleArcsec: scale, width, height }), width, height };
}

function tileSide(framePx: number): number {
  const side = TILE_MARGIN * framePx;
  return framePx >= 2000 ? Math.round(side / 100) * 100 : Math.ceil(side);
}

function enclosingGrid(frames: readonly Placed[], scaleArcsec: number, object: string): Grid {
  const [raDeg, decDeg] = meanDirection(frames.map(middleOf));
  const base = tanWcs({ raDeg, decDeg, scaleArcsec, width: 1, height: 1 });
  const rims = frames.flatMap((frame) => rimOf(frame).map(([ra, dec]) => base.skyToPixel(ra, dec)));
  const [x0, x1] = extent(rims.map(([x]) => x));
  const [y0, y1] = extent(rims.map(([, y]) => y));
  const width = x1 - x0 + 1;
  const height = y1 - y0 + 1;
  if (!(width * height <= LARGEST_PIXELS)) {
    throw new DataError(
      `Cannot stack "${object}": its ${frames.length} frames spread over ${width}×${height} px`,
      { details: { object, frames: frames.length, width: text(width), height: text(height) } },
    );
  }
  return { wcs: shiftWcs(base, x0, y0), width, height };
}

const text = (value: number) => Number.isFinite(value) ? value : String(value);

function middleOfAll(frames: readonly Placed[]): Pick<Target, "raDeg" | "decDeg"> {
  const [raDeg, decDeg] = meanDirection(frames.map(middleOf));
  return { raDeg, decDeg };
}

function middleOf({ wcs, width, height }: Placed): readonly [number, number] {
  return wcs.pixelToSky((width - 1) / 2, (height - 1) / 2);
}

function middleScale({ wcs, width, height }: Placed): number {
  return Math.sqrt(wcs.pixelAreaArcsec2((width - 1) / 2, (height - 1) / 2));
}

/** Corners and middles of the sides, at the outer edges of the pixels. */
function rimOf({ wcs, width, height }: Placed): (readonly [number, number])[] {
  const xs = [-0.5, (width - 1) / 2, width - 0.5];
  const ys = [-0.5, (height - 1) / 2, height - 0.5];
  return xs.flatMap((x) => ys.map((y) => wcs.pixelToSky(x, y)));
}

function extent(values: readonly number[]): readonly [number, number] {
  if (values.some(Number.isNaN)) return [NaN, NaN];
  // a frame's own rim lies half a pixel outside its outermost centres
  return [Math.ceil(Math.min(...values) - 1e-6), Math.floor(Math.max(...values) + 1e-6)];
}

/** The mean of directions as unit vectors, which knows no seam at right ascension 0. */
function meanDirection(directions: readonly (readonly [number, number])[]): [number, number] {
  let [x, y, z] = [0, 0, 0];
  for (const [raDeg, decDeg] of directions) {
    const cosDec = Math.cos(decDeg * RADIANS);
    x += cosDec * Math.cos(raDeg * RADIANS);
    y += cosDec * Math.sin(raDeg * RADIANS);
    z += Math.sin(decDeg * RADIANS);
  }
  return [Math.atan2(y, x) / RADIANS, Math.atan2(z, Math.hypot(x, y)) / RADIANS];
}
