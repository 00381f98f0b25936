// Six taps of four lanes.

/** The vector that begins so many lanes behind the first one of two. */
// @ts-ignore: decorator
@inline
export function behind1(a: v128, b: v128): v128 {
  return i8x16.shuffle(a, b, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19);
}
// @ts-ignore: decorator
@inline
export function behind2(a: v128, b: v128): v128 {
  return i8x16.shuffle(a, b, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23);
}
// @ts-ignore: decorator
@inline
export function behind3(a: v128, b: v128): v128 {
  return i8x16.shuffle(a, b, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27);
}

/** One lane in all lanes. */
// @ts-ignore: decorator
@inline
function all0(v: v128): v128 {
  return i8x16.shuffle(v, v, 0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3);
}
// @ts-ignore: decorator
@inline
function all1(v: v128): v128 {
  return i8x16.shuffle(v, v, 4, 5, 6, 7, 4, 5, 6, 7, 4, 5, 6, 7, 4, 5, 6, 7);
}
// @ts-ignore: decorator
@inline
function all2(v: v128): v128 {
  return i8x16.shuffle(v, v, 8, 9, 10, 11, 8, 9, 10, 11, 8, 9, 10, 11, 8, 9, 10, 11);
}
// @ts-ignore: decorator
@inline
function all3(v: v128): v128 {
  return i8x16.shuffle(v, v, 12, 13, 14, 15, 12, 13, 14, 15, 12, 13, 14, 15, 12, 13, 14, 15);
}

export function reversed(v: v128): v128 {
  return i8x16.shuffle(v, v, 12, 13, 14, 15, 8, 9, 10, 11, 4, 5, 6, 7, 0, 1, 2, 3);
}

/**
 * Weighted sum of six vectors.
 *
 * @param weights Of the first four.
 * @param late Of the last two.
 */
// @ts-ignore: decorator
@inline
export function weighted6(
  a: v128,
  b: v128,
  c: v128,
  d: v128,
  e: v128,
  f: v128,
  weights: v128,
  late: v128,
): v128 {
  // two chains: one of six would be waited for
  let first = f32x4.mul(a, all0(weights));
  let second = f32x4.mul(d, all3(weights));
  first = f32x4.relaxed_madd(b, all1(weights), first);
  second = f32x4.relaxed_madd(e, all0(late), second);
  first = f32x4.relaxed_madd(c, all2(weights), first);
  second = f32x4.relaxed_madd(f, all1(late), second);
  return f32x4.add(first, second);
}
