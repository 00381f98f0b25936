/**
 * What spoils single pixels of an exposure: cosmic rays and overflowing columns.
 *
 * @module
 */

import { type PointList, type PsfField, shapeAt, stampPoint } from "./profile.ts";
import type { RandomStream } from "./random.ts";

/** Charge that a particle leaves in one pixel. */
export interface ChargeDrop {
  /** Column, px. */
  readonly x: number;
  /** Charge. */
  readonly electrons: number;
}

/** Rows of a column that overflow, both ends included. */
export interface BleedColumn {
  /** Column, px. */
  readonly x: number;
  /** First row. */
  readonly from: number;
  /** Last row. */
  readonly to: number;
}

/** A trail is never longer than this to either side. */
const MAX_TRAIL_PX = 300;
/** Half a side of the field around a star that is searched for overflowing pixels. */
const CORE_PX = 40;

/**
 * Draws cosmic rays: straight tracks, most of them short.
 *
 * @param random Stream of the frame.
 * @param expected Mean number.
 * @param width Of the frame, px.
 * @param height Of the frame, px.
 * @returns Charge by row.
 */
export function cosmicRays(
  random: RandomStream,
  expected: number,
  width: number,
  height: number,
): ReadonlyMap<number, readonly ChargeDrop[]> {
  const rows = new Map<number, ChargeDrop[]>();
  const count = random.poisson(expected);
  for (let i = 0; i < count; i++) {
    const angle = random.between(0, 2 * Math.PI);
    const lengthPx = Math.min(60, -2.5 * Math.log(random.uniform()));
    const perPx = 10 ** random.between(2, 3.3);
    const steps = Math.max(1, Math.ceil(2 * lengthPx));
    let x = random.between(0, width), y = random.between(0, height);
    for (let step = 0; step < steps; step++) {
      const column = Math.floor(x), row = Math.floor(y);
      if (column >= 0 && column < width && row >= 0 && row < height) {
        const drops = rows.get(row) ?? [];
        drops.push({ x: column, electrons: Math.round(perPx * random.between(0.3, 0.7)) });
        rows.set(row, drops);
      }
      x += 0.5 * Math.cos(angle);
      y += 0.5 * Math.sin(angle);
    }
  }
  return rows;
}

/**
 * Finds the columns that overflow: what a pixel cannot hold runs up and down
 * in equal parts until it has found room.
 *
 * @param points All sources of the frame.
 * @param psf Of the frame.
 * @param fullWellE What a pixel holds.
 * @returns One entry a column and star.
 */
export function bleedColumns(
  points: PointList,
  psf: PsfField,
  fullWellE: number,
): readonly BleedColumn[] {
  const columns: BleedColumn[] = [];
  for (let i = 0; i < points.x.length; i++) {
    const x = points.x[i]!, y = points.y[i]!, flux = points.flux[i]!;
    const shape = shapeAt(psf, x, y);
    if (flux * shape.peak < fullWellE) continue;
    columns.push(...bleedOfStar(x, y, flux, shape, fullWellE));
  }
  return columns.filter(({ x }) => x >= 0 && x < psf.width);
}

function bleedOfStar(
  x: number,
  y: number,
  flux: number,
  shape: ReturnType<typeof shapeAt>,
  fullWellE: number,
): BleedColumn[] {
  const size = 2 * CORE_PX + 1;
  const left = Math.round(x) - CORE_PX, bottom = Math.round(y) - CORE_PX;
  const data = new Float32Array(size * size);
  const core = { x: x - left, y: y - bottom, flux, radius: CORE_PX };
  stampPoint({ data, width: size, y0: 0, rows: size }, shape, core);
  const columns: BleedColumn[] = [];
  for (let column = 0; column < size; column++) {
    let excess = 0, first = Infinity, last = -Infinity;
    for (let row = 0; row < size; row++) {
      const over = data[row * size + column]! - fullWellE;
      if (over <= 0) continue;
      excess += over;
      first = Math.min(first, row);
      last = row;
    }
    if (excess === 0) continue;
    const trail = Math.min(MAX_TRAIL_PX, Math.ceil(excess / fullWellE / 2));
    columns.push({ x: left + column, from: bottom + first - trail, to: bottom + last + trail });
  }
  return columns;
}
