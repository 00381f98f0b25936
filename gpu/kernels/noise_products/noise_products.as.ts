// Sums over pairs of pixels of bare sky by their offset: how noise is correlated.
//
// pullRows. Slots: 0 image, f32; 1 mask, u16; 2 quiet, u8; 3 row numbers, u32; 4 sky, f32 [2, rows,
// columns]: level and noise at squares; 5 pulls, f32 [16 + words]: the row's number, then pulls of the
// window, NaN where there is no bare sky.
//
// sumProducts. Slots: 0 pulls; 1 sums, f32 [2, offsets]: of products, and how many. Offsets come by rows
// from (-reach, -reach) to (0, 0). From the first row that has all offsets on every so-manieth has some.
//
// Parameters: see below.

import { paramF32, paramU32, slotPointer, topOf, widthOf } from "../arguments.as";

const LEFT: u32 = 0; // first column of the window
const COLUMNS: u32 = 1; // of the window
const SHIFT: u32 = 2; // log2 of the side of a square, at least 2
const ACROSS: u32 = 3; // squares along x
const SQUARES: u32 = 4;
const UNUSABLE: u32 = 5; // planes
const MOST: u32 = 6; // f32: pulls beyond are none
const REACH: u32 = 7;
const NEAR: u32 = 8; // offsets up to here are summed in every NEAR_STEP-th row, others in every FAR_STEP-th
const NEAR_STEP: u32 = 9;
const FAR_STEP: u32 = 10;

const HEAD: usize = 16;

/** Bytes of a row of pulls: whole vectors of NaN behind the last. */
function pullBytes(columns: u32): usize {
  return HEAD + (<usize>((columns + 3) & ~3) << 2) + 64;
}

export function pullRows(args: usize, from: u32, to: u32, _scratch: usize): void {
  const width = widthOf(args), left = paramU32(args, LEFT), columns = paramU32(args, COLUMNS);
  const shift = paramU32(args, SHIFT), unusable = paramU32(args, UNUSABLE);
  const most = paramF32(args, MOST);
  const noise = <usize>paramU32(args, SQUARES) << 2;
  const bytes = pullBytes(columns);
  const zero = i32x4.splat(0), one = i32x4.splat(1), excluding = i32x4.splat(<i32>unusable);
  const limits = f32x4.splat(most), gap = f32x4.splat(<f32>NaN);
  for (let y = from; y < to; y++) {
    const number = load<u32>(slotPointer(args, 3) + (<usize>y << 2));
    const square = slotPointer(args, 4) + (<usize>((number >> shift) * paramU32(args, ACROSS)) << 2);
    const first = <usize>(y * width + left);
    const image = slotPointer(args, 0) + (first << 2);
    const mask = slotPointer(args, 1) + (first << 1);
    const quiet = slotPointer(args, 2) + first;
    const out = slotPointer(args, 5) + <usize>y * bytes;
    store<u32>(out, number);
    for (let x: u32 = 0; x < columns;) {
      const at = square + (<usize>(x >> shift) << 2);
      const level = load<f32>(at), inverse = <f32>1 / load<f32>(at + noise);
      const levels = f32x4.splat(level), inverses = f32x4.splat(inverse);
      const end = min(columns, x + (1 << shift));
      for (; x + 4 <= end; x += 4) {
        const v = v128.load(image + (<usize>x << 2));
        const pull = f32x4.mul(f32x4.sub(v, levels), inverses);
        const taken = i32x4.extend_low_i16x8_u(i16x8.extend_low_i8x16_u(v128.load32_zero(quiet + x)));
        const bits = i32x4.extend_low_i16x8_u(v128.load64_zero(mask + (<usize>x << 1)));
        const usable = i32x4.eq(v128.and(bits, excluding), zero);
        const known = v128.and(v128.and(i32x4.eq(taken, one), usable), f32x4.lt(f32x4.abs(pull), limits));
        v128.store(out + HEAD + (<usize>x << 2), v128.bitselect(pull, gap, known));
      }
      for (; x < end; x++) {
        const pull = (load<f32>(image + (<usize>x << 2)) - level) * inverse;
        const known = load<u8>(quiet + x) == 1 && (load<u16>(mask + (<usize>x << 1)) & unusable) == 0;
        store<f32>(out + HEAD + (<usize>x << 2), known && abs(pull) < most ? pull : <f32>NaN);
      }
    }
    for (let at = HEAD + (<usize>columns << 2); at < bytes; at += 4) store<f32>(out + at, <f32>NaN);
  }
}

function total(v: v128): f32 {
  return (f32x4.extract_lane(v, 0) + f32x4.extract_lane(v, 1)) +
    (f32x4.extract_lane(v, 2) + f32x4.extract_lane(v, 3));
}

export function sumProducts(args: usize, from: u32, to: u32, _scratch: usize): void {
  const columns = paramU32(args, COLUMNS);
  const reach = <i32>paramU32(args, REACH), near = <i32>paramU32(args, NEAR), side = 2 * reach + 1;
  const offsets = (side * side + 1) / 2;
  const bytes = pullBytes(columns);
  const one = f32x4.splat(1);
  for (let y = from; y < to; y++) {
    const row = slotPointer(args, 0) + <usize>(topOf(args) + y) * bytes;
    const number = load<u32>(row);
    const out = slotPointer(args, 1) + (<usize>(<i32>y * 2 * offsets) << 2);
    for (let k: i32 = 0; k < offsets; k++) {
      const dx = k % side - reach, dy = k / side - reach;
      const step = paramU32(args, max(abs(dx), abs(dy)) <= near ? NEAR_STEP : FAR_STEP);
      let sum = f32x4.splat(0), count = f32x4.splat(0);
      if ((number - reach) % step == 0) {
        const a = row + HEAD + (<usize>reach << 2);
        const b = row - <usize>(-dy) * bytes + HEAD + <usize>((reach + dx) << 2);
        const end = <usize>(<i32>columns - 2 * reach) << 2;
        let x: usize = 0;
        for (; x + 16 <= end; x += 16) {
          const product = f32x4.mul(v128.load(a + x), v128.load(b + x));
          const known = f32x4.eq(product, product);
          sum = f32x4.add(sum, v128.and(product, known));
          count = f32x4.add(count, v128.and(one, known));
        }
        for (; x < end; x += 4) {
          const product = load<f32>(a + x) * load<f32>(b + x);
          if (product != product) continue;
          sum = f32x4.add(sum, f32x4.replace_lane(f32x4.splat(0), 0, product));
          count = f32x4.add(count, f32x4.replace_lane(f32x4.splat(0), 0, 1));
        }
      }
      store<f32>(out + (<usize>k << 2), total(sum));
      store<f32>(out + (<usize>(offsets + k) << 2), total(count));
    }
  }
}
