// Dense float64 algebra for fits of some hundred unknowns, on the calling thread. Arrays are row-major;
// every argument is an address or a number, and nothing is kept between calls. dense.ts says what the
// functions give.
//
// A star is a record of float64: matrix [t, t], vector [t], square, noise, pixels, as sumStars of
// star_equations writes it; t terms, the background last.

/** Adds `factor · b` to a. */
export function axpy(a: usize, b: usize, factor: f64, count: u32): void {
  const f = f64x2.splat(factor);
  const end = a + (<usize>(count & ~1) << 3);
  for (; a < end; a += 16, b += 16) v128.store(a, f64x2.relaxed_madd(f, v128.load(b), v128.load(a)));
  if (count & 1) store<f64>(a, load<f64>(a) + factor * load<f64>(b));
}

function dot(a: usize, b: usize, count: u32): f64 {
  let s0 = f64x2.splat(0), s1 = f64x2.splat(0);
  let k: u32 = 0;
  for (; k + 4 <= count; k += 4, a += 32, b += 32) {
    s0 = f64x2.relaxed_madd(v128.load(a), v128.load(b), s0);
    s1 = f64x2.relaxed_madd(v128.load(a, 16), v128.load(b, 16), s1);
  }
  s0 = f64x2.add(s0, s1);
  let sum = f64x2.extract_lane(s0, 0) + f64x2.extract_lane(s0, 1);
  for (; k < count; k++, a += 8, b += 8) sum += load<f64>(a) * load<f64>(b);
  return sum;
}

/**
 * Adds stars, every term times its polynomials at the star, to the lower triangle of `matrix` [n, n], to
 * `vector` [n], and the products of the polynomials times the noise to `noise` [most, most]. `counts`,
 * u32 [t]: polynomials of each term; `values` [stars, most].
 */
export function addStars(
  stars: usize, count: u32, values: usize, counts: usize, t: u32, most: u32, n: u32,
  matrix: usize, vector: usize, noise: usize,
): void {
  const record = <usize>(t * t + t + 3) << 3, line = <usize>n << 3;
  for (let s: u32 = 0; s < count; s++, stars += record, values += <usize>most << 3) {
    let row = matrix, out = vector;
    for (let i: u32 = 0; i < t; i++) {
      const own = load<u32>(counts + (<usize>i << 2));
      const products = stars + (<usize>(i * t) << 3);
      const right = load<f64>(stars + (<usize>(t * t + i) << 3));
      for (let a: u32 = 0; a < own; a++, row += line, out += 8) {
        const f = load<f64>(values + (<usize>a << 3));
        store<f64>(out, load<f64>(out) + f * right);
        let at = row;
        for (let j: u32 = 0; j <= i; j++) {
          const others = load<u32>(counts + (<usize>j << 2));
          axpy(at, values, f * load<f64>(products + (<usize>j << 3)), others);
          at += <usize>others << 3;
        }
      }
    }
    const weight = load<f64>(stars + record - 16);
    for (let a: u32 = 0; a < most; a++) {
      axpy(noise + (<usize>(a * most) << 3), values, weight * load<f64>(values + (<usize>a << 3)), most);
    }
  }
}

/** Copies the lower triangle of `matrix` [n, n] to the upper one. */
export function mirror(matrix: usize, n: u32): void {
  for (let i: u32 = 0; i < n; i++) {
    for (let j: u32 = 0; j < i; j++) {
      store<f64>(matrix + (<usize>(j * n + i) << 3), load<f64>(matrix + (<usize>(i * n + j) << 3)));
    }
  }
}

/** Takes `share · products(i, j) · noise(a, b)` off the blocks of all terms but the last. */
export function takeNoise(
  matrix: usize, products: usize, noise: usize, counts: usize, t: u32, most: u32, share: f64,
): void {
  const rest = <usize>load<u32>(counts + (<usize>(t - 1) << 2)) << 3;
  let at = matrix;
  for (let i: u32 = 0; i + 1 < t; i++) {
    const own = load<u32>(counts + (<usize>i << 2));
    for (let a: u32 = 0; a < own; a++, at += rest) {
      for (let j: u32 = 0; j + 1 < t; j++) {
        const others = load<u32>(counts + (<usize>j << 2));
        const product = share * load<f64>(products + (<usize>(i * (t - 1) + j) << 3));
        axpy(at, noise + (<usize>(a * most) << 3), -product, others);
        at += <usize>others << 3;
      }
    }
  }
}

/** Squares of what stars differ from their data by, a pixel, into `out` [stars]; `local` [t] is overwritten. */
export function misfits(
  stars: usize, count: u32, values: usize, counts: usize, t: u32, most: u32,
  coefficients: usize, local: usize, out: usize,
): void {
  const record = <usize>(t * t + t + 3) << 3;
  for (let s: u32 = 0; s < count; s++, stars += record, values += <usize>most << 3) {
    let at = coefficients;
    for (let i: u32 = 0; i < t; i++) {
      const own = load<u32>(counts + (<usize>i << 2));
      store<f64>(local + (<usize>i << 3), dot(at, values, own));
      at += <usize>own << 3;
    }
    let sum = load<f64>(stars + record - 24);
    for (let i: u32 = 0; i < t; i++) {
      const row = dot(stars + (<usize>(i * t) << 3), local, t);
      sum += load<f64>(local + (<usize>i << 3)) * (row - 2 * load<f64>(stars + (<usize>(t * t + i) << 3)));
    }
    // NaN stays
    store<f64>(out + (<usize>s << 3), (sum < 0 ? 0 : sum) / load<f64>(stars + record - 8));
  }
}

/** Scales `matrix` [n, n] to unit diagonal; `scale` [n] takes the roots of the old one, 1 where it has none. */
export function toUnitDiagonal(matrix: usize, scale: usize, n: u32): void {
  for (let i: u32 = 0; i < n; i++) {
    const root = sqrt<f64>(load<f64>(matrix + (<usize>(i * n + i) << 3)));
    store<f64>(scale + (<usize>i << 3), root > 0 ? root : 1);
  }
  let at = matrix;
  for (let i: u32 = 0; i < n; i++) {
    const own = load<f64>(scale + (<usize>i << 3));
    for (let j: u32 = 0; j < n; j++, at += 8) {
      store<f64>(at, load<f64>(at) / (own * load<f64>(scale + (<usize>j << 3))));
    }
  }
}

/** Cholesky's lower factor in the place of the lower triangle of `matrix` [n, n]; 0 where a pivot is too small. */
export function factorise(matrix: usize, n: u32, smallestPivot: f64): u32 {
  const line = <usize>n << 3;
  for (let i: u32 = 0, row = matrix; i < n; i++, row += line) {
    for (let j: u32 = 0, other = matrix; j < i; j++, other += line) {
      const at = row + (<usize>j << 3);
      store<f64>(at, (load<f64>(at) - dot(row, other, j)) / load<f64>(other + (<usize>j << 3)));
    }
    const at = row + (<usize>i << 3);
    const pivot = load<f64>(at) - dot(row, row, i);
    if (!(pivot > smallestPivot)) return 0;
    store<f64>(at, sqrt<f64>(pivot));
  }
  return 1;
}

/** Solves by a lower factor and its transpose; `x` [n] holds the right side and then the solution. */
export function substitute(lower: usize, x: usize, n: u32): void {
  const line = <usize>n << 3;
  for (let i: u32 = 0, row = lower; i < n; i++, row += line) {
    const at = x + (<usize>i << 3);
    store<f64>(at, (load<f64>(at) - dot(row, x, i)) / load<f64>(row + (<usize>i << 3)));
  }
  for (let i: i32 = <i32>n - 1, row = lower + line * (<usize>n - 1); i >= 0; i--, row -= line) {
    const at = x + (<usize>i << 3);
    const value = load<f64>(at) / load<f64>(row + (<usize>i << 3));
    store<f64>(at, value);
    axpy(x, row, -value, i);
  }
}

/** Solves a positive system; both are overwritten, `vector` by the solution. 0 where a pivot is too small. */
export function solvePositive(matrix: usize, vector: usize, scale: usize, n: u32, smallestPivot: f64): u32 {
  toUnitDiagonal(matrix, scale, n);
  if (!factorise(matrix, n, smallestPivot)) return 0;
  for (let pass = 0; pass < 2; pass++) {
    for (let i: usize = 0; i < <usize>n; i++) {
      const at = vector + (i << 3);
      store<f64>(at, load<f64>(at) / load<f64>(scale + (i << 3)));
    }
    if (pass == 0) substitute(matrix, vector, n);
  }
  return 1;
}

function unitLength(x: usize, n: u32): f64 {
  const size = sqrt<f64>(dot(x, x, n));
  if (size > 0) for (let i: usize = 0; i < <usize>n; i++) store<f64>(x + (i << 3), load<f64>(x + (i << 3)) / size);
  return size;
}

/** Largest eigenvalue of a symmetric matrix [n, n] by power iteration from `x` [n]; `y` [n] is overwritten. */
export function largestEigenvalue(matrix: usize, x: usize, y: usize, n: u32, steps: u32): f64 {
  let size: f64 = 0;
  for (let step: u32 = 0; step < steps; step++) {
    for (let i: u32 = 0; i < n; i++) {
      store<f64>(y + (<usize>i << 3), dot(matrix + (<usize>(i * n) << 3), x, n));
    }
    memory.copy(x, y, <usize>n << 3);
    size = unitLength(x, n);
    if (!(size > 0)) return 0;
  }
  return size;
}

/** Largest eigenvalue of the inverse of what a lower factor was made of, alike. */
export function largestOfInverse(lower: usize, x: usize, n: u32, steps: u32): f64 {
  let size: f64 = 0;
  for (let step: u32 = 0; step < steps; step++) {
    substitute(lower, x, n);
    size = unitLength(x, n);
    if (!(size > 0)) return 0;
  }
  return size;
}

/** Adds the product of `a` [rows, inner] and `b` [inner, columns] to `out` [rows, columns]. */
export function addProduct(a: usize, b: usize, out: usize, rows: u32, inner: u32, columns: u32): void {
  const line = <usize>columns << 3;
  for (let i: u32 = 0; i < rows; i++, out += line) {
    for (let k: u32 = 0, from = b; k < inner; k++, a += 8, from += line) {
      const value = load<f64>(a);
      if (value != 0) axpy(out, from, value, columns);
    }
  }
}

/** Adds the product of the transpose of `a` [inner, rows] and `b` [inner, columns] to `out` [rows, columns]. */
export function addTransposedProduct(a: usize, b: usize, out: usize, rows: u32, inner: u32, columns: u32): void {
  const line = <usize>columns << 3;
  for (let k: u32 = 0; k < inner; k++, b += line) {
    for (let i: u32 = 0, to = out; i < rows; i++, a += 8, to += line) {
      const value = load<f64>(a);
      if (value != 0) axpy(to, b, value, columns);
    }
  }
}

/** Stars over another basis: `rotation` [t, t] has a column for each new term; `half` [t, t] is overwritten. */
export function turnStars(stars: usize, count: u32, t: u32, rotation: usize, half: usize, out: usize): void {
  const size = <usize>(t * t) << 3, record = size + (<usize>(t + 3) << 3);
  for (let s: u32 = 0; s < count; s++, stars += record, out += record) {
    memory.fill(half, 0, size);
    memory.fill(out, 0, record);
    addProduct(stars, rotation, half, t, t, t);
    addTransposedProduct(rotation, half, out, t, t, t);
    addTransposedProduct(rotation, stars + size, out + size, t, t, 1);
    memory.copy(out + record - 24, stars + record - 24, 24);
  }
}

function turnRows(x: usize, y: usize, n: u32, c: f64, s: f64): void {
  const cosine = f64x2.splat(c), sine = f64x2.splat(s);
  let k: u32 = 0;
  for (; k + 2 <= n; k += 2, x += 16, y += 16) {
    const a = v128.load(x), b = v128.load(y);
    v128.store(x, f64x2.sub(f64x2.mul(cosine, a), f64x2.mul(sine, b)));
    v128.store(y, f64x2.add(f64x2.mul(sine, a), f64x2.mul(cosine, b)));
  }
  if (k == n) return;
  const a = load<f64>(x), b = load<f64>(y);
  store<f64>(x, c * a - s * b);
  store<f64>(y, s * a + c * b);
}

/** Turns two axes of `a` [n, n] so that the element between them is 0; `vectors` [n, n] alike. */
function turnAxes(a: usize, vectors: usize, n: u32, p: u32, q: u32): void {
  const rowP = a + (<usize>(p * n) << 3), rowQ = a + (<usize>(q * n) << 3);
  const atP = <usize>p << 3, atQ = <usize>q << 3;
  const between = load<f64>(rowP + atQ);
  if (between == 0) return;
  const theta = (load<f64>(rowQ + atQ) - load<f64>(rowP + atP)) / (2 * between);
  const t = (theta < 0 ? -1.0 : 1.0) / (abs<f64>(theta) + sqrt<f64>(theta * theta + 1));
  const c = 1 / sqrt<f64>(t * t + 1), s = t * c;
  turnRows(rowP, rowQ, n, c, s);
  for (let k: u32 = 0, row = a; k < n; k++, row += <usize>n << 3) {
    const x = load<f64>(row + atP), y = load<f64>(row + atQ);
    store<f64>(row + atP, c * x - s * y);
    store<f64>(row + atQ, s * x + c * y);
  }
  store<f64>(rowP + atQ, 0);
  store<f64>(rowQ + atP, 0);
  turnRows(vectors + (<usize>(p * n) << 3), vectors + (<usize>(q * n) << 3), n, c, s);
}

/** Jacobi's rotations: leaves the eigenvalues on the diagonal of `a` [n, n], vectors in the rows of `vectors`. */
export function eigen(a: usize, vectors: usize, n: u32, smallest: f64, sweeps: u32): void {
  for (let i: u32 = 0; i < n; i++) store<f64>(vectors + (<usize>(i * n + i) << 3), 1);
  const size = sqrt<f64>(dot(a, a, n * n));
  for (let sweep: u32 = 0; sweep < sweeps; sweep++) {
    let largest: f64 = 0;
    for (let p: u32 = 0; p < n; p++) {
      for (let q = p + 1; q < n; q++) {
        largest = max<f64>(largest, abs<f64>(load<f64>(a + (<usize>(p * n + q) << 3))));
        turnAxes(a, vectors, n, p, q);
      }
    }
    if (!(largest > smallest * size)) break;
  }
}
