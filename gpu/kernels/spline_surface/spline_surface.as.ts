// A bicubic spline surface along rows of an image, or an image without it.
// Slots: 0 numbers of the rows, u32; 1 nodes, f32 [rows, columns, 4]: value and sixths of its second
// derivatives along y, along x and along both; 2 image, f32; 3 result, f32.
// Parameters: 0 rows of nodes, 1 columns, 2 their distance in px, 3 whether to take it off the image.

import { paramF32, paramU32, slotPointer, widthOf } from "../arguments.as";

/** The nodes of two rows joined at a place between them: value and bend of each column, f64. */
function joinRows(args: usize, y: u32, line: usize): void {
  const rows = paramU32(args, 0);
  const columns = paramU32(args, 1);
  const place = (<f64>y + 0.5) / <f64>paramF32(args, 2) - 0.5;
  const at = max(0, min(<i32>rows - 2, <i32>Math.floor(place)));
  const b = place - <f64>at;
  const a = 1 - b;
  const a3 = a * a * a - a;
  const b3 = b * b * b - b;
  let upper = slotPointer(args, 1) + (<usize>(at * columns) << 4);
  let lower = slotPointer(args, 1) + (<usize>(min(at + 1, <i32>rows - 1) * columns) << 4);
  for (let column: u32 = 0; column < columns; column++) {
    for (let along: usize = 0; along < 16; along += 8) {
      const value = a * <f64>load<f32>(upper + along) + b * <f64>load<f32>(lower + along) +
        a3 * <f64>load<f32>(upper + along, 4) + b3 * <f64>load<f32>(lower + along, 4);
      store<f64>(line + along, value);
    }
    upper += 16;
    lower += 16;
    line += 16;
  }
}

/** Four pixels from x on, of the polynomial of a piece that begins at `start`. */
function fourAt(x: u32, start: v128, step: v128, c0: v128, c1: v128, c2: v128, c3: v128): v128 {
  const places = f32x4.add(f32x4.splat(<f32>x), f32x4(0, 1, 2, 3));
  const b = f32x4.mul(f32x4.sub(places, start), step);
  return f32x4.add(c0, f32x4.mul(b, f32x4.add(c1, f32x4.mul(b, f32x4.add(c2, f32x4.mul(b, c3))))));
}

/** Writes whole vectors, the last one over what is free behind the row. */
function layRow(args: usize, line: usize, out: usize): void {
  const width = widthOf(args);
  const last = <i32>paramU32(args, 1) - 1;
  const mesh = <f64>paramF32(args, 2);
  const step = f32x4.splat(<f32>(1 / mesh));
  let x: u32 = 0;
  for (let at: i32 = 0; at == 0 || at < last; at++) {
    const here = line + (<usize>at << 4);
    const next = line + (<usize>min(at + 1, last) << 4);
    const k0 = load<f64>(here);
    const b0 = load<f64>(here, 8);
    const b1 = load<f64>(next, 8);
    const c0 = f32x4.splat(<f32>k0);
    const c1 = f32x4.splat(<f32>(load<f64>(next) - k0 - 2 * b0 - b1));
    const c2 = f32x4.splat(<f32>(3 * b0));
    const c3 = f32x4.splat(<f32>(b1 - b0));
    const start = f32x4.splat(<f32>((<f64>at + 0.5) * mesh - 0.5));
    const end = at >= last - 1
      ? width
      : min(width, <u32>Math.ceil((<f64>at + 1.5) * mesh - 0.5));
    for (let p = x; p < end; p += 4) {
      v128.store(out + (<usize>p << 2), fourAt(p, start, step, c0, c1, c2, c3));
    }
    x = end;
  }
}

export function laySurface(args: usize, from: u32, to: u32, scratch: usize): void {
  const width = widthOf(args);
  const line = scratch + (<usize>(width + 7 & ~3) << 2);
  const subtracts = paramU32(args, 3) != 0;
  for (let y = from; y < to; y++) {
    joinRows(args, load<u32>(slotPointer(args, 0) + (<usize>y << 2)), line);
    layRow(args, line, scratch);
    const offset = <usize>(y * width) << 2;
    const out = slotPointer(args, 3) + offset;
    if (!subtracts) {
      memory.copy(out, scratch, <usize>width << 2);
      continue;
    }
    const image = slotPointer(args, 2) + offset;
    let x: usize = 0;
    for (const end = <usize>width << 2; x + 16 <= end; x += 16) {
      v128.store(out + x, f32x4.sub(v128.load(image + x), v128.load(scratch + x)));
    }
    for (; x < <usize>width << 2; x += 4) {
      store<f32>(out + x, load<f32>(image + x) - load<f32>(scratch + x));
    }
  }
}
