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

export function cellSums(args: usize, from: u32, to: u32, _scratch: usize): void {
  const width = paramU32(args, 0);
  const side = paramU32(args, 1);
  const columns = paramU32(args, 2);
  const limit = f32x4.splat(paramF32(args, 3));
  const wantVariance = (paramU32(args, 4) & 1) != 0;
  const wantPulls = (paramU32(args, 4) & 2) != 0;
  const zero = f32x4.splat(0);
  for (let row = from; row < to; row++) {
    const rows = load<u32>(slotPointer(args, 4) + (<usize>row << 2));
    const start = <usize>row * side * width;
    for (let column: u32 = 0; column < columns; column++) {
      const left = column * side;
      const pixels = min(side, width - left);
      const cell = <usize>(row * columns + column);
      const middle = load<f32>(slotPointer(args, 3) + (cell << 2));
      const middles = f32x4.splat(middle);
      let counts = i32x4.splat(0);
      let sums = f64x2.splat(0);
      let variances = f64x2.splat(0);
      let pulls = f64x2.splat(0);
      let squares = f64x2.splat(0);
      let count: i32 = 0;
      let sum: f64 = 0, variance: f64 = 0, pull: f64 = 0, square: f64 = 0;
      for (let y: u32 = 0; y < rows; y++) {
        const at = start + <usize>(y * width + left);
        const values = slotPointer(args, 0) + (at << 2);
        const weights = slotPointer(args, 1) + (at << 2);
        const takes = slotPointer(args, 2) + at;
        let x: usize = 0;
        // a row of a cell is short enough for float32
        let rowSum = zero, rowVariance = zero, rowPull = zero, rowSquare = zero;
        for (; x + 4 <= <usize>pixels; x += 4) {
          const value = v128.load(values + (x << 2));
          const weight = v128.load(weights + (x << 2));
          const take = i32x4.extend_low_i16x8_u(i16x8.extend_low_i8x16_u(v128.load32_zero(takes + x)));
          const away = f32x4.sub(value, middles);
          const power = f32x4.mul(f32x4.mul(away, away), weight);
          const good = v128.and(
            v128.and(f32x4.gt(weight, zero), i32x4.ne(take, zero)),
            f32x4.le(power, limit),
          );
          counts = i32x4.sub(counts, good);
          rowSum = f32x4.add(rowSum, v128.and(value, good));
          if (wantVariance) {
            rowVariance = f32x4.add(rowVariance, v128.and(f32x4.div(f32x4.splat(1), weight), good));
          }
          if (wantPulls) {
            const one = v128.and(f32x4.mul(value, f32x4.sqrt(weight)), good);
            rowPull = f32x4.add(rowPull, one);
            rowSquare = f32x4.add(rowSquare, f32x4.mul(one, one));
          }
        }
        sums = f64x2.add(sums, both(rowSum));
        variances = f64x2.add(variances, both(rowVariance));
        pulls = f64x2.add(pulls, both(rowPull));
        squares = f64x2.add(squares, both(rowSquare));
        for (; x < <usize>pixels; x++) {
          const value = load<f32>(values + (x << 2));
          const weight = load<f32>(weights + (x << 2));
          const away = value - middle;
          if (load<u8>(takes + x) == 0 || !(weight > 0) || !(away * away * weight <= paramF32(args, 3))) continue;
          count++;
          sum += <f64>value;
          if (wantVariance) variance += 1 / <f64>weight;
          if (!wantPulls) continue;
          pull += <f64>value * Math.sqrt(<f64>weight);
          square += <f64>value * <f64>value * <f64>weight;
        }
      }
      count += i32x4.extract_lane(counts, 0) + i32x4.extract_lane(counts, 1) +
        i32x4.extract_lane(counts, 2) + i32x4.extract_lane(counts, 3);
      const out = slotPointer(args, 5) + cell * 20;
      store<f32>(out, <f32>count);
      store<f32>(out, <f32>(sum + total(sums)), 4);
      store<f32>(out, <f32>(variance + total(variances)), 8);
      store<f32>(out, <f32>(pull + total(pulls)), 12);
      store<f32>(out, <f32>(square + total(squares)), 16);
    }
  }
}
