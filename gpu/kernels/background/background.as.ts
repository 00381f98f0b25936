// Level and noise of the sky in cells of an image. A row of the job is a row of cells.
// Slots: 0 image, f32 [rows of cells, mesh, width]; 1 mask, u16, alike; 2 rows of pixels of each row
// of cells, u32; 3 level, sigma (f32) and number of good pixels (u32), [rows of cells, columns, 3].
// Parameters: 0 pixels a row, 1 side of a cell, 2 cells a row, 3 bits that exclude a pixel, 4 their
// being a mask. In float64 and exact integers but for the result.

import { paramU32, slotPointer } from "../arguments.as";
import { clipHistogram, MOST_BINS } from "./histogram.as";

/** A histogram reaches this many standard deviations to either side. */
const REACH_SIGMA: f64 = 5;
/** Bins a value, so that a Gaussian has 4 in its fullest bin: sqrt(2 / pi) · 5 / 4. */
const BINS_A_VALUE: f64 = 0.9973557010035818;

/** Appends the good values of a piece of a row to a list; gives where the list ends. */
function gatherRow(args: usize, at: usize, pixels: u32, mask: usize, list: usize): usize {
  const bits = paramU32(args, 3);
  const masked = paramU32(args, 4) != 0;
  const excluding = i32x4.splat(bits);
  const zero = f32x4.splat(0);
  let i: u32 = 0;
  for (; i + 4 <= pixels; i += 4) {
    const v = v128.load(at + (<usize>i << 2));
    let good = f32x4.eq(f32x4.sub(v, v), zero);
    if (masked) {
      const planes = i32x4.extend_low_i16x8_u(v128.load64_zero(mask + (<usize>i << 1)));
      good = v128.and(good, i32x4.eq(v128.and(planes, excluding), i32x4.splat(0)));
    }
    if (i32x4.all_true(good)) {
      v128.store(list, v);
      list += 16;
      continue;
    }
    const lanes = i32x4.bitmask(good);
    for (let lane: u32 = 0; lane < 4; lane++) {
      if ((lanes >> lane & 1) == 0) continue;
      store<f32>(list, load<f32>(at + (<usize>(i + lane) << 2)));
      list += 4;
    }
  }
  for (; i < pixels; i++) {
    const v = load<f32>(at + (<usize>i << 2));
    if (v - v != 0 || (masked && (<u32>load<u16>(mask + (<usize>i << 1)) & bits) != 0)) continue;
    store<f32>(list, v);
    list += 4;
  }
  return list;
}

function upper(v: v128): v128 {
  return f64x2.promote_low_f32x4(
    i8x16.shuffle(v, v, 8, 9, 10, 11, 12, 13, 14, 15, 8, 9, 10, 11, 12, 13, 14, 15),
  );
}

function total(v: v128): f64 {
  return f64x2.extract_lane(v, 0) + f64x2.extract_lane(v, 1);
}

/**
 * Count, mean and sigma of the values from `low` to `high`, stored as f64 at `out`; the sums are about
 * the first value of the list.
 */
function moments(list: usize, end: usize, low: f32, high: f32, out: usize): void {
  const origin = load<f32>(list);
  const origins = f64x2.splat(<f64>origin);
  const lows = f32x4.splat(low);
  const highs = f32x4.splat(high);
  let counts = i32x4.splat(0);
  let sums = f64x2.splat(0);
  let squares = f64x2.splat(0);
  let at = list;
  for (; at + 16 <= end; at += 16) {
    const v = v128.load(at);
    const good = v128.and(f32x4.ge(v, lows), f32x4.le(v, highs));
    const kept = v128.bitselect(v, f32x4.splat(origin), good);
    const first = f64x2.sub(f64x2.promote_low_f32x4(kept), origins);
    const second = f64x2.sub(upper(kept), origins);
    counts = i32x4.sub(counts, good);
    sums = f64x2.add(sums, f64x2.add(first, second));
    squares = f64x2.add(squares, f64x2.add(f64x2.mul(first, first), f64x2.mul(second, second)));
  }
  let count = i32x4.extract_lane(counts, 0) + i32x4.extract_lane(counts, 1) +
    i32x4.extract_lane(counts, 2) + i32x4.extract_lane(counts, 3);
  let sum = total(sums);
  let square = total(squares);
  for (; at < end; at += 4) {
    const v = load<f32>(at);
    if (!(v >= low && v <= high)) continue;
    const away = <f64>v - <f64>origin;
    count++;
    sum += away;
    square += away * away;
  }
  const mean = sum / <f64>count;
  store<f64>(out, <f64>count);
  store<f64>(out, mean + <f64>origin, 8);
  store<f64>(out, Math.sqrt(Math.max(0, square / <f64>count - mean * mean)), 16);
}

/** Counts the values by bins; those beyond either end are counted in a bin behind the last. */
function fillHistogram(list: usize, end: usize, inverse: f64, shift: f64, bins: u32, counts: usize): void {
  memory.fill(counts, 0, <usize>(bins + 1) << 2);
  const factors = f64x2.splat(inverse);
  const shifts = f64x2.splat(shift);
  const beyond = i32x4.splat(bins);
  let at = list;
  for (; at + 8 <= end; at += 8) {
    const v = f64x2.promote_low_f32x4(v128.load64_zero(at));
    const place = f64x2.floor(f64x2.add(f64x2.mul(v, factors), shifts));
    const bin = i32x4.min_u(i32x4.trunc_sat_f64x2_s_zero(place), beyond);
    const a = counts + (<usize>i32x4.extract_lane(bin, 0) << 2);
    store<u32>(a, load<u32>(a) + 1);
    const b = counts + (<usize>i32x4.extract_lane(bin, 1) << 2);
    store<u32>(b, load<u32>(b) + 1);
  }
  if (at >= end) return;
  const place = Math.floor(<f64>load<f32>(at) * inverse + shift);
  if (!(place >= 0 && place < <f64>bins)) return;
  const last = counts + (<usize><u32>place << 2);
  store<u32>(last, load<u32>(last) + 1);
}

/** Measures a list of values; stores level and sigma. `room`: 6 f64, then the histogram. */
function measureCell(list: usize, end: usize, room: usize, out: usize): void {
  moments(list, end, -Infinity, Infinity, room);
  const all = load<f64>(room, 8);
  const reach = 2 * load<f64>(room, 16);
  moments(list, end, <f32>(all - reach), <f32>(all + reach), room);
  const mean = load<f64>(room, 8);
  const sigma = load<f64>(room, 16);
  if (!(sigma > 0)) {
    store<f32>(out, <f32>mean);
    store<f32>(out, 0, 4);
    return;
  }
  const wanted = <u32>(BINS_A_VALUE * load<f64>(room) + 1);
  const bins = min(MOST_BINS, wanted);
  const scale = 2 * REACH_SIGMA * sigma / <f64>bins;
  const zero = mean - REACH_SIGMA * sigma;
  const counts = room + 48;
  fillHistogram(list, end, 1 / scale, 0.499999 - zero / scale, bins, counts);
  clipHistogram(counts, bins, room);
  store<f32>(out, <f32>(zero + load<f64>(room) * scale));
  store<f32>(out, <f32>(load<f64>(room, 8) * scale), 4);
}

export function measureCells(args: usize, from: u32, to: u32, scratch: usize): void {
  const width = paramU32(args, 0);
  const mesh = paramU32(args, 1);
  const columns = paramU32(args, 2);
  const room = scratch + (<usize>(mesh * mesh) << 2);
  for (let row = from; row < to; row++) {
    const first = <usize>row * mesh * width;
    const rows = load<u32>(slotPointer(args, 2) + (<usize>row << 2));
    for (let column: u32 = 0; column < columns; column++) {
      const pixels = min(mesh, width - column * mesh);
      let end = scratch;
      for (let y: u32 = 0; y < rows; y++) {
        const p = first + y * width + column * mesh;
        end = gatherRow(args, slotPointer(args, 0) + (p << 2), pixels, slotPointer(args, 1) + (p << 1), end);
      }
      const out = slotPointer(args, 3) + <usize>(row * columns + column) * 12;
      store<u32>(out, <u32>(end - scratch >> 2), 8);
      if (end > scratch) {
        measureCell(scratch, end, room, out);
      } else {
        store<f32>(out, NaN);
        store<f32>(out, NaN, 4);
      }
    }
  }
}
