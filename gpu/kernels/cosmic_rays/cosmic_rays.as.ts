// L.A.Cosmic (van Dokkum 2001). Slots and parameters of each entry as in cosmic_rays.wgsl. Planes are
// f32 [rows, width]; flags are words, all ones or 0. Rows and columns beyond the edge repeat the edge.

import { inputRowsOf, paramF32, paramU32, slotPointer, topOf, widthOf } from "../arguments.as";
import { high, low, median25, sortColumn } from "./medians.as";

/** Bytes before the first pixel of a row in working memory; as many follow the last. */
const PAD: usize = 64;

function rowBytes(args: usize): usize {
  return (<usize>widthOf(args) << 2) + 2 * PAD + 64 & ~63;
}

/** Row y of a slot, within the rows there are. */
function rowOf(args: usize, slot: u32, y: i32): usize {
  const last = <i32>inputRowsOf(args) - 1;
  const row = y < 0 ? 0 : y > last ? last : y;
  return slotPointer(args, slot) + (<usize>row * <usize>widthOf(args) << 2);
}

/** Repeats the first and the last word of a row on either side. */
function padRow(row: usize, width: u32): void {
  const end = row + (<usize>width << 2);
  const first = load<u32>(row);
  const last = load<u32>(end - 4);
  for (let i: usize = 4; i <= 32; i += 4) {
    store<u32>(row - i, first);
    store<u32>(end + i - 4, last);
  }
}

function copyPadded(from: usize, row: usize, width: u32): void {
  memory.copy(row, from, <usize>width << 2);
  padRow(row, width);
}

/** Sorted columns of five about row y, five padded rows of working memory. */
function sortColumns(args: usize, slot: u32, y: i32, out: usize, width: u32): void {
  const a = rowOf(args, slot, y - 2);
  const b = rowOf(args, slot, y - 1);
  const c = rowOf(args, slot, y);
  const d = rowOf(args, slot, y + 1);
  const e = rowOf(args, slot, y + 2);
  const distance = rowBytes(args);
  for (let x: usize = 0; x < <usize>width << 2; x += 16) {
    sortColumn(
      v128.load(a + x),
      v128.load(b + x),
      v128.load(c + x),
      v128.load(d + x),
      v128.load(e + x),
      out + x,
      distance,
    );
  }
  for (let rank: usize = 0; rank < 5; rank++) padRow(out + rank * distance, width);
}

/** Median of a window about one pixel; places beyond the edge repeat the edge. */
function medianAround(args: usize, slot: u32, x: i32, y: i32, radius: i32, list: usize): f32 {
  const last = <i32>widthOf(args) - 1;
  let count: i32 = 0;
  for (let dy = -radius; dy <= radius; dy++) {
    const row = rowOf(args, slot, y + dy);
    for (let dx = -radius; dx <= radius; dx++) {
      const v = load<f32>(row + (<usize>min(last, max(0, x + dx)) << 2));
      let at = count++;
      for (; at > 0 && load<f32>(list + (<usize>(at - 1) << 2)) > v; at--) {
        store<f32>(list + (<usize>at << 2), load<f32>(list + (<usize>(at - 1) << 2)));
      }
      store<f32>(list + (<usize>at << 2), v);
    }
  }
  return load<f32>(list + (<usize>(count >> 1) << 2));
}

/** Slots: 0 image, 1 noise, 2 signal. Parameters: 0 ADU a variance unit, 1 read variance. */
export function laplaceSignal(args: usize, from: u32, to: u32, scratch: usize): void {
  const width = widthOf(args);
  const columns = scratch + PAD;
  const distance = rowBytes(args);
  const centre = columns + 5 * distance;
  const noises = centre + rowBytes(args);
  const signals = noises + rowBytes(args);
  const zero = f32x4.splat(0);
  const perAdu = f32x4.splat(paramF32(args, 0));
  const readVariance = f32x4.splat(paramF32(args, 1));
  for (let y = <i32>from; y < <i32>to; y++) {
    sortColumns(args, 0, y, columns, width);
    copyPadded(rowOf(args, 0, y), centre, width);
    const up = rowOf(args, 0, y - 1);
    const down = rowOf(args, 0, y + 1);
    for (let x: usize = 0; x < <usize>width << 2; x += 16) {
      const level = high(median25(columns + x, distance), f32x4.splat(0.00001));
      const noise = f32x4.sqrt(f32x4.add(f32x4.mul(level, perAdu), readVariance));
      const v = v128.load(centre + x);
      const twice = f32x4.add(v, v);
      const left = f32x4.sub(twice, v128.load(centre + x - 4));
      const right = f32x4.sub(twice, v128.load(centre + x + 4));
      const u = v128.load(up + x);
      const d = v128.load(down + x);
      const sum = f32x4.add(
        f32x4.add(high(f32x4.sub(left, u), zero), high(f32x4.sub(left, d), zero)),
        f32x4.add(high(f32x4.sub(right, u), zero), high(f32x4.sub(right, d), zero)),
      );
      v128.store(noises + x, noise);
      v128.store(signals + x, f32x4.div(f32x4.mul(sum, f32x4.splat(0.125)), noise));
    }
    memory.copy(rowOf(args, 1, y), noises, <usize>width << 2);
    memory.copy(rowOf(args, 2, y), signals, <usize>width << 2);
  }
}

/**
 * Slots: 0 signal, 1 signal without its large structure. Parameters: 0 the lowest limit. The median is
 * not negative, so a signal below the limit cannot come above it and stays as it is.
 */
export function subtractMedian(args: usize, from: u32, to: u32, scratch: usize): void {
  const width = widthOf(args);
  const columns = scratch + PAD;
  const distance = rowBytes(args);
  const out = columns + 5 * distance;
  const limit = f32x4.splat(paramF32(args, 0));
  for (let y = <i32>from; y < <i32>to; y++) {
    sortColumns(args, 0, y, columns, width);
    const signal = rowOf(args, 0, y);
    for (let x: usize = 0; x < <usize>width << 2; x += 16) {
      let four = v128.load(signal + x);
      if (v128.any_true(f32x4.gt(four, limit))) {
        four = f32x4.sub(four, median25(columns + x, distance));
      }
      v128.store(out + x, four);
    }
    memory.copy(rowOf(args, 1, y), out, <usize>width << 2);
  }
}

/** Slots: 0 image, 1 median of 3 × 3. */
export function smallMedian(args: usize, from: u32, to: u32, scratch: usize): void {
  const width = widthOf(args);
  const lows = scratch + PAD;
  const middles = lows + rowBytes(args);
  const highs = middles + rowBytes(args);
  const out = highs + rowBytes(args);
  for (let y = <i32>from; y < <i32>to; y++) {
    const up = rowOf(args, 0, y - 1);
    const here = rowOf(args, 0, y);
    const down = rowOf(args, 0, y + 1);
    for (let x: usize = 0; x < <usize>width << 2; x += 16) {
      const a = v128.load(up + x);
      const b = v128.load(here + x);
      const c = v128.load(down + x);
      const small = low(a, b);
      const large = high(a, b);
      v128.store(lows + x, low(small, c));
      v128.store(middles + x, high(small, low(large, c)));
      v128.store(highs + x, high(large, c));
    }
    padRow(lows, width);
    padRow(middles, width);
    padRow(highs, width);
    for (let x: usize = 0; x < <usize>width << 2; x += 16) {
      // of sorted columns: the middle of the largest low, the middle middle and the smallest high
      const l = high(high(v128.load(lows + x - 4), v128.load(lows + x)), v128.load(lows + x + 4));
      const h = low(low(v128.load(highs + x - 4), v128.load(highs + x)), v128.load(highs + x + 4));
      const a = v128.load(middles + x - 4);
      const b = v128.load(middles + x);
      const m = high(low(a, b), low(high(a, b), v128.load(middles + x + 4)));
      v128.store(out + x, high(low(l, m), low(high(l, m), h)));
    }
    memory.copy(rowOf(args, 1, y), out, <usize>width << 2);
  }
}

/** Where four pixels of the mask have none of some bits. */
function withoutBits(args: usize, slot: u32, y: i32, x: u32, bits: u32): v128 {
  const at = slotPointer(args, slot) + (<usize>(<u32>y * widthOf(args) + x) << 1);
  const words = i32x4.extend_low_i16x8_u(v128.load64_zero(at));
  return i32x4.eq(v128.and(words, i32x4.splat(bits)), i32x4.splat(0));
}

/** Slots: 0 median of 3 × 3, 1 noise, 2 signal, 3 mask, 4 flags. Parameters as in the shader. */
export function findCandidates(args: usize, from: u32, to: u32, scratch: usize): void {
  const width = widthOf(args);
  const limit = paramF32(args, 0);
  const contrast = paramF32(args, 1);
  const ignored = paramU32(args, 2);
  for (let y = <i32>from; y < <i32>to; y++) {
    const small = rowOf(args, 0, y);
    const noise = rowOf(args, 1, y);
    const signal = rowOf(args, 2, y);
    const out = rowOf(args, 4, y);
    const masks = slotPointer(args, 3) + (<usize>(<u32>y * width) << 1);
    memory.fill(out, 0, <usize>width << 2);
    for (let x: u32 = 0; x < width; x += 4) {
      const four = v128.load(signal + (<usize>x << 2));
      if (!v128.any_true(f32x4.gt(four, f32x4.splat(limit)))) continue;
      for (let i = x; i < min(width, x + 4); i++) {
        const at = <usize>i << 2;
        const s = load<f32>(signal + at);
        if (!(s > limit) || (<u32>load<u16>(masks + (<usize>i << 1)) & ignored) != 0) continue;
        const large = medianAround(args, 0, i, y, 3, scratch);
        const fine = (load<f32>(small + at) - large) / load<f32>(noise + at);
        if (s > contrast * max<f32>(fine, 0.01)) store<u32>(out + at, 0xffffffff);
      }
    }
  }
}

/** Slots: 0 flags, all set to 0. */
export function clearFlags(args: usize, from: u32, to: u32, _scratch: usize): void {
  const bytes = <usize>((to - from) * widthOf(args)) << 2;
  memory.fill(rowOf(args, 0, from), 0, bytes);
}

/** Slots: 0 flags, 1 signal, 2 mask, 3 flags and their neighbours. Parameters: 0 limit, 1 ignored. */
export function growFlags(args: usize, from: u32, to: u32, scratch: usize): void {
  const width = widthOf(args);
  const columns = scratch + PAD;
  const out = columns + rowBytes(args);
  const limit = f32x4.splat(paramF32(args, 0));
  const ignored = paramU32(args, 1);
  for (let y = <i32>from; y < <i32>to; y++) {
    const up = rowOf(args, 0, y - 1);
    const here = rowOf(args, 0, y);
    const down = rowOf(args, 0, y + 1);
    for (let x: usize = 0; x < <usize>width << 2; x += 16) {
      v128.store(
        columns + x,
        v128.or(v128.or(v128.load(up + x), v128.load(here + x)), v128.load(down + x)),
      );
    }
    padRow(columns, width);
    const signal = rowOf(args, 1, y);
    for (let x: usize = 0; x < <usize>width << 2; x += 16) {
      const at = columns + x;
      const near = v128.or(v128.or(v128.load(at - 4), v128.load(at)), v128.load(at + 4));
      const strong = f32x4.gt(v128.load(signal + x), limit);
      const good = withoutBits(args, 2, y, <u32>(x >> 2), ignored);
      v128.store(out + x, v128.and(v128.and(near, strong), good));
    }
    memory.copy(rowOf(args, 3, y), out, <usize>width << 2);
  }
}

/** Median of the usable pixels among 5 × 5; the fallback if there is none. */
function medianOfGood(args: usize, x: i32, y: i32, unusable: u32, fallback: f32, list: usize): f32 {
  const width = <i32>widthOf(args);
  let count: i32 = 0;
  for (let dy = max(0, y - 2); dy <= min(<i32>inputRowsOf(args) - 1, y + 2); dy++) {
    for (let dx = max(0, x - 2); dx <= min(width - 1, x + 2); dx++) {
      const p = <usize>(dy * width + dx);
      const v = load<f32>(slotPointer(args, 0) + (p << 2));
      if (v != v || load<u32>(slotPointer(args, 1) + (p << 2)) != 0) continue;
      if ((<u32>load<u16>(slotPointer(args, 2) + (p << 1)) & unusable) != 0) continue;
      let at = count++;
      for (; at > 0 && load<f32>(list + (<usize>(at - 1) << 2)) > v; at--) {
        store<f32>(list + (<usize>at << 2), load<f32>(list + (<usize>(at - 1) << 2)));
      }
      store<f32>(list + (<usize>at << 2), v);
    }
  }
  if (count == 0) return fallback;
  const upper = load<f32>(list + (<usize>(count >> 1) << 2));
  if ((count & 1) == 1) return upper;
  return <f32>0.5 * (load<f32>(list + (<usize>((count >> 1) - 1) << 2)) + upper);
}

/** Slots: 0 image, 1 flags, 2 mask, 3 new image, 4 new mask, 5 count. Parameters as in the shader. */
export function replaceFlagged(args: usize, from: u32, to: u32, scratch: usize): void {
  const width = widthOf(args);
  const mark = paramU32(args, 0);
  const unusable = paramU32(args, 1);
  const replaced = paramU32(args, 2);
  const fallback = paramF32(args, 3);
  const top = topOf(args);
  let found: u32 = 0;
  for (let y = from; y < to; y++) {
    for (let x: u32 = 0; x < width; x++) {
      const source = <usize>((y + top) * width + x);
      const target = <usize>(y * width + x);
      let v = load<f32>(slotPointer(args, 0) + (source << 2));
      let mask = <u32>load<u16>(slotPointer(args, 2) + (source << 1));
      const flagged = load<u32>(slotPointer(args, 1) + (source << 2)) != 0;
      if (flagged) {
        if ((mask & mark) == 0) found++;
        mask |= mark;
      }
      if (flagged || v != v || (mask & replaced) != 0) {
        v = medianOfGood(args, x, y + top, unusable, v == v ? v : fallback, scratch);
      }
      store<f32>(slotPointer(args, 3) + (target << 2), v);
      store<u16>(slotPointer(args, 4) + (target << 1), <u16>mask);
    }
  }
  if (found > 0) atomic.add<u32>(slotPointer(args, 5), found);
}
