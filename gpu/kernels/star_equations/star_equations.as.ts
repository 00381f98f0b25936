// The normal equations of stars over the functions of a convolution kernel and a constant; float64.
//
// sumStars. A row is a star. Slots: 0 cut-outs, f32 [4, box, box]: the image to be convolved, the one to
// be matched, the variance of their difference, 0 where a pixel may not be used, and the variance of the
// first; 1 numbers, f64: square of the radius, share of the signal that is its error, least pixels, then
// the factors [factors, taps]; 2 terms, u32 [terms, 3]: factor along x, along y, whether the first
// function is taken off; 3 equations, f64: matrix [n, n], vector [n], weighted squares of the data,
// weighted variance of the first image, pixels; n = terms + 1.
//
// Parameters: see below. box = side + 2 half, side = 2 reach + 1, taps = 2 half + 1.

import { paramU32, slotPointer } from "../arguments.as";

const HALF: u32 = 0; // half side of the kernel, px
const REACH: u32 = 1; // half side of what is fitted, px
const FACTORS: u32 = 2;
const TERMS: u32 = 3;

/** Numbers ahead of the factors. */
const HEAD: usize = 24;
/** Bytes that lines are multiples of: four vectors. */
const LINE: usize = 64;

/** Bytes of a line of float64. */
function lineBytes(count: u32): usize {
  return (<usize>count * 8 + LINE - 1) & ~(LINE - 1);
}

/** Convolves a line: `out(x) = Σ taps(k) · source(x − k · step)`. */
function convolveLine(source: usize, step: usize, taps: usize, count: u32, out: usize, bytes: usize): void {
  const end = taps + (<usize>count << 3);
  for (let x: usize = 0; x < bytes; x += LINE) {
    let a = f64x2.splat(0), b = f64x2.splat(0), c = f64x2.splat(0), d = f64x2.splat(0);
    let at = source + x;
    for (let tap = taps; tap < end; tap += 8, at -= step) {
      const t = v128.load64_splat(tap);
      a = f64x2.relaxed_madd(t, v128.load(at), a);
      b = f64x2.relaxed_madd(t, v128.load(at, 16), b);
      c = f64x2.relaxed_madd(t, v128.load(at, 32), c);
      d = f64x2.relaxed_madd(t, v128.load(at, 48), d);
    }
    v128.store(out + x, a);
    v128.store(out + x, b, 16);
    v128.store(out + x, c, 32);
    v128.store(out + x, d, 48);
  }
}

function sumOf(v: v128): f64 {
  return f64x2.extract_lane(v, 0) + f64x2.extract_lane(v, 1);
}

/** Sum of products; `bytes` is a multiple of a line's. */
function dot(a: usize, b: usize, bytes: usize): f64 {
  let s0 = f64x2.splat(0), s1 = f64x2.splat(0), s2 = f64x2.splat(0), s3 = f64x2.splat(0);
  for (let x: usize = 0; x < bytes; x += LINE) {
    s0 = f64x2.relaxed_madd(v128.load(a + x), v128.load(b + x), s0);
    s1 = f64x2.relaxed_madd(v128.load(a + x, 16), v128.load(b + x, 16), s1);
    s2 = f64x2.relaxed_madd(v128.load(a + x, 32), v128.load(b + x, 32), s2);
    s3 = f64x2.relaxed_madd(v128.load(a + x, 48), v128.load(b + x, 48), s3);
  }
  return sumOf(f64x2.add(f64x2.add(s0, s1), f64x2.add(s2, s3)));
}

/** Mean of 3 × 3 pixels. */
function smoothed(at: usize, line: usize): f64 {
  let sum: f64 = 0;
  for (let row = at - line; row <= at + line; row += line) {
    sum += <f64>load<f32>(row - 4) + <f64>load<f32>(row) + <f64>load<f32>(row, 4);
  }
  return sum / 9;
}

/** What is known of a star's pixels; lies in the working memory. */
@unmanaged
class Room {
  /** Places of the pixels in a column, bytes. */
  places: usize = 0;
  /** Roots of the weights, and the data times these. */
  roots: usize = 0;
  data: usize = 0;
  /** Weighted variance of the image that is convolved. */
  noise: f64 = 0;
  count: u32 = 0;
}

/** Lists the pixels that are fitted. */
function listPixels(args: usize, star: usize, room: Room): void {
  const reach = <i32>paramU32(args, REACH), half = <i32>paramU32(args, HALF);
  const side = 2 * reach + 1, box = side + 2 * half;
  const plane = <usize>(box * box) << 2, line = <usize>box << 2;
  const numbers = slotPointer(args, 1);
  const radius2 = load<f64>(numbers), error = load<f64>(numbers, 8);
  room.count = 0;
  room.noise = 0;
  for (let dy = -reach; dy <= reach; dy++) {
    for (let dx = -reach; dx <= reach; dx++) {
      if (<f64>(dx * dx + dy * dy) > radius2) continue;
      const at = star + plane + (<usize>((half + reach + dy) * box + half + reach + dx) << 2);
      const variance = <f64>load<f32>(at + plane);
      if (!(variance > 0)) continue;
      // the error follows the smoothed signal: weights that follow the noise would bias the scale
      const signal = error * smoothed(at, line);
      const weight = 1 / (variance + signal * signal);
      const root = sqrt<f64>(weight);
      const i = <usize>room.count;
      room.count = room.count + 1;
      store<u32>(room.places + (i << 2), <u32>((dy + reach) * <i32>lineBytes(side) + ((dx + reach) << 3)));
      store<f64>(room.roots + (i << 3), root);
      store<f64>(room.data + (i << 3), root * <f64>load<f32>(at));
      room.noise += weight * <f64>load<f32>(at + 2 * plane);
    }
  }
}

/** The pixels of a column times the roots of the weights; of the first one as they are, too. */
function gather(room: Room, column: usize, first: usize, taken: u32, out: usize): void {
  const count = <usize>room.count;
  for (let i: usize = 0; i < count; i++) {
    let value = load<f64>(column + load<u32>(room.places + (i << 2)));
    if (taken == 2) store<f64>(first + (i << 3), value);
    else if (taken == 1) value -= load<f64>(first + (i << 3));
    store<f64>(out + (i << 3), value * load<f64>(room.roots + (i << 3)));
  }
  memory.fill(out + (count << 3), 0, lineBytes(room.count) - (count << 3));
}

/** Working memory: see the addresses; {@linkcode equationScratch} of star_equations.ts counts the same. */
export function sumStars(args: usize, from: u32, to: u32, scratch: usize): void {
  const half: u32 = paramU32(args, HALF);
  const side: u32 = 2 * paramU32(args, REACH) + 1;
  const box: u32 = side + 2 * half;
  const taps: u32 = 2 * half + 1;
  const factors = paramU32(args, FACTORS), terms = paramU32(args, TERMS), n = terms + 1;
  const line = lineBytes(side), pixelBytes = lineBytes(side * side);
  const room = changetype<Room>(scratch);
  const sharp = scratch + LINE;
  const across = sharp + lineBytes(box * box) + 2 * LINE;
  const column = across + <usize>(factors * box) * line + LINE;
  const first = column + <usize>side * line + LINE;
  room.places = first + pixelBytes;
  room.roots = room.places + pixelBytes;
  room.data = room.roots + pixelBytes;
  const scaled = room.data + pixelBytes;
  const factorOf = slotPointer(args, 1) + HEAD;
  const outBytes = <usize>(n * n + n + 3) << 3;
  for (let s = from; s < to; s++) {
    const star = slotPointer(args, 0) + (<usize>(s * 4 * box * box) << 2);
    const out = slotPointer(args, 3) + <usize>s * outBytes;
    memory.fill(out, 0, outBytes);
    listPixels(args, star, room);
    if (<f64>room.count < load<f64>(slotPointer(args, 1), 16)) continue;
    for (let i: usize = 0; i < <usize>(box * box); i++) store<f64>(sharp + (i << 3), <f64>load<f32>(star + (i << 2)));
    for (let f: u32 = 0; f < factors; f++) {
      for (let y: u32 = 0; y < box; y++) {
        const source = sharp + (<usize>(y * box + 2 * half) << 3);
        const to = across + <usize>(f * box + y) * line;
        convolveLine(source, 8, factorOf + (<usize>(f * taps) << 3), taps, to, line);
      }
    }
    const bytes = lineBytes(room.count);
    memory.fill(room.roots + (<usize>room.count << 3), 0, bytes - (<usize>room.count << 3));
    memory.fill(room.data + (<usize>room.count << 3), 0, bytes - (<usize>room.count << 3));
    for (let t: u32 = 0; t < terms; t++) {
      const term = slotPointer(args, 2) + <usize>t * 12;
      const rows = across + <usize>(load<u32>(term) * box) * line;
      const down = factorOf + (<usize>(load<u32>(term, 4) * taps) << 3);
      for (let y: u32 = 0; y < side; y++) {
        convolveLine(rows + <usize>(y + taps - 1) * line, line, down, taps, column + <usize>y * line, line);
      }
      gather(room, column, first, t == 0 ? 2 : load<u32>(term, 8), scaled + <usize>t * bytes);
    }
    memory.copy(scaled + <usize>terms * bytes, room.roots, bytes);
    writeEquations(room, scaled, bytes, n, out);
  }
}

function writeEquations(room: Room, scaled: usize, bytes: usize, n: u32, out: usize): void {
  const vector = out + (<usize>(n * n) << 3);
  for (let i: u32 = 0; i < n; i++) {
    const a = scaled + <usize>i * bytes;
    for (let j: u32 = 0; j <= i; j++) {
      const product = dot(a, scaled + <usize>j * bytes, bytes);
      store<f64>(out + (<usize>(i * n + j) << 3), product);
      store<f64>(out + (<usize>(j * n + i) << 3), product);
    }
    store<f64>(vector + (<usize>i << 3), dot(a, room.data, bytes));
  }
  const rest = vector + (<usize>n << 3);
  store<f64>(rest, dot(room.data, room.data, bytes));
  store<f64>(rest, room.noise, 8);
  store<f64>(rest, <f64>room.count, 16);
}
