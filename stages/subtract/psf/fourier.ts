/**
 * Kernels as functions of spatial frequency.
 *
 * @module
 */

/** A kernel's transfer function on a square grid of frequencies, zero frequency first. */
export interface Spectrum {
  /** `[size, size]`, row-major. */
  readonly re: Float64Array;
  readonly im: Float64Array;
}

/** Transforms kernels to spatial frequency and back, on a grid of one size. */
export class Fourier {
  /** Points a side, a power of two. */
  readonly size: number;
  readonly #cos: Float64Array;
  readonly #sin: Float64Array;

  /**
   * @param size Points a side, a power of two.
   * @throws {RangeError} If it is not.
   */
  constructor(size: number) {
    if (size < 2 || (size & (size - 1)) !== 0) throw new RangeError(`${size} is no power of two`);
    this.size = size;
    const angle = (k: number) => (-2 * Math.PI * k) / size;
    this.#cos = Float64Array.from({ length: size / 2 }, (_, k) => Math.cos(angle(k)));
    this.#sin = Float64Array.from({ length: size / 2 }, (_, k) => Math.sin(angle(k)));
  }

  /**
   * The transfer function of a kernel whose middle pixel is the origin.
   *
   * @param kernel `[side, side]`, side odd and no larger than the grid.
   * @returns Σ kernel(d) exp(−2πi k·d / size).
   */
  forward(kernel: Float64Array): Spectrum {
    const { size } = this;
    const side = Math.round(Math.sqrt(kernel.length)), half = (side - 1) / 2;
    const spectrum = { re: new Float64Array(size * size), im: new Float64Array(size * size) };
    kernel.forEach((value, i) => {
      const x = ((i % side) - half + size) % size;
      const y = (Math.floor(i / side) - half + size) % size;
      spectrum.re[y * size + x]! += value;
    });
    this.#transform(spectrum);
    return spectrum;
  }

  /**
   * The kernel of a transfer function.
   *
   * @param spectrum That of a real kernel.
   * @param halfPx Half-width to keep, px.
   * @returns `[2·halfPx + 1, 2·halfPx + 1]`, the origin in the middle.
   */
  inverse(spectrum: Spectrum, halfPx: number): Float64Array {
    const { size } = this;
    // The transform of the conjugate is the conjugate of the inverse, and its real part is wanted.
    const work = { re: spectrum.re.slice(), im: spectrum.im.map((value) => -value) };
    this.#transform(work);
    const side = 2 * halfPx + 1;
    return Float64Array.from({ length: side * side }, (_, i) => {
      const x = ((i % side) - halfPx + size) % size;
      const y = (Math.floor(i / side) - halfPx + size) % size;
      return work.re[y * size + x]! / (size * size);
    });
  }

  #transform({ re, im }: Spectrum): void {
    const { size } = this;
    for (let row = 0; row < size; row++) {
      this.#line(re.subarray(row * size, (row + 1) * size), im.subarray(row * size));
    }
    const columnRe = new Float64Array(size), columnIm = new Float64Array(size);
    for (let x = 0; x < size; x++) {
      for (let y = 0; y < size; y++) {
        columnRe[y] = re[y * size + x]!;
        columnIm[y] = im[y * size + x]!;
      }
      this.#line(columnRe, columnIm);
      for (let y = 0; y < size; y++) {
        re[y * size + x] = columnRe[y]!;
        im[y * size + x] = columnIm[y]!;
      }
    }
  }

  /** Cooley & Tukey (1965), radix 2, in place. */
  #line(re: Float64Array, im: Float64Array): void {
    const { size } = this;
    for (let i = 1, j = 0; i < size; i++) {
      let bit = size >> 1;
      for (; j & bit; bit >>= 1) j ^= bit;
      j ^= bit;
      if (i >= j) continue;
      [re[i], re[j]] = [re[j]!, re[i]!];
      [im[i], im[j]] = [im[j]!, im[i]!];
    }
    for (let span = 2; span <= size; span *= 2) {
      const half = span / 2, step = size / span;
      for (let start = 0; start < size; start += span) {
        for (let k = 0; k < half; k++) {
          const a = start + k, b = a + half;
          const c = this.#cos[k * step]!, s = this.#sin[k * step]!;
          const tr = re[b]! * c - im[b]! * s, ti = re[b]! * s + im[b]! * c;
          re[b] = re[a]! - tr;
          im[b] = im[a]! - ti;
          re[a]! += tr;
          im[a]! += ti;
        }
      }
    }
  }
}

/**
 * Multiplies two transfer functions, which convolves their kernels.
 *
 * @param a One.
 * @param b The other, on the same grid.
 * @returns Their product.
 */
export function multiply(a: Spectrum, b: Spectrum): Spectrum {
  return {
    re: a.re.map((value, i) => value * b.re[i]! - a.im[i]! * b.im[i]!),
    im: a.re.map((value, i) => value * b.im[i]! + a.im[i]! * b.re[i]!),
  };
}

/**
 * Multiplies a transfer function with a real one.
 *
 * @param spectrum The function.
 * @param by `[size, size]`.
 * @returns Their product.
 */
export function scaleBy(spectrum: Spectrum, by: Float64Array): Spectrum {
  return {
    re: spectrum.re.map((value, i) => value * by[i]!),
    im: spectrum.im.map((value, i) => value * by[i]!),
  };
}

/**
 * The square of the absolute value of a transfer function.
 *
 * @param spectrum The function.
 * @returns `[size, size]`.
 */
export function power(spectrum: Spectrum): Float64Array {
  return spectrum.re.map((value, i) => value ** 2 + spectrum.im[i]! ** 2);
}
