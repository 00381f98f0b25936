// Sums over the cells of a difference. A row of the job is a row of cells.
// Slots: 0 difference, f32 [rows of cells, side, width]; 1 inverse variance, f32, alike; 2 pixels to take,
// u8, alike; 3 middle of each cell, f32 [rows of cells, cells]; 4 rows of pixels of each row of cells, u32;
// 5 sums, f32 [rows of cells, cells, 5]: how many, difference, variance, pulls, squares of pulls.
// Parameters: 0 pixels a row, 1 side of a cell, 2 cells a row, 3 limit, f32: of the square of a pull,
// 4 what is wanted: 1 variance, 2 pulls and their squares; others are 0.
// Rows of a cell are summed in float32, cells in float64.

import { paramF32, paramU32, slotPointer } from "../arguments.as";

function upper(v: v128): v128 {
  return f64x2.promote_low_f32x4(
    i8x16.shuffle(v, v, 8, 9, 10, 11, 12, 13, 14, 15, 8, 9, 10, 11, 12, 13, 14, 15),
  );
}

function total(v: v128): f64 {
  return f64x2.extract_lane(v, 0) + f64x2.extract_lane(v, 1);
}

function both(v: v128): v128 {
  return f64x2.add(f64x2.promote_low_f32x4(v), upper(v));
}

// sums of a cell in the working memory: of vectors, i32x4 how many and f64x2 of the others; behind them
// those of pixels that fill no vector, f64, and how many these are
const COUNTS: usize = 0;
const SUMS: usize = 16;
const RESTS: usize = 80;
/** Bytes of all. */
const CELL: usize = 120;

// what parameter 4 asks for
const VARIANCE: u32 = 1;
const PULLS: u32 = 2;

/** Adds float32 sums of a row of a cell, which is short enough for that. */
function addSum(sums: usize, k: usize, row: v128): void {
  const at = sums + SUMS + (k << 4);
  v128.store(at, f64x2.add(v128.load(at), both(row)));
}

/** Adds the pixels of a row of a cell that fill vectors. */
function addVectors(args: usize, at: usize, pixels: usize, middle: f32, sums: usize): void {
  const values = slotPointer(args, 0) + (at << 2);
  const weights = slotPointer(args, 1) + (at << 2);
  const takes = slotPointer(args, 2) + at;
  const limit = f32x4.splat(paramF32(args, 3));
  const wanted = paramU32(args, 4);
  const zero = f32x4.splat(0);
  const middles = f32x4.splat(middle);
  let counts = v128.load(sums, COUNTS);
  let sum = zero, variance = zero, pull = zero, square = zero;
  for (let x: usize = 0; x + 4 <= pixels; x += 4) {
    const value = v128.load(values + (x << 2));
    const weight = v128.load(weights + (x << 2));
    const take = i32x4.extend_low_i16x8_u(i16x8.extend_low_i8x16_u(v128.load32_zero(takes + x)));
    const away = f32x4.sub(value, middles);
    const power = f32x4.mul(f32x4.mul(away, away), weight);
    const taken = v128.and(f32x4.gt(weight, zero), i32x4.ne(take, zero));
    const good = v128.and(taken, f32x4.le(power, limit));
    counts = i32x4.sub(counts, good);
    sum = f32x4.add(sum, v128.and(value, good));
    if ((wanted & VARIANCE) != 0) {
      variance = f32x4.add(variance, v128.and(f32x4.div(f32x4.splat(1), weight), good));
    }
    if ((wanted & PULLS) != 0) {
      const one = v128.and(f32x4.mul(value, f32x4.sqrt(weight)), good);
      pull = f32x4.add(pull, one);
      square = f32x4.add(square, f32x4.mul(one, one));
    }
  }
  v128.store(sums, counts, COUNTS);
  addSum(sums, 0, sum);
  addSum(sums, 1, variance);
  addSum(sums, 2, pull);
  addSum(sums, 3, square);
}

/** Adds a number to one of the sums of pixels that fill no vector. */
function addRest(sums: usize, k: usize, value: f64): void {
  const at = sums + RESTS + (k << 3);
  store<f64>(at, load<f64>(at) + value);
}

/** Adds one pixel. */
function addPixel(args: usize, at: usize, middle: f32, sums: usize): void {
  const wanted = paramU32(args, 4);
  const value = load<f32>(slotPointer(args, 0) + (at << 2));
  const weight = load<f32>(slotPointer(args, 1) + (at << 2));
  const away = value - middle;
  if (load<u8>(slotPointer(args, 2) + at) == 0 || !(weight > 0)) return;
  if (!(away * away * weight <= paramF32(args, 3))) return;
  addRest(sums, 4, 1);
  addRest(sums, 0, <f64>value);
  if ((wanted & VARIANCE) != 0) addRest(sums, 1, 1 / <f64>weight);
  if ((wanted & PULLS) == 0) return;
  addRest(sums, 2, <f64>value * Math.sqrt(<f64>weight));
  addRest(sums, 3, <f64>value * <f64>value * <f64>weight);
}

/** Stores what was summed. */
function storeCell(sums: usize, out: usize): void {
  const counts = v128.load(sums, COUNTS);
  const count = i32x4.extract_lane(counts, 0) + i32x4.extract_lane(counts, 1) +
    i32x4.extract_lane(counts, 2) + i32x4.extract_lane(counts, 3);
  store<f32>(out, <f32>(<f64>count + load<f64>(sums, RESTS + 32)));
  for (let k: usize = 0; k < 4; k++) {
    const rest = load<f64>(sums + RESTS + (k << 3));
    store<f32>(out + (k << 2), <f32>(rest + total(v128.load(sums + SUMS + (k << 4)))), 4);
  }
}

export function cellSums(args: usize, from: u32, to: u32, scratch: usize): void {
  const width = paramU32(args, 0);
  const side = paramU32(args, 1);
  const columns = paramU32(args, 2);
  for (let row = from; row < to; row++) {
    const rows = load<u32>(slotPointer(args, 4) + (<usize>row << 2));
    for (let column: u32 = 0; column < columns; column++) {
      const left = column * side;
      const pixels = <usize>min(side, width - left);
      const cell = <usize>(row * columns + column);
      const middle = load<f32>(slotPointer(args, 3) + (cell << 2));
      memory.fill(scratch, 0, CELL);
      for (let y: u32 = 0; y < rows; y++) {
        const at = <usize>row * side * width + <usize>(y * width + left);
        addVectors(args, at, pixels, middle, scratch);
        for (let x = pixels & ~3; x < pixels; x++) addPixel(args, at + x, middle, scratch);
      }
      storeCell(scratch, slotPointer(args, 5) + cell * 20);
    }
  }
}
