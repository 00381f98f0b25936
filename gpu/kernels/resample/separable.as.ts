// Lanczos-3 on blocks of pixels of a frame that is hardly turned against the grid: six taps along the
// rows of the source, then six along the column of the target, instead of 36.
//
// A column of the target crosses row v of the source at x = f(t, v). The samples there are common to
// all the pixels of the column. Weights are those of the phase nearest to the middle of 16 or eight
// neighbours; the rest of the way is a Taylor series, right to 3e-4 of the second difference of the
// pixels. See fixed_mesh.ts for when a frame may be treated so.

import { paramU32, slotPointer } from "../arguments.as";
import {
  BEFORE,
  Cell,
  MESH_SHIFT,
  OFFSET,
  PHASE,
  phaseAt,
  setRow,
  SOURCE_FIRST,
  SOURCE_ROWS,
  SOURCE_WIDTH,
} from "./cell.as";
import { sumOfRow6, total } from "./footprint.as";
import { behind1, behind2, behind3, reversed, weighted6 } from "./lanes.as";

/** Columns that are done together. */
export const GROUP: i32 = 16;
/** Rows of the target that are done together. */
export const BLOCK_ROWS: u32 = 32;
/** Rows of samples that there is room for. */
const MOST_SAMPLES: i32 = 48;
/** Bytes of a row of samples. */
const SAMPLES: usize = 64;
/** Bytes of what is kept of a row of the target: y, way along y, area, its slope. */
const ROW: usize = 16;
/** Bytes that a block needs. */
export const BLOCK_BYTES: usize = SAMPLES * MOST_SAMPLES + ROW * BLOCK_ROWS;
const ONE: f32 = 65536;
/** Ways along y of a column, 16.16, up to which the series needs no second term: 1/300 px. */
const FLAT: i32 = 218;

/** First position of a column in a row of the source, 16.16. */
function crossing(args: usize, cell: Cell, t: i32, v: i32): i32 {
  const shift = paramU32(args, MESH_SHIFT);
  const x = cell.x00 + (((cell.x01 - cell.x00) * t) >> shift);
  const y = cell.y00 + (((cell.y01 - cell.y00) * t) >> shift);
  const shear = cell.shear0 + (cell.shear1 - cell.shear0) * (<f32>t / <f32>(1 << shift));
  return x + <i32>(shear * <f32>((v << 16) - y));
}

/** One pixel, at column t of its cell and at a height, 16.16 with the offset; first row of its footprint. */
export function shearedSum(args: usize, cell: Cell, t: i32, py: i32, top: i32): f32 {
  const width = <i32>paramU32(args, SOURCE_WIDTH);
  const before = <i32>paramU32(args, BEFORE);
  const first = <i32>paramU32(args, SOURCE_FIRST);
  const offset = <i32>paramU32(args, OFFSET);
  let weight = phaseAt(args, py);
  let sum = f32x4.splat(0);
  for (let v = top; v < top + 6; v++, weight += 4) {
    const x = crossing(args, cell, t, v + first) + offset;
    const inside = min(max(x, before << 16), ((width - 5 + before) << 16) - 1);
    const from = slotPointer(args, 0) + (<usize>(v * width + (inside >> 16) - before) << 2);
    const along = sumOfRow6(from, phaseAt(args, inside));
    sum = f32x4.relaxed_madd(along, v128.load32_splat(weight), sum);
  }
  return total(sum);
}

/** Whether all that a block of a cell needs lies in the source. */
export function blockFits(args: usize, cell: Cell, fy: i32, rows: i32, columns: i32): bool {
  const before = <i32>paramU32(args, BEFORE);
  const first = <i32>paramU32(args, SOURCE_FIRST);
  const width = <i32>paramU32(args, SOURCE_WIDTH);
  const shift = paramU32(args, MESH_SHIFT);
  setRow(args, cell, fy);
  const y0 = cell.y;
  const y1 = cell.y + ((cell.dy * columns) >> shift);
  setRow(args, cell, fy + rows - 1);
  const y2 = cell.y;
  const y3 = cell.y + ((cell.dy * columns) >> shift);
  const top = (min(min(y0, y1), min(y2, y3)) >> 16) - before - 1;
  const bottom = (max(max(y0, y1), max(y2, y3)) >> 16) - before + 7;
  if (top < first || bottom > first + <i32>paramU32(args, SOURCE_ROWS)) return false;
  const x0 = crossing(args, cell, 0, top);
  const x1 = crossing(args, cell, columns, top);
  const x2 = crossing(args, cell, 0, bottom);
  const x3 = crossing(args, cell, columns, bottom);
  const left = (min(min(x0, x1), min(x2, x3)) >> 16) - before - 1;
  const right = (max(max(x0, x1), max(x2, x3)) >> 16) - before + 8;
  return left >= 0 && right <= width && bottom - top <= MOST_SAMPLES;
}

/**
 * Whole groups of columns of a block that fits.
 *
 * @param out Address of the first pixel.
 */
export function resampleBlock(
  args: usize,
  cell: Cell,
  fy: i32,
  rows: i32,
  groups: i32,
  out: usize,
  stride: usize,
  scratch: usize,
): void {
  const samples = scratch + ROW * BLOCK_ROWS;
  for (let u = 0; u < rows; u++) {
    setRow(args, cell, fy + u);
    const at = scratch + <usize>u * ROW;
    store<i32>(at, cell.y + <i32>paramU32(args, OFFSET));
    store<i32>(at, cell.dy, 4);
    store<f32>(at, cell.area, 8);
    store<f32>(at, cell.slope, 12);
  }
  for (let t = 0; t < groups * GROUP; t += GROUP) {
    const top = interpolateRows(args, cell, t, rows, scratch, samples);
    interpolateColumns(args, t, rows, top, scratch, samples, out + (<usize>t << 2), stride);
  }
}

/** Row of the source with the first tap of a row of the target at the columns of a group, or the last. */
function rowAt(args: usize, row: usize, t: i32, last: bool): i32 {
  const shift = paramU32(args, MESH_SHIFT);
  const dy = load<i32>(row, 4);
  const left = (dy * t) >> shift;
  const right = (dy * (t + GROUP)) >> shift;
  return (load<i32>(row) + (last ? max(left, right) : min(left, right))) >> 16;
}

/** Samples of a group of columns in all the rows that they need; returns the first row of the source. */
function interpolateRows(
  args: usize,
  cell: Cell,
  t: i32,
  rows: i32,
  rowsAt: usize,
  samples: usize,
): i32 {
  const shift = paramU32(args, MESH_SHIFT);
  const before = <i32>paramU32(args, BEFORE);
  const lowest = rowsAt + <usize>(rows - 1) * ROW;
  const top = min(rowAt(args, rowsAt, t, false), rowAt(args, lowest, t, false)) - before;
  const bottom = max(rowAt(args, rowsAt, t, true), rowAt(args, lowest, t, true)) - before + 6;
  // position, way to the next row and to the next column, in the middle of the group
  const last = t + GROUP - 1;
  const xl = cell.x00 + (((cell.x01 - cell.x00) * t) >> shift);
  const xr = cell.x00 + (((cell.x01 - cell.x00) * last) >> shift);
  const yl = cell.y00 + (((cell.y01 - cell.y00) * t) >> shift);
  const yr = cell.y00 + (((cell.y01 - cell.y00) * last) >> shift);
  const perColumn = (cell.shear1 - cell.shear0) / <f32>(1 << shift);
  const shearLeft = cell.shear0 + perColumn * <f32>t;
  const shearRight = cell.shear0 + perColumn * <f32>last;
  const shear = (shearLeft + shearRight) * 0.5;
  const x = (xl + xr) >> 1;
  const y = (yl + yr) >> 1;
  const mirrored = xr < xl;
  const way: f32 = mirrored ? -15 : 15;
  // what a column is wider than a pixel, at y, and how much more with every row
  const wide = (<f32>(xr - xl) - shear * <f32>(yr - yl)) / (way * ONE) - 1;
  const wider = (shearRight - shearLeft) / way;
  const width = <i32>paramU32(args, SOURCE_WIDTH);
  const kernel = slotPointer(args, 4);
  const start = x - 491520 + <i32>paramU32(args, OFFSET); // 7.5 px to the left
  const stride = <usize>width << 2;
  let row = slotPointer(args, 0) +
    (<usize>((top - <i32>paramU32(args, SOURCE_FIRST)) * width - before) << 2);
  let down = (top << 16) - y;
  let into = samples;
  for (const end = samples + <usize>(bottom - top) * SAMPLES; into < end; into += SAMPLES) {
    const position = start + <i32>(shear * <f32>down);
    const from = row + (<usize>(position >> 16) << 2);
    const w = kernel + <usize>((position >> 4) & 4095) * PHASE;
    const s0 = v128.load(from);
    const s1 = v128.load(from, 16);
    const s2 = v128.load(from, 32);
    const s3 = v128.load(from, 48);
    const s4 = v128.load(from, 64);
    const s5 = v128.load(from, 80);
    const weights = v128.load(w);
    const late = v128.load64_zero(w, 16);
    const changes = v128.load(w, 32);
    const lateChanges = v128.load64_zero(w, 48);
    const b0 = behind1(s0, s1);
    const b1 = behind1(s1, s2);
    const b2 = behind1(s2, s3);
    const b3 = behind1(s3, s4);
    const b4 = behind1(s4, s5);
    const c0 = behind2(s0, s1);
    const c1 = behind2(s1, s2);
    const c2 = behind2(s2, s3);
    const c3 = behind2(s3, s4);
    const e0 = behind3(s0, s1);
    const e1 = behind3(s1, s2);
    const e2 = behind3(s2, s3);
    const e3 = behind3(s3, s4);
    const slope = f32x4.splat(wide + wider * (<f32>down / ONE));
    const rest = f32x4.splat(<f32>((position & 15) - 8) / ONE);
    let off = f32x4.relaxed_madd(slope, f32x4(-7.5, -6.5, -5.5, -4.5), rest);
    const v0 = f32x4.relaxed_madd(
      off,
      weighted6(s0, b0, c0, e0, s1, b1, changes, lateChanges),
      weighted6(s0, b0, c0, e0, s1, b1, weights, late),
    );
    off = f32x4.relaxed_madd(slope, f32x4(-3.5, -2.5, -1.5, -0.5), rest);
    const v1 = f32x4.relaxed_madd(
      off,
      weighted6(s1, b1, c1, e1, s2, b2, changes, lateChanges),
      weighted6(s1, b1, c1, e1, s2, b2, weights, late),
    );
    off = f32x4.relaxed_madd(slope, f32x4(0.5, 1.5, 2.5, 3.5), rest);
    const v2 = f32x4.relaxed_madd(
      off,
      weighted6(s2, b2, c2, e2, s3, b3, changes, lateChanges),
      weighted6(s2, b2, c2, e2, s3, b3, weights, late),
    );
    off = f32x4.relaxed_madd(slope, f32x4(4.5, 5.5, 6.5, 7.5), rest);
    const v3 = f32x4.relaxed_madd(
      off,
      weighted6(s3, b3, c3, e3, s4, b4, changes, lateChanges),
      weighted6(s3, b3, c3, e3, s4, b4, weights, late),
    );
    if (mirrored) {
      v128.store(into, reversed(v3));
      v128.store(into, reversed(v2), 16);
      v128.store(into, reversed(v1), 32);
      v128.store(into, reversed(v0), 48);
    } else {
      v128.store(into, v0);
      v128.store(into, v1, 16);
      v128.store(into, v2, 32);
      v128.store(into, v3, 48);
    }
    row += stride;
    down += 65536;
  }
  return top;
}

/** Pixels of a group of columns from their samples, eight at a time. */
function interpolateColumns(
  args: usize,
  t: i32,
  rows: i32,
  top: i32,
  rowsAt: usize,
  samples: usize,
  out: usize,
  stride: usize,
): void {
  const shift = paramU32(args, MESH_SHIFT);
  const kernel = slotPointer(args, 4);
  const above = top + <i32>paramU32(args, BEFORE);
  const perColumn: f32 = <f32>1 / (ONE * <f32>(1 << shift));
  for (let u = 0; u < rows; u++, rowsAt += ROW, out += stride) {
    const y = load<i32>(rowsAt);
    const dy = load<i32>(rowsAt, 4);
    const area = load<f32>(rowsAt, 8);
    const areaSlope = load<f32>(rowsAt, 12);
    const slope = f32x4.splat(<f32>dy * perColumn);
    const bent = abs(dy) > FLAT << shift;
    for (let q = 0; q < 2; q++) {
      const left = t + 8 * q;
      const position = y + ((dy * (2 * left + 7)) >> (shift + 1));
      const w = kernel + <usize>((position >> 4) & 4095) * PHASE;
      const from = samples + <usize>((position >> 16) - above) * SAMPLES + <usize>(q << 5);
      const weights = v128.load(w);
      const late = v128.load64_zero(w, 16);
      const changes = v128.load(w, 32);
      const lateChanges = v128.load64_zero(w, 48);
      const rest = f32x4.splat(<f32>((position & 15) - 8) / ONE);
      const areas = f32x4.splat(areaSlope);
      const first = f32x4.splat(area + areaSlope * <f32>left);
      const into = out + <usize>(q << 5);
      for (let half: usize = 0; half < 32; half += 16) {
        const s0 = v128.load(from + half);
        const s1 = v128.load(from + half, SAMPLES);
        const s2 = v128.load(from + half, 2 * SAMPLES);
        const s3 = v128.load(from + half, 3 * SAMPLES);
        const s4 = v128.load(from + half, 4 * SAMPLES);
        const s5 = v128.load(from + half, 5 * SAMPLES);
        const place = f32x4.add(f32x4.splat(<f32>(half >> 2)), f32x4(0, 1, 2, 3));
        const off = f32x4.relaxed_madd(slope, f32x4.sub(place, f32x4.splat(3.5)), rest);
        let change = weighted6(s0, s1, s2, s3, s4, s5, changes, lateChanges);
        if (bent) {
          const bends = v128.load(w, 64);
          const lateBends = v128.load64_zero(w, 80);
          const bend = weighted6(s0, s1, s2, s3, s4, s5, bends, lateBends);
          change = f32x4.relaxed_madd(off, bend, change);
        }
        const value = weighted6(s0, s1, s2, s3, s4, s5, weights, late);
        const sum = f32x4.relaxed_madd(off, change, value);
        v128.store(into + half, f32x4.mul(sum, f32x4.relaxed_madd(areas, place, first)));
      }
    }
  }
}
