// A varying kernel at the nodes of a row of a mesh, on the calling thread; kernel_mesh.ts calls it.

import { axpy } from "../dense/dense.as";

/** Stores values as float32. */
function storeAll(values: usize, taps: u32, out: usize): void {
  let k: u32 = 0;
  for (; k + 2 <= taps; k += 2, values += 16, out += 8) {
    v128.store64_lane(out, f32x4.demote_f64x2_zero(v128.load(values)), 0);
  }
  if (k < taps) store<f32>(out, <f32>load<f64>(values));
}

/** Squares values where they lie; gives their sum. */
function square(values: usize, taps: u32): f64 {
  let sum: f64 = 0;
  for (let k: u32 = 0; k < taps; k++, values += 8) {
    const value = load<f64>(values);
    store<f64>(values, value * value);
    sum += value * value;
  }
  return sum;
}

/** Stores the middle of a squared kernel, with the sum of the whole. */
function storeInner(values: usize, half: u32, inner: u32, total: f64, out: usize): void {
  const side: u32 = 2 * half + 1, span: u32 = 2 * inner + 1;
  const first = values + (<usize>((half - inner) * (side + 1)) << 3);
  let sum: f64 = 0;
  for (let y: u32 = 0; y < span; y++) {
    const line = first + (<usize>(y * side) << 3);
    for (let x: u32 = 0; x < span; x++) sum += load<f64>(line + (<usize>x << 3));
  }
  const factor = sum > 0 ? total / sum : 1;
  for (let y: u32 = 0; y < span; y++) {
    const line = first + (<usize>(y * side) << 3);
    for (let x: u32 = 0; x < span; x++, out += 4) {
      store<f32>(out, <f32>(factor * load<f64>(line + (<usize>x << 3))));
    }
  }
}

/**
 * Evaluates a kernel at the nodes of a row.
 *
 * `images` f64 [terms, side²]: by the power of x, then by that of y; `v` [order + 1] and `u` [nodes, order + 1]:
 * polynomials of the row and of the columns; `room` f64 [order + 2, side²]. `out` f32 [nodes, stride]: the
 * kernel where `what` has 1; its square where it has 2, the middle of it behind the kernel where it has 1 too.
 */
export function meshRow(
  images: usize, v: usize, u: usize, order: u32, nodes: u32,
  half: u32, inner: u32, what: u32, stride: u32, room: usize, out: usize,
): void {
  const side: u32 = 2 * half + 1, taps: u32 = side * side;
  const image = <usize>taps << 3, outer = <usize>((taps + 3) & ~3) << 2;
  const sums = room + image;
  let at = images;
  for (let power: u32 = 0; power <= order; power++) {
    const sum = sums + <usize>power * image;
    memory.fill(sum, 0, image);
    for (let j: u32 = 0; j + power <= order; j++, at += image) axpy(sum, at, load<f64>(v + (<usize>j << 3)), taps);
  }
  for (let node: u32 = 0; node < nodes; node++, out += <usize>stride << 2) {
    memory.fill(room, 0, image);
    for (let power: u32 = 0; power <= order; power++, u += 8) {
      axpy(room, sums + <usize>power * image, load<f64>(u), taps);
    }
    if ((what & 1) != 0) storeAll(room, taps, out);
    if ((what & 2) == 0) continue;
    const total = square(room, taps);
    if ((what & 1) != 0) storeInner(room, half, inner, total, out + outer);
    else storeAll(room, taps, out);
  }
}
