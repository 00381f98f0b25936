// Medians of four pixels at a time; there is no NaN among them.

/** Of each lane. */
export function low(a: v128, b: v128): v128 {
  return f32x4.pmin(a, b);
}

/** Of each lane. */
export function high(a: v128, b: v128): v128 {
  return f32x4.pmax(a, b);
}

/** Of each lane. */
export function median5(a: v128, b: v128, c: v128, d: v128, e: v128): v128 {
  const f = high(low(a, b), low(d, e));
  const g = low(high(a, b), high(d, e));
  return high(low(g, c), low(high(g, c), f));
}

/** Comparators of opt_med7 in N. Devillard's collection. */
export function median7(a: v128, b: v128, c: v128, d: v128, e: v128, f: v128, g: v128): v128 {
  let t = low(a, f);
  f = high(a, f);
  a = t;
  t = low(a, d);
  d = high(a, d);
  a = t;
  t = low(b, g);
  g = high(b, g);
  b = t;
  t = low(c, e);
  e = high(c, e);
  c = t;
  b = high(a, b);
  t = low(d, f);
  f = high(d, f);
  d = t;
  t = low(c, g);
  g = high(c, g);
  c = t;
  d = high(c, d);
  d = low(d, g);
  e = low(e, f);
  t = low(b, e);
  e = high(b, e);
  b = t;
  d = high(b, d);
  return low(d, e);
}
