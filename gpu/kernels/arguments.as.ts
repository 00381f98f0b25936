// How an entry point finds its arrays and parameters: gpu/cpu_backend.ts writes address and plane
// distance of each of eight slots, then the words of gpu/job.ts: width, rows, top, rows of an input,
// and the kernel's own. No kernel uses static data: all share one memory.

const SLOT_BYTES: u32 = 8;
const PARAMS: u32 = 64;

/** Address of the first plane of a slot. */
export function slotPointer(args: usize, slot: u32): usize {
  return load<u32>(args + slot * SLOT_BYTES);
}

/** Bytes from one plane of a slot to the next. */
export function slotStride(args: usize, slot: u32): usize {
  return load<u32>(args + slot * SLOT_BYTES, 4);
}

/** Pixels a row. */
export function widthOf(args: usize): u32 {
  return load<u32>(args + PARAMS);
}

/** Rows of inputs above the first row that is computed. */
export function topOf(args: usize): u32 {
  return load<u32>(args + PARAMS, 8);
}

/** Rows of inputs and temporaries. */
export function inputRowsOf(args: usize): u32 {
  return load<u32>(args + PARAMS, 12);
}

/** A kernel's own parameter, from 0. */
export function paramU32(args: usize, index: u32): u32 {
  return load<u32>(args + PARAMS + 16 + (index << 2));
}

/** A kernel's own parameter, from 0. */
export function paramF32(args: usize, index: u32): f32 {
  return load<f32>(args + PARAMS + 16 + (index << 2));
}

/** A kernel's own parameter in two words, the first of which is the lower. */
export function paramF64(args: usize, index: u32): f64 {
  return load<f64>(args + PARAMS + 16 + (index << 2));
}
