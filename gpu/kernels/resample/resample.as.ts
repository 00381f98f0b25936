// Resamples rows of a frame onto another grid; prepareRows makes them ready for it.
//
// Slots: 0 pixels and 1 mask of source rows, from prepareRows; 2 row numbers, u32, without a gap;
// 3 mesh, nodes of (x, y, area), 16.16 fixed point and f32; 4 kernel [4096 + 1, 24], f32; 5 pixels
// [planes], f32, NaN where there is no value; 6 mask [planes], u16. Parameters: see cell.as.ts.

import { paramF32, paramU32, slotPointer, slotStride, widthOf } from "../arguments.as";
import {
  BEFORE,
  Cell,
  CELL_BYTES,
  loadCell,
  MASK_WEIGHT,
  MESH_COLUMNS,
  MESH_FIRST,
  MESH_SHIFT,
  NODE,
  OFFSET,
  phaseAt,
  PLANE,
  RINGING,
  RINGS,
  ROWS_FIRST,
  setRow,
  SOURCE_FIRST,
  SOURCE_ROWS,
  SOURCE_WIDTH,
  TAPS,
  UNFILLED,
} from "./cell.as";
import { isClean, planesOf, settled, sumOf4, sumOf6, sumOf8, total, touched } from "./footprint.as";
import { BLOCK_ROWS, blockFits, GROUP, resampleBlock, shearedSum } from "./separable.as";

export { prepareRows } from "./prepare_rows.as";

/** Resamples rows of the target from one frame. */
export function resampleRows(args: usize, from: u32, to: u32, scratch: usize): void {
  const width = widthOf(args);
  const shift = paramU32(args, MESH_SHIFT);
  const step: u32 = 1 << shift;
  const plane = paramU32(args, PLANE);
  const values = slotPointer(args, 5) + <usize>plane * slotStride(args, 5);
  const masks = slotPointer(args, 6) + <usize>plane * slotStride(args, 6);
  for (let row = from, rows: u32 = 0; row < to; row += rows) {
    const number = load<u32>(slotPointer(args, 2) + (<usize>row << 2)) - paramU32(args, MESH_FIRST);
    const fy = number & (step - 1);
    rows = min(min(to - row, step - fy), BLOCK_ROWS);
    let node = slotPointer(args, 3) + <usize>(number >> shift) * paramU32(args, MESH_COLUMNS) * NODE;
    for (let x: u32 = 0; x < width; x += step, node += NODE) {
      const at = <usize>(row * width + x);
      const columns = min(step, width - x);
      resampleCell(args, node, fy, rows, columns, values + (at << 2), masks + (at << 1), scratch);
    }
  }
}

/** The pixels of a block of a cell. */
function resampleCell(
  args: usize,
  node: usize,
  fy: i32,
  rows: i32,
  columns: i32,
  out: usize,
  outMask: usize,
  scratch: usize,
): void {
  const cell = changetype<Cell>(scratch);
  const width = <usize>widthOf(args);
  // most blocks lie inside the source and touch no masked pixel: one look for all their pixels
  const kind = loadCell(args, node, cell) ? lookAtBlock(args, cell, fy, rows, columns) : OUTSIDE;
  if (kind == OUTSIDE) {
    for (let u = 0; u < rows; u++, out += width << 2, outMask += width << 1) {
      leaveEmpty(out, outMask, columns);
    }
    return;
  }
  const clean = kind == CLEAN;
  let done = 0;
  if (paramU32(args, ROWS_FIRST) != 0 && blockFits(args, cell, fy, rows, columns)) {
    done = columns & ~(GROUP - 1);
    const room = scratch + CELL_BYTES;
    resampleBlock(args, cell, fy, rows, done / GROUP, out, width << 2, room);
  }
  for (let u = 0; u < rows; u++) {
    const values = out + (u * width << 2);
    const masks = outMask + (u * width << 1);
    if (!clean || done < columns) setRow(args, cell, fy + u);
    if (clean) clear(masks, done);
    else maskRow(args, cell, done, values, masks);
    if (done < columns) resampleRow(args, cell, done, columns, clean, values, masks);
  }
}

/** Clears the planes of whole groups. */
function clear(masks: usize, columns: i32): void {
  const zero = i16x8.splat(0);
  for (const end = masks + (<usize>columns << 1); masks < end; masks += 32) {
    v128.store(masks, zero);
    v128.store(masks, zero, 16);
  }
}

function leaveEmpty(out: usize, outMask: usize, columns: i32): void {
  const nan = f32x4.splat(f32.NaN);
  let t = 0;
  for (; t + 4 <= columns; t += 4) {
    v128.store(out + (<usize>t << 2), nan);
    store<u64>(outMask + (<usize>t << 1), 0);
  }
  for (; t < columns; t++) {
    store<f32>(out + (<usize>t << 2), f32.NaN);
    store<u16>(outMask + (<usize>t << 1), 0);
  }
}

/** No footprint of the block lies in the source. */
const OUTSIDE: i32 = 0;
/** Some lie in it, or some have a plane. */
const MIXED: i32 = 1;
/** All lie in it, and none has a plane. */
const CLEAN: i32 = 2;

function lookAtBlock(args: usize, cell: Cell, fy: i32, rows: i32, columns: i32): i32 {
  const shift = paramU32(args, MESH_SHIFT);
  const offset = <i32>paramU32(args, OFFSET);
  const before = <i32>paramU32(args, BEFORE);
  const taps = <i32>paramU32(args, TAPS);
  const width = <i32>paramU32(args, SOURCE_WIDTH);
  const height = <i32>paramU32(args, SOURCE_ROWS);
  const firstRow = <i32>paramU32(args, SOURCE_FIRST) + before;
  setRow(args, cell, fy);
  let left = min(cell.x, cell.x + ((cell.dx * columns) >> shift));
  let right = max(cell.x, cell.x + ((cell.dx * columns) >> shift));
  let top = min(cell.y, cell.y + ((cell.dy * columns) >> shift));
  let bottom = max(cell.y, cell.y + ((cell.dy * columns) >> shift));
  setRow(args, cell, fy + rows - 1);
  left = min(left, min(cell.x, cell.x + ((cell.dx * columns) >> shift)));
  right = max(right, max(cell.x, cell.x + ((cell.dx * columns) >> shift)));
  top = min(top, min(cell.y, cell.y + ((cell.dy * columns) >> shift)));
  bottom = max(bottom, max(cell.y, cell.y + ((cell.dy * columns) >> shift)));
  const x0 = ((left + offset) >> 16) - before;
  const x1 = ((right + offset) >> 16) - before + taps;
  const y0 = ((top + offset) >> 16) - firstRow;
  const y1 = ((bottom + offset) >> 16) - firstRow + taps;
  // the corners are rounded: one pixel more for what lies between them
  if (x1 < -1 || y1 < -1 || x0 > width || y0 > height) return OUTSIDE;
  if (x0 < 0 || y0 < 0 || x1 >= width || y1 >= height) return MIXED;
  return isClean(slotPointer(args, 1), <usize>width << 1, x0, x1, y0, y1) ? CLEAN : MIXED;
}

/** Planes of pixels of a row that have their values, group by group. */
function maskRow(args: usize, cell: Cell, columns: i32, out: usize, outMask: usize): void {
  const shift = paramU32(args, MESH_SHIFT);
  const stride = <usize>paramU32(args, SOURCE_WIDTH) << 1;
  const before = paramU32(args, BEFORE);
  const more = <i32>paramU32(args, TAPS) - 1;
  const x = cell.x + <i32>paramU32(args, OFFSET) - (before << 16);
  const y = cell.y + <i32>paramU32(args, OFFSET) - ((paramU32(args, SOURCE_FIRST) + before) << 16);
  const planes = slotPointer(args, 1);
  const zero = i16x8.splat(0);
  for (let t = 0; t < columns; t += GROUP) {
    const x0 = (x + ((cell.dx * t) >> shift)) >> 16;
    const x1 = (x + ((cell.dx * (t + GROUP - 1)) >> shift)) >> 16;
    const y0 = (y + ((cell.dy * t) >> shift)) >> 16;
    const y1 = (y + ((cell.dy * (t + GROUP - 1)) >> shift)) >> 16;
    const into = outMask + (<usize>t << 1);
    const right = max(x0, x1) + more;
    if (isClean(planes, stride, min(x0, x1), right, min(y0, y1), max(y0, y1) + more)) {
      v128.store(into, zero);
      v128.store(into, zero, 16);
    } else maskGroup(args, cell, t, out, outMask);
  }
}

/** Planes of the pixels of a group, one by one; those without a value lose what they have, those that ring settle. */
function maskGroup(args: usize, cell: Cell, from: i32, out: usize, outMask: usize): void {
  const shift = paramU32(args, MESH_SHIFT);
  const sourceWidth = paramU32(args, SOURCE_WIDTH);
  const before = paramU32(args, BEFORE);
  const offset = <i32>paramU32(args, OFFSET);
  const firstRow = paramU32(args, SOURCE_FIRST) + before;
  const planes = slotPointer(args, 1);
  for (let t = from; t < from + GROUP; t++) {
    const px = cell.x + ((cell.dx * t) >> shift) + offset;
    const py = cell.y + ((cell.dy * t) >> shift) + offset;
    const first = ((py >> 16) - firstRow) * sourceWidth + (px >> 16) - before;
    const bits = planesAt(args, planes + (<usize>first << 1), px, py);
    const value = out + (<usize>t << 2);
    if ((bits & UNFILLED) != 0) store<f32>(value, f32.NaN);
    else if ((bits & RINGS) != 0) {
      const area = cell.area + cell.slope * <f32>t;
      const nearest = first + before * (sourceWidth + 1);
      const from = slotPointer(args, 0) + (<usize>nearest << 2);
      const stride = <usize>sourceWidth << 2;
      store<f32>(value, settled(from, stride, load<f32>(value) / area) * area);
    }
    store<u16>(outMask + (<usize>t << 1), <u16>(bits & ~UNFILLED));
  }
}

/** Planes of the footprint of a position that begins at an address. */
function planesAt(args: usize, corner: usize, px: i32, py: i32): u32 {
  const taps = paramU32(args, TAPS);
  const stride = <usize>paramU32(args, SOURCE_WIDTH) << 1;
  if (!touched(corner, stride, taps)) return 0;
  const least = paramF32(args, MASK_WEIGHT);
  const wx = phaseAt(args, px);
  const wy = phaseAt(args, py);
  return planesOf(corner, stride, taps, wx, wy, least, paramU32(args, RINGING));
}

/** Pixels of a row of a cell, one by one. */
function resampleRow(
  args: usize,
  cell: Cell,
  from: i32,
  columns: i32,
  clean: bool,
  out: usize,
  outMask: usize,
): void {
  const shift = paramU32(args, MESH_SHIFT);
  const taps = paramU32(args, TAPS);
  const sourceWidth = paramU32(args, SOURCE_WIDTH);
  const before = <i32>paramU32(args, BEFORE);
  const offset = <i32>paramU32(args, OFFSET);
  const firstRow = <i32>paramU32(args, SOURCE_FIRST) + before;
  const lastX = <i32>sourceWidth - <i32>taps;
  const lastY = <i32>paramU32(args, SOURCE_ROWS) - <i32>taps;
  const rowsFirst = paramU32(args, ROWS_FIRST) != 0;
  const pixels = slotPointer(args, 0);
  const planes = slotPointer(args, 1);
  const stride = <usize>sourceWidth << 2;
  const x = cell.x + offset;
  const y = cell.y + offset;
  const dx = cell.dx;
  const dy = cell.dy;
  const area = cell.area;
  const slope = cell.slope;
  for (let t = from; t < columns; t++) {
    const px = x + ((dx * t) >> shift);
    const py = y + ((dy * t) >> shift);
    const left = (px >> 16) - before;
    const top = (py >> 16) - firstRow;
    if (!clean && (left < 0 || left > lastX || top < 0 || top > lastY)) {
      store<f32>(out + (<usize>t << 2), f32.NaN);
      store<u16>(outMask + (<usize>t << 1), 0);
      continue;
    }
    const first = <usize>(top * sourceWidth + left);
    const corner = pixels + (first << 2);
    let sum: f32;
    if (rowsFirst) sum = shearedSum(args, cell, t, py, top);
    else {
      const wx = phaseAt(args, px);
      const wy = phaseAt(args, py);
      if (taps == 6) sum = total(sumOf6(corner, stride, wx, wy));
      else if (taps > 4) sum = total(sumOf8(corner, stride, taps, wx, wy));
      else sum = total(sumOf4(corner, stride, taps, wx, wy));
    }
    const bits = clean ? 0 : planesAt(args, planes + (first << 1), px, py);
    if ((bits & RINGS) != 0) sum = settled(corner + <usize>before * (stride + 4), stride, sum);
    const value = (bits & UNFILLED) != 0 ? f32.NaN : sum * (area + slope * <f32>t);
    store<f32>(out + (<usize>t << 2), value);
    store<u16>(outMask + (<usize>t << 1), <u16>(bits & ~UNFILLED));
  }
}
