/**
 * A convolution kernel that varies over an image: a sum of fixed basis images
 * whose coefficients are polynomials of the position.
 *
 * @module
 */

/** A kernel that varies over an image, as numbers alone, so that any backend can take it. */
export interface KernelField {
  /** Half-width of the kernel, px; the kernel is `size × size` with `size = 2·halfPx + 1`. */
  readonly halfPx: number;
  /** Basis images `[terms, size, size]`, row-major. */
  readonly basis: Float64Array;
  /** Spatial order of each term's coefficient, `[terms]`. */
  readonly orders: readonly number[];
  /** Coefficients, one block a term of `polynomialTerms(order)` values, in the order of `basis`. */
  readonly coefficients: Float64Array;
  /** Size of the image that the positions belong to, px. */
  readonly width: number;
  readonly height: number;
}

/**
 * How many terms a polynomial of two variables has.
 *
 * @param order Total degree; 0 is a constant.
 * @returns (order + 1)(order + 2) / 2.
 */
export function polynomialTerms(order: number): number {
  return ((order + 1) * (order + 2)) / 2;
}

/**
 * Values of the spatial polynomials at a place: products of Chebyshev
 * polynomials of the position scaled to −1…1 over the image, total degree up to
 * `order`. Terms come by total degree, so a lower order is a prefix of a higher.
 *
 * @param x Column, px, 0 at the centre of the first pixel.
 * @param y Row, px.
 * @param options Size of the image, and the order.
 * @returns `[polynomialTerms(order)]`.
 */
export function polynomialValues(
  x: number,
  y: number,
  options: { readonly width: number; readonly height: number; readonly order: number },
): Float64Array {
  const { width, height, order } = options;
  const u = order < ALONG_X.length ? ALONG_X : new Float64Array(order + 1);
  const v = order < ALONG_Y.length ? ALONG_Y : new Float64Array(order + 1);
  chebyshevAt(x, width, order, u);
  chebyshevAt(y, height, order, v);
  const values = new Float64Array(polynomialTerms(order));
  let at = 0;
  for (let degree = 0; degree <= order; degree++) {
    for (let j = 0; j <= degree; j++) values[at++] = u[degree - j]! * v[j]!;
  }
  return values;
}

/** Room for polynomials along both axes: they are evaluated at very many places. */
const ALONG_X = new Float64Array(16), ALONG_Y = new Float64Array(16);

/**
 * Values of the Chebyshev polynomials of a position scaled to −1…1.
 *
 * @param position px, 0 at the centre of the first pixel.
 * @param pixels Of the image along that axis.
 * @param order The highest.
 * @param into Takes the result when given, `[order + 1]` at least.
 * @returns `[order + 1]`.
 */
export function chebyshevAt(
  position: number,
  pixels: number,
  order: number,
  into = new Float64Array(order + 1),
): Float64Array {
  const t = pixels > 1 ? (2 * position) / (pixels - 1) - 1 : 0;
  into[0] = 1;
  if (order > 0) into[1] = t;
  for (let n = 2; n <= order; n++) into[n] = 2 * t * into[n - 1]! - into[n - 2]!;
  return into;
}

/**
 * The kernel at one place.
 *
 * @param field The kernel that varies.
 * @param x Column, px, 0 at the centre of the first pixel.
 * @param y Row, px.
 * @param into Taken for the result when given, `[size, size]`.
 * @returns `[size, size]`, row-major: the value at offset (dx, dy) stands at column dx + halfPx, row dy + halfPx.
 */
export function kernelAt(
  field: KernelField,
  x: number,
  y: number,
  into?: Float64Array,
): Float64Array {
  const size = 2 * field.halfPx + 1;
  const pixels = size * size;
  const kernel = into ?? new Float64Array(pixels);
  kernel.fill(0);
  const order = Math.max(0, ...field.orders);
  const values = polynomialValues(x, y, { width: field.width, height: field.height, order });
  let at = 0;
  field.orders.forEach((termOrder, term) => {
    let coefficient = 0;
    const count = polynomialTerms(termOrder);
    for (let k = 0; k < count; k++) coefficient += field.coefficients[at + k]! * values[k]!;
    at += count;
    const from = term * pixels;
    for (let i = 0; i < pixels; i++) kernel[i]! += coefficient * field.basis[from + i]!;
  });
  return kernel;
}

/**
 * Makes a field of one kernel that is the same everywhere.
 *
 * @param kernel `[size, size]`, row-major.
 * @param width Columns of the image it will be used on.
 * @param height Rows of that image.
 * @returns The field.
 */
export function constantField(kernel: Float64Array, width: number, height: number): KernelField {
  const halfPx = (Math.round(Math.sqrt(kernel.length)) - 1) / 2;
  return { halfPx, basis: kernel, orders: [0], coefficients: Float64Array.of(1), width, height };
}

/** A kernel that varies as a polynomial whose coefficients are images. */
export interface SpatialKernels extends Pick<KernelField, "halfPx" | "width" | "height"> {
  /** Order of the polynomial. */
  readonly order: number;
  /** `[polynomialTerms(order)]` images `[size, size]`, row-major. */
  readonly images: readonly Float64Array[];
  /** The kernel at a place; the result lies in `into` when given. */
  at(x: number, y: number, into?: Float64Array): Float64Array;
}

/**
 * Gathers a kernel by the terms of its variation: few images instead of many basis functions, so that
 * it is evaluated quickly at many places.
 *
 * @param field The kernel.
 * @returns The same kernel.
 */
export function spatialKernels(field: KernelField): SpatialKernels {
  const { halfPx, width, height, orders, basis, coefficients } = field;
  const order = Math.max(0, ...orders);
  const pixels = (2 * halfPx + 1) ** 2;
  const images = Array.from({ length: polynomialTerms(order) }, () => new Float64Array(pixels));
  let at = 0;
  orders.forEach((termOrder, term) => {
    for (let k = 0; k < polynomialTerms(termOrder); k++) {
      const coefficient = coefficients[at++]!, image = images[k]!;
      const from = term * pixels;
      for (let i = 0; i < pixels; i++) image[i]! += coefficient * basis[from + i]!;
    }
  });
  return {
    ...{ halfPx, width, height, order, images },
    at(x, y, into = new Float64Array(pixels)) {
      const values = polynomialValues(x, y, { width, height, order });
      into.fill(0);
      images.forEach((image, k) => {
        const value = values[k]!;
        for (let i = 0; i < pixels; i++) into[i]! += value * image[i]!;
      });
      return into;
    },
  };
}
