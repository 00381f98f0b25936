// Elementary functions of float64 without tables: kernels have no static data. Right to a few units in
// the last place for finite arguments.

const LN2: f64 = 0.6931471805599453;

/** Natural logarithm of a positive normal number. */
export function ln(x: f64): f64 {
  const bits = reinterpret<u64>(x);
  let exponent = <i32>((bits >> 52) & 0x7ff) - 1023;
  let m = reinterpret<f64>((bits & 0x000fffffffffffff) | 0x3ff0000000000000);
  if (m > 1.4142135623730951) {
    m *= 0.5;
    exponent++;
  }
  // 2 artanh(s), |s| < 0.172
  const s = (m - 1) / (m + 1);
  const s2 = s * s;
  let sum: f64 = 1.0 / 23;
  sum = sum * s2 + 1.0 / 21;
  sum = sum * s2 + 1.0 / 19;
  sum = sum * s2 + 1.0 / 17;
  sum = sum * s2 + 1.0 / 15;
  sum = sum * s2 + 1.0 / 13;
  sum = sum * s2 + 1.0 / 11;
  sum = sum * s2 + 1.0 / 9;
  sum = sum * s2 + 1.0 / 7;
  sum = sum * s2 + 1.0 / 5;
  sum = sum * s2 + 1.0 / 3;
  sum = sum * s2 + 1;
  return <f64>exponent * LN2 + 2 * s * sum;
}

/** The exponential function of what is not above 700; 0 below −700. */
export function exponential(x: f64): f64 {
  if (x < -700) return 0;
  const n = nearest<f64>(x * (1 / LN2));
  const r = x - n * LN2;
  let sum: f64 = 1 + r * (1.0 / 14);
  sum = 1 + r * sum * (1.0 / 13);
  sum = 1 + r * sum * (1.0 / 12);
  sum = 1 + r * sum * (1.0 / 11);
  sum = 1 + r * sum * (1.0 / 10);
  sum = 1 + r * sum * (1.0 / 9);
  sum = 1 + r * sum * (1.0 / 8);
  sum = 1 + r * sum * (1.0 / 7);
  sum = 1 + r * sum * (1.0 / 6);
  sum = 1 + r * sum * (1.0 / 5);
  sum = 1 + r * sum * (1.0 / 4);
  sum = 1 + r * sum * (1.0 / 3);
  sum = 1 + r * sum * (1.0 / 2);
  sum = 1 + r * sum;
  return sum * reinterpret<f64>(<u64>(<i64>n + 1023) << 52);
}
