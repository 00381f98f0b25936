// Convolves rows with a kernel that varies over the image, and takes the result off another image.
//
// The kernel is known at the nodes of a mesh; it is interpolated to the middle of each tile and held
// there. Tables of nodes hold the taps in reversed order, so that sums run along the image: first
// side² taps, then innerSide² taps for the variance.
//
// padRows. Slots: 0 image, f32; 1 row numbers, u32; 2 padded, f32 [16 + left + width + right]: the
// row's number, then pixels less `level`, 0 where the image has no value, its edges repeated.
//
// photonRows. Slots: 0 padded, 1 surfaces, 2 photons, f32, padded alike: variance by photons of what
// stands above the sky; behind each row a byte for each block of 16 px: whether it has any.
//
// convolveRows. Slots: 0 padded, 1 kernels, 2 convolved, f32.
//
// subtractRows. Slots: 0 padded, 1 photons, 2 the other image, f32, 3 kernels, 4 surfaces, 5 weight of
// one of the images, f32, 6 difference, f32, 7 its variance, f32.
//
// Parameters: see below. A tile lies within one cell of the surfaces.

import { inputRowsOf, paramF32, paramU32, slotPointer, topOf, widthOf } from "../arguments.as";

const HALF: u32 = 0; // half side of the kernel, px
const INNER_HALF: u32 = 1; // half side of the squared kernel, px
const TILE_SHIFT: u32 = 2; // log2 of the width of a tile, at least 4; a tile is half as high
const MESH_SHIFT: u32 = 3; // log2 of the distance of the nodes of kernels
const MESH_COLUMNS: u32 = 4;
const SURFACE_SHIFT: u32 = 5; // log2 of the distance of the nodes of surfaces, at least 4
const SURFACE_COLUMNS: u32 = 6;
const SURFACE_NODES: u32 = 7; // nodes of one surface
const LEVEL: u32 = 8; // f32: taken off by padRows
const PHOTONS: u32 = 9; // f32: variance of the difference a unit of light of the padded image
const OWN_PHOTONS: u32 = 10; // f32: the same of the other image
const UNIT: u32 = 11; // f32: factor on the difference
const HAS_WEIGHT: u32 = 12;

// Surfaces, in this order.
const PADDED_LEVEL: u32 = 0; // sky of the padded image
const PADDED_SIGMA: u32 = 1;
const OWN_LEVEL: u32 = 2; // sky of the other image
const OWN_SIGMA: u32 = 3;
const SKY_VARIANCE: u32 = 4; // of the difference, but for what the weight tells of
const MODEL_LEVEL: u32 = 5; // of the other image where there is nothing to convolve
const WEIGHTED: u32 = 6; // variance times weight

/** Bytes before the pixels of a padded row. */
const HEAD: usize = 16;
/** Pixels of a block. */
const BLOCK: i32 = 16;

/** Bytes of a padded row. */
function paddedBytes(width: u32, half: u32): usize {
  return HEAD + (<usize>(2 * half + ((width + 15) & ~15) + 4) << 2);
}

/** Bytes of a row of photons: eight empty flags lie ahead of those of its blocks, and behind. */
function photonBytes(width: u32, half: u32): usize {
  return paddedBytes(width, half) + ((<usize>((width + 15) >> 4) + 16 + 15) & ~15);
}

export function padRows(args: usize, from: u32, to: u32, _scratch: usize): void {
  const width = widthOf(args);
  const half = paramU32(args, HALF);
  const bytes = paddedBytes(width, half);
  const level = paramF32(args, LEVEL);
  const levels = f32x4.splat(level);
  const zero = f32x4.splat(0);
  for (let y = from; y < to; y++) {
    const source = slotPointer(args, 0) + (<usize>(y * width) << 2);
    const row = slotPointer(args, 2) + <usize>y * bytes;
    store<u32>(row, load<u32>(slotPointer(args, 1) + (<usize>y << 2)));
    const out = row + HEAD + (<usize>half << 2);
    let x: u32 = 0;
    for (; x + 4 <= width; x += 4) {
      const v = f32x4.sub(v128.load(source + (<usize>x << 2)), levels);
      v128.store(out + (<usize>x << 2), v128.and(v, f32x4.eq(f32x4.sub(v, v), zero)));
    }
    for (; x < width; x++) {
      const v = load<f32>(source + (<usize>x << 2)) - level;
      store<f32>(out + (<usize>x << 2), v - v == 0 ? v : 0);
    }
    repeatEdges(row, width, half);
  }
}

/** Fills a padded row on both sides with its first and its last pixel. */
function repeatEdges(row: usize, width: u32, half: u32): void {
  const first = row + HEAD + (<usize>half << 2);
  const end = first + (<usize>width << 2);
  const left = load<f32>(first);
  const right = load<f32>(end - 4);
  for (let at = row + HEAD; at < first; at += 4) store<f32>(at, left);
  const stop = row + paddedBytes(width, half);
  for (let at = end; at < stop; at += 4) store<f32>(at, right);
}

/** Bytes of a surface within a cell: its value at a place, slopes along x, y and both. */
const FORM: usize = 16;

/** Forms of a surface in the cell that a pixel lies in, about that pixel. */
function formOf(args: usize, slot: u32, surface: u32, x: u32, y: u32, out: usize): void {
  const shift = paramU32(args, SURFACE_SHIFT);
  const columns = paramU32(args, SURFACE_COLUMNS);
  const step = <f32>1 / <f32>(1 << shift);
  const node = slotPointer(args, slot) +
    (<usize>(surface * paramU32(args, SURFACE_NODES) + (y >> shift) * columns + (x >> shift)) << 2);
  const below = node + (<usize>columns << 2);
  const a = load<f32>(node);
  const dx = (load<f32>(node, 4) - a) * step;
  const dy = (load<f32>(below) - a) * step;
  const dxy = (load<f32>(below, 4) - load<f32>(below)) * step * step - dx * step;
  const fx = <f32>(x & ((1 << shift) - 1));
  const fy = <f32>(y & ((1 << shift) - 1));
  store<f32>(out, a + dx * fx + (dy + dxy * fx) * fy);
  store<f32>(out, dx + dxy * fy, 4);
  store<f32>(out, dy + dxy * fx, 8);
  store<f32>(out, dxy, 12);
}

/** Value of a surface so far from where its form was taken. */
function valueAt(form: usize, x: f32, y: f32): f32 {
  return load<f32>(form) + load<f32>(form, 4) * x + (load<f32>(form, 8) + load<f32>(form, 12) * x) * y;
}

/** Slope of a surface along x. */
function slopeAt(form: usize, y: f32): f32 {
  return load<f32>(form, 4) + load<f32>(form, 12) * y;
}

/** Four values of a surface from a place on. */
function valuesAt(form: usize, x: f32, y: f32): v128 {
  const start = f32x4.splat(valueAt(form, x, y));
  return f32x4.relaxed_madd(f32x4(0, 1, 2, 3), f32x4.splat(slopeAt(form, y)), start);
}

/** What is added to four values to give the next four. */
function stepAt(form: usize, y: f32): v128 {
  return f32x4.splat(4 * slopeAt(form, y));
}

/**
 * Variance by photons of four pixels: those above one sigma whose mean over 3 × 3 pixels is, too.
 * `above`, `at` and `below` are addresses of the first pixel in three rows.
 */
function photonsOf(above: usize, at: usize, below: usize, level: v128, sigma: v128): v128 {
  const bright = f32x4.gt(f32x4.sub(v128.load(at), level), sigma);
  if (!v128.any_true(bright)) return f32x4.splat(0);
  let sum = f32x4.add(v128.load(at), f32x4.add(v128.load(above), v128.load(below)));
  sum = f32x4.add(sum, f32x4.add(v128.load(at - 4), f32x4.add(v128.load(above - 4), v128.load(below - 4))));
  sum = f32x4.add(sum, f32x4.add(v128.load(at + 4), f32x4.add(v128.load(above + 4), v128.load(below + 4))));
  const signal = f32x4.sub(f32x4.mul(sum, f32x4.splat(<f32>1 / 9)), level);
  return v128.and(signal, v128.and(bright, f32x4.gt(signal, sigma)));
}

export function photonRows(args: usize, from: u32, to: u32, scratch: usize): void {
  const width = widthOf(args);
  const half = paramU32(args, HALF);
  const bytes = paddedBytes(width, half);
  const last = inputRowsOf(args) - 1;
  const factor = f32x4.splat(paramF32(args, PHOTONS));
  const padded = slotPointer(args, 0);
  const left = HEAD + (<usize>half << 2);
  const cell: u32 = 1 << paramU32(args, SURFACE_SHIFT);
  for (let y = from; y < to; y++) {
    const row = padded + <usize>y * bytes;
    const number = load<u32>(row);
    const above = padded + <usize>(max<u32>(y, 1) - 1) * bytes + left;
    const below = padded + <usize>min(y + 1, last) * bytes + left;
    const out = slotPointer(args, 2) + <usize>y * photonBytes(width, half);
    const flags = out + bytes + 8;
    memory.fill(out + bytes, 0, photonBytes(width, half) - bytes);
    for (let x: u32 = 0; x < width; x += BLOCK) {
      if ((x & (cell - 1)) == 0) {
        formOf(args, 1, PADDED_LEVEL, x, number, scratch);
        formOf(args, 1, PADDED_SIGMA, x, number, scratch + FORM);
      }
      const dx = <f32>(x & (cell - 1));
      const sigma = f32x4.splat(valueAt(scratch + FORM, dx, 0));
      const step = stepAt(scratch, 0);
      let level = valuesAt(scratch, dx, 0);
      let any = f32x4.splat(0);
      for (let i: u32 = 0; i < <u32>BLOCK; i += 4) {
        const at = <usize>(x + i) << 2;
        const photons = photonsOf(above + at, row + left + at, below + at, level, sigma);
        v128.store(out + left + at, f32x4.mul(photons, factor));
        any = v128.or(any, photons);
        level = f32x4.add(level, step);
      }
      if (v128.any_true(any)) store<u8>(flags + <usize>(x >> 4), 1);
    }
    repeatEdges(out, width, half);
  }
}

/** The taps at the middle of a tile, interpolated between four nodes. */
function tapsOf(args: usize, slot: u32, tileX: u32, tileY: u32, count: u32, taps: usize): void {
  const shift = paramU32(args, TILE_SHIFT);
  const mesh = paramU32(args, MESH_SHIFT);
  const columns = paramU32(args, MESH_COLUMNS);
  const step = <f32>(1 << mesh);
  const x = (tileX << shift) + (1 << (shift - 1));
  const y = (tileY << (shift - 1)) + (1 << (shift - 2));
  const fx = f32x4.splat((<f32>(x & ((1 << mesh) - 1)) - <f32>0.5) / step);
  const fy = f32x4.splat((<f32>(y & ((1 << mesh) - 1)) - <f32>0.5) / step);
  let a = slotPointer(args, slot) + (<usize>(((y >> mesh) * columns + (x >> mesh)) * count) << 2);
  const across = <usize>count << 2;
  const down = <usize>(columns * count) << 2;
  const end = taps + (<usize>count << 2);
  for (; taps < end; taps += 16, a += 16) {
    const p = v128.load(a);
    const q = v128.load(a + down);
    const upper = f32x4.relaxed_madd(f32x4.sub(v128.load(a + across), p), fx, p);
    const lower = f32x4.relaxed_madd(f32x4.sub(v128.load(a + down + across), q), fx, q);
    v128.store(taps, f32x4.relaxed_madd(f32x4.sub(lower, upper), fy, upper));
  }
}

/** Address of the pixels of a padded row; beyond the first and last one these are taken. */
function rowAt(first: usize, y: i32, last: i32, bytes: usize): usize {
  return first + <usize>max(0, min(y, last)) * bytes;
}

/**
 * Convolves two rows of 16 pixels: each tap is loaded once for four vectors, each vector for two
 * rows. `first` is the address of the column of the first tap in row 0 of the padded rows.
 */
function convolveTwo(first: usize, y: i32, last: i32, bytes: usize, taps: usize, side: i32, out: usize): void {
  let a0 = f32x4.splat(0), a1 = f32x4.splat(0), a2 = f32x4.splat(0), a3 = f32x4.splat(0);
  let b0 = f32x4.splat(0), b1 = f32x4.splat(0), b2 = f32x4.splat(0), b3 = f32x4.splat(0);
  const line = <usize>side << 2;
  let at = rowAt(first, y, last, bytes);
  for (const end = at + line; at < end; at += 4, taps += 4) {
    const t = v128.load32_splat(taps);
    a0 = f32x4.relaxed_madd(t, v128.load(at), a0);
    a1 = f32x4.relaxed_madd(t, v128.load(at, 16), a1);
    a2 = f32x4.relaxed_madd(t, v128.load(at, 32), a2);
    a3 = f32x4.relaxed_madd(t, v128.load(at, 48), a3);
  }
  for (let j: i32 = 1; j < side; j++) {
    at = rowAt(first, y + j, last, bytes);
    for (const end = at + line; at < end; at += 4, taps += 4) {
      const t = v128.load32_splat(taps);
      const s = v128.load32_splat(taps - line);
      const v0 = v128.load(at);
      const v1 = v128.load(at, 16);
      const v2 = v128.load(at, 32);
      const v3 = v128.load(at, 48);
      a0 = f32x4.relaxed_madd(t, v0, a0);
      b0 = f32x4.relaxed_madd(s, v0, b0);
      a1 = f32x4.relaxed_madd(t, v1, a1);
      b1 = f32x4.relaxed_madd(s, v1, b1);
      a2 = f32x4.relaxed_madd(t, v2, a2);
      b2 = f32x4.relaxed_madd(s, v2, b2);
      a3 = f32x4.relaxed_madd(t, v3, a3);
      b3 = f32x4.relaxed_madd(s, v3, b3);
    }
  }
  at = rowAt(first, y + side, last, bytes);
  taps -= line;
  for (const end = at + line; at < end; at += 4, taps += 4) {
    const s = v128.load32_splat(taps);
    b0 = f32x4.relaxed_madd(s, v128.load(at), b0);
    b1 = f32x4.relaxed_madd(s, v128.load(at, 16), b1);
    b2 = f32x4.relaxed_madd(s, v128.load(at, 32), b2);
    b3 = f32x4.relaxed_madd(s, v128.load(at, 48), b3);
  }
  v128.store(out, a0);
  v128.store(out, a1, 16);
  v128.store(out, a2, 32);
  v128.store(out, a3, 48);
  v128.store(out, b0, 64);
  v128.store(out, b1, 80);
  v128.store(out, b2, 96);
  v128.store(out, b3, 112);
}

/** Copies the pixels of a block that the image has. */
function storeBlock(out: usize, block: usize, count: u32): void {
  memory.copy(out, block, <usize>min<u32>(BLOCK, count) << 2);
}

/** Bytes of scratch before the taps: two blocks of convolved pixels, two of their variance. */
const TAPS: usize = 256;

export function convolveRows(args: usize, from: u32, to: u32, scratch: usize): void {
  const width = widthOf(args);
  const half = paramU32(args, HALF);
  const side = <i32>(2 * half + 1);
  const bytes = paddedBytes(width, half);
  const shift = paramU32(args, TILE_SHIFT);
  const top = topOf(args);
  const last = <i32>inputRowsOf(args) - 1;
  const padded = slotPointer(args, 0);
  const count = (<u32>(side * side) + 3) & ~3;
  for (let y = from; y < to;) {
    const number = load<u32>(padded + <usize>(top + y) * bytes);
    const tileY = number >> (shift - 1);
    const end = min(to, y + ((tileY + 1) << (shift - 1)) - number);
    for (let left: u32 = 0; left < width; left += 1 << shift) {
      tapsOf(args, 1, left >> shift, tileY, count, scratch + TAPS);
      const right = min(width, left + (1 << shift));
      for (let row = y; row < end; row += 2) {
        for (let x = left; x < right; x += BLOCK) {
          const first = padded + HEAD + (<usize>x << 2);
          convolveTwo(first, <i32>(top + row) - <i32>half, last, bytes, scratch + TAPS, side, scratch);
          const out = slotPointer(args, 2) + (<usize>(row * width + x) << 2);
          storeBlock(out, scratch, width - x);
          if (row + 1 < end) storeBlock(out + (<usize>width << 2), scratch + 64, width - x);
        }
      }
    }
    y = end;
  }
}

/**
 * Whether any photon falls into the footprint of two blocks: the flags of all blocks of 16 px that the
 * kernel, of a half side of at most 32 px, may reach. `flags` is the address of the block's own in row 0.
 */
function hasPhotons(flags: usize, y: i32, last: i32, bytes: usize, half: i32): bool {
  let any: u64 = 0;
  for (let j: i32 = 0; j <= 2 * half + 1; j++) any |= load<u64>(rowAt(flags - 2, y + j, last, bytes));
  // five bytes: two blocks to either side; repeated edges belong to the outermost blocks
  return (any & (half <= 16 ? 0xffffff00 : 0xffffffffff)) != 0;
}

/** Bytes of scratch before the taps of a subtraction: the blocks and the forms of all surfaces. */
const FORMS: usize = 256;
const SUBTRACT_TAPS: usize = 384;

function formAt(scratch: usize, surface: u32): usize {
  return scratch + FORMS + <usize>surface * FORM;
}

export function subtractRows(args: usize, from: u32, to: u32, scratch: usize): void {
  const width = widthOf(args);
  const half = paramU32(args, HALF);
  const inner = paramU32(args, INNER_HALF);
  const side = <i32>(2 * half + 1);
  const innerSide = <i32>(2 * inner + 1);
  const bytes = paddedBytes(width, half);
  const lightBytes = photonBytes(width, half);
  const shift = paramU32(args, TILE_SHIFT);
  const top = topOf(args);
  const last = <i32>inputRowsOf(args) - 1;
  const padded = slotPointer(args, 0);
  const photons = slotPointer(args, 1);
  const outer = (<u32>(side * side) + 3) & ~3;
  const count = outer + ((<u32>(innerSide * innerSide) + 3) & ~3);
  const taps = scratch + SUBTRACT_TAPS;
  for (let y = from; y < to;) {
    const number = load<u32>(padded + <usize>(top + y) * bytes);
    const tileY = number >> (shift - 1);
    const end = min(to, y + ((tileY + 1) << (shift - 1)) - number);
    for (let left: u32 = 0; left < width; left += 1 << shift) {
      tapsOf(args, 3, left >> shift, tileY, count, taps);
      for (let k: u32 = OWN_LEVEL; k <= WEIGHTED; k++) {
        formOf(args, 4, k, left, number, formAt(scratch, k));
      }
      const right = min(width, left + (1 << shift));
      for (let row = y; row < end; row += 2) {
        const centre = <i32>(top + row);
        for (let x = left; x < right; x += BLOCK) {
          const first = padded + HEAD + (<usize>x << 2);
          convolveTwo(first, centre - <i32>half, last, bytes, taps, side, scratch);
          const flags = photons + bytes + 8 + <usize>(x >> 4);
          if (hasPhotons(flags, centre - <i32>inner, last, lightBytes, <i32>inner)) {
            const light = photons + HEAD + (<usize>(x + half - inner) << 2);
            const squared = taps + (<usize>outer << 2);
            convolveTwo(light, centre - <i32>inner, last, lightBytes, squared, innerSide, scratch + 128);
          } else memory.fill(scratch + 128, 0, 128);
          finishBlock(args, x, row, x - left, row - y, scratch, 0);
          if (row + 1 < end) finishBlock(args, x, row + 1, x - left, row + 1 - y, scratch, 64);
        }
      }
    }
    y = end;
  }
}

/**
 * Subtracts a block of a row, `dx` and `dy` px from the corner of its tile. What was convolved lies at
 * `block` in the scratch, its variance 128 bytes behind.
 */
function finishBlock(args: usize, x: u32, row: u32, dx: u32, dy: u32, scratch: usize, block: usize): void {
  const width = widthOf(args);
  if (x == 0 || x + BLOCK + 1 > width) return finishEdge(args, x, row, dx, dy, scratch, block);
  const first = topOf(args) + row;
  const own = slotPointer(args, 2) + (<usize>(first * width + x) << 2);
  // beyond the first and the last row there is none: it is taken for its neighbour
  const above = first > 0 ? own - (<usize>width << 2) : own;
  const below = first + 1 < inputRowsOf(args) ? own + (<usize>width << 2) : own;
  const unit = f32x4.splat(paramF32(args, UNIT));
  const photon = f32x4.splat(paramF32(args, OWN_PHOTONS));
  const fx = <f32>dx;
  const fy = <f32>dy;
  const sigma = f32x4.splat(valueAt(formAt(scratch, OWN_SIGMA), fx, fy));
  const out = slotPointer(args, 6) + (<usize>(row * width + x) << 2);
  const noise = slotPointer(args, 7) + (<usize>(row * width + x) << 2);
  const weighted = paramU32(args, HAS_WEIGHT) != 0;
  const weights = slotPointer(args, 5) + (<usize>(first * width + x) << 2);
  const modelStep = stepAt(formAt(scratch, MODEL_LEVEL), fy);
  const levelStep = stepAt(formAt(scratch, OWN_LEVEL), fy);
  const skyStep = stepAt(formAt(scratch, SKY_VARIANCE), fy);
  let model = valuesAt(formAt(scratch, MODEL_LEVEL), fx, fy);
  let level = valuesAt(formAt(scratch, OWN_LEVEL), fx, fy);
  let sky = valuesAt(formAt(scratch, SKY_VARIANCE), fx, fy);
  for (let at: usize = 0; at < 64; at += 16) {
    const value = f32x4.sub(v128.load(own + at), f32x4.add(model, v128.load(scratch + block + at)));
    v128.store(out + at, f32x4.mul(value, unit));
    const light = photonsOf(above + at, own + at, below + at, level, sigma);
    let variance = f32x4.add(sky, v128.load(scratch + block + 128 + at));
    variance = f32x4.relaxed_madd(light, photon, variance);
    if (weighted) {
      const part = valuesAt(formAt(scratch, WEIGHTED), fx + <f32>(at >> 2), fy);
      variance = f32x4.add(variance, f32x4.div(part, v128.load(weights + at)));
    }
    v128.store(noise + at, variance);
    model = f32x4.add(model, modelStep);
    level = f32x4.add(level, levelStep);
    sky = f32x4.add(sky, skyStep);
  }
}

/** The same, pixel by pixel, at the left and right edge. */
function finishEdge(args: usize, x0: u32, row: u32, dx: u32, dy: u32, scratch: usize, block: usize): void {
  const width = widthOf(args);
  const fy = <f32>dy;
  const sigma = valueAt(formAt(scratch, OWN_SIGMA), <f32>dx, fy);
  const end = min(width, x0 + BLOCK);
  for (let x = x0; x < end; x++, dx++, block += 4) {
    const fx = <f32>dx;
    const at = <usize>(row * width + x) << 2;
    const level = valueAt(formAt(scratch, OWN_LEVEL), fx, fy);
    const value = load<f32>(slotPointer(args, 2) + (<usize>(topOf(args) * width) << 2) + at);
    const model = valueAt(formAt(scratch, MODEL_LEVEL), fx, fy) + load<f32>(scratch + block);
    store<f32>(slotPointer(args, 6) + at, (value - model) * paramF32(args, UNIT));
    const light = value - level > sigma ? smoothedAt(args, x, row) - level : 0;
    let variance = valueAt(formAt(scratch, SKY_VARIANCE), fx, fy) + load<f32>(scratch + block, 128);
    if (light > sigma) variance += light * paramF32(args, OWN_PHOTONS);
    if (paramU32(args, HAS_WEIGHT) != 0) {
      const weight = load<f32>(slotPointer(args, 5) + (<usize>(topOf(args) * width) << 2) + at);
      variance += valueAt(formAt(scratch, WEIGHTED), fx, fy) / weight;
    }
    store<f32>(slotPointer(args, 7) + at, variance);
  }
}

/** Mean of 3 × 3 pixels of the other image, its edges repeated. */
function smoothedAt(args: usize, x: u32, row: u32): f32 {
  const width = <i32>widthOf(args);
  const last = <i32>inputRowsOf(args) - 1;
  const y = <i32>(topOf(args) + row);
  let sum: f32 = 0;
  for (let dy = -1; dy <= 1; dy++) {
    const line = slotPointer(args, 2) + (<usize>(max(0, min(last, y + dy)) * width) << 2);
    for (let dx = -1; dx <= 1; dx++) {
      sum += load<f32>(line + (<usize>max(0, min(width - 1, <i32>x + dx)) << 2));
    }
  }
  return sum / 9;
}
