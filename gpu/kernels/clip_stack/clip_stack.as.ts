// Combines K frames pixel by pixel. Called by a worker as entry(args, from, to, scratch) for the
// rows from ≤ y < to; the layout of args is that of gpu/_arguments.ts. No static data is used:
// all kernels share one memory.

const SLOT_BYTES: u32 = 8;
const PARAMS: u32 = 64;

/** Pixels that are sorted together; a plane of them is one cache line of shorts. */
const BLOCK: u32 = 32;

function slotPointer(args: usize, slot: u32): usize {
  return load<u32>(args + slot * SLOT_BYTES);
}

function slotStride(args: usize, slot: u32): usize {
  return load<u32>(args + slot * SLOT_BYTES, 4);
}

function paramU32(args: usize, index: u32): u32 {
  return load<u32>(args + PARAMS + (index << 2));
}

function paramF32(args: usize, index: u32): f32 {
  return load<f32>(args + PARAMS + (index << 2));
}

/** Exchanges the bytes of eight shorts. */
function swap16(v: v128): v128 {
  return i8x16.shuffle(v, v, 1, 0, 3, 2, 5, 4, 7, 6, 9, 8, 11, 10, 13, 12, 15, 14);
}

/** Reads a block of K planes of big-endian shorts into planes of 64 bytes. */
function loadShorts(stack: usize, stride: usize, frames: u32, planes: usize): void {
  for (let k: u32 = 0; k < frames; k++) {
    v128.store(planes, swap16(v128.load(stack)));
    v128.store(planes, swap16(v128.load(stack, 16)), 16);
    v128.store(planes, swap16(v128.load(stack, 32)), 32);
    v128.store(planes, swap16(v128.load(stack, 48)), 48);
    stack += stride;
    planes += 64;
  }
}

/** Sorts every lane of the planes; the network is `a0 b0 a1 b1 …`, u16. */
function sortShorts(planes: usize, network: usize, pairs: u32): void {
  for (let end = network + (pairs << 2); network < end; network += 4) {
    const a = planes + (<usize>load<u16>(network) << 6);
    const b = planes + (<usize>load<u16>(network, 2) << 6);
    let x = v128.load(a);
    let y = v128.load(b);
    v128.store(a, i16x8.min_s(x, y));
    v128.store(b, i16x8.max_s(x, y));
    x = v128.load(a, 16);
    y = v128.load(b, 16);
    v128.store(a, i16x8.min_s(x, y), 16);
    v128.store(b, i16x8.max_s(x, y), 16);
    x = v128.load(a, 32);
    y = v128.load(b, 32);
    v128.store(a, i16x8.min_s(x, y), 32);
    v128.store(b, i16x8.max_s(x, y), 32);
    x = v128.load(a, 48);
    y = v128.load(b, 48);
    v128.store(a, i16x8.min_s(x, y), 48);
    v128.store(b, i16x8.max_s(x, y), 48);
  }
}

/** Half the sum of two planes of shorts, plus an offset, as floats. */
function middle(low: usize, high: usize, zero: v128, out: usize): void {
  const half = f32x4.splat(0.5);
  for (let i: usize = 0; i < 64; i += 16) {
    const a = v128.load(low + i);
    const b = v128.load(high + i);
    const first = i32x4.add(i32x4.extend_low_i16x8_s(a), i32x4.extend_low_i16x8_s(b));
    const second = i32x4.add(i32x4.extend_high_i16x8_s(a), i32x4.extend_high_i16x8_s(b));
    v128.store(out + 2 * i, f32x4.add(f32x4.mul(f32x4.convert_i32x4_s(first), half), zero));
    v128.store(out + 2 * i, f32x4.add(f32x4.mul(f32x4.convert_i32x4_s(second), half), zero), 16);
  }
}

/**
 * Median of big-endian shorts without gaps.
 * Slots: 0 stack [K], i16 big-endian; 1 network, u16 pairs; 2 value, f32.
 * Parameters: 4 frames, 5 pairs, 6 BZERO.
 */
export function medianShorts(args: usize, from: u32, to: u32, scratch: usize): void {
  const width = paramU32(args, 0);
  const frames = paramU32(args, 4);
  const pairs = paramU32(args, 5);
  const zero = f32x4.splat(paramF32(args, 6));
  const stack = slotPointer(args, 0);
  const stride = slotStride(args, 0);
  const network = slotPointer(args, 1);
  const value = slotPointer(args, 2);
  const low = scratch + <usize>((frames - 1) >> 1) * 64;
  const high = scratch + <usize>(frames >> 1) * 64;
  const room = scratch + <usize>frames * 64;
  const end = to * width;
  for (let p = from * width; p < end; p += BLOCK) {
    loadShorts(stack + (<usize>p << 1), stride, frames, scratch);
    sortShorts(scratch, network, pairs);
    const out = value + (<usize>p << 2);
    if (p + BLOCK <= end) {
      middle(low, high, zero, out);
    } else {
      middle(low, high, zero, room);
      memory.copy(out, room, <usize>(end - p) << 2);
    }
  }
}
