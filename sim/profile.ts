/**
 * Point sources on pixels: an elliptical Moffat profile that varies over the
 * field, tabulated, integrated over each pixel, stamped into strips of rows.
 *
 * @module
 */

/** Exponent of the Moffat profile; 3.5 lies between Kolmogorov turbulence and sharp optics. */
export const MOFFAT_BETA = 3.5;
/** FWHM over the profile's scale length α. */
const FWHM_IN_ALPHA = 2 * Math.sqrt(2 ** (1 / MOFFAT_BETA) - 1);
/** A star's stamp never ends nearer than this: 0.11 % of the light lies outside. */
const MIN_RADIUS_FWHM = 4;
const MAX_RADIUS_PX = 500;

const FINE_STEPS = 512, FINE_END = 32, COARSE_STEPS = 4, COARSE_END = 4096;
const fineTable = profileTable(FINE_STEPS, FINE_END);
const coarseTable = profileTable(COARSE_STEPS, COARSE_END);

/** Gauss–Legendre points and weights over one pixel, by number of points. */
const QUADRATURE: Readonly<Record<1 | 2 | 3, { points: number[]; weights: number[] }>> = {
  1: { points: [0], weights: [1] },
  2: { points: [-0.28867513459481287, 0.28867513459481287], weights: [0.5, 0.5] },
  3: {
    points: [-0.3872983346207417, 0, 0.3872983346207417],
    weights: [5 / 18, 8 / 18, 5 / 18],
  },
};

/** The point-spread function of one exposure. */
export interface PsfField {
  /** px. */
  readonly width: number;
  /** px. */
  readonly height: number;
  /** FWHM at the centre of the frame (geometric mean of both axes), px. */
  readonly fwhmPx: number;
  /** Relative growth of the FWHM from the centre to a corner. */
  readonly growth: number;
  /** Relative change of the FWHM from the centre to the right and to the upper edge. */
  readonly tilt: readonly [number, number];
  /** Ellipticity components (e cos 2θ, e sin 2θ) at the centre, e = 1 − b/a. */
  readonly ellipticity: readonly [number, number];
  /** Radial ellipticity in a corner (positive: stretched outwards). */
  readonly radialEllipticity: number;
}

/** The point-spread function at one place: r² = xx·dx² + 2·xy·dx·dy + yy·dy², in units of α². */
export interface PsfShape {
  /** Geometric mean of both axes. */
  readonly fwhmPx: number;
  /** Coefficient of dx². */
  readonly xx: number;
  /** Half the coefficient of dx·dy. */
  readonly xy: number;
  /** Coefficient of dy². */
  readonly yy: number;
  /** Central surface brightness of unit flux, per px. */
  readonly peak: number;
}

/** Point sources in pixel coordinates of one frame. */
export interface PointList {
  /** Pixels, 0 is the centre of the first. */
  readonly x: Float64Array;
  /** Pixels, 0 is the centre of the first row. */
  readonly y: Float64Array;
  /** Electrons. */
  readonly flux: Float64Array;
  /** How far the stamp reaches, px. */
  readonly radius: Float64Array;
}

/** Rows y0 … y0+rows of a frame, electrons. */
export interface Strip {
  /** Electrons, row-major `[rows, width]`. */
  readonly data: Float32Array;
  /** px. */
  readonly width: number;
  /** First row. */
  readonly y0: number;
  /** How many rows. */
  readonly rows: number;
}

/**
 * The point-spread function at a place.
 *
 * @param psf Of the exposure.
 * @param x Pixels.
 * @param y Pixels.
 * @returns Its shape there.
 */
export function shapeAt(psf: PsfField, x: number, y: number): PsfShape {
  const u = 2 * x / psf.width - 1, v = 2 * y / psf.height - 1;
  const fwhmPx = psf.fwhmPx *
    (1 + psf.growth * (u * u + v * v) / 2 + psf.tilt[0] * u + psf.tilt[1] * v);
  const e1 = psf.ellipticity[0] + psf.radialEllipticity * (u * u - v * v) / 2;
  const e2 = psf.ellipticity[1] + psf.radialEllipticity * u * v;
  const e = Math.min(0.6, Math.hypot(e1, e2));
  const axisRatio = 1 - e;
  const cos2 = e > 0 ? e1 / Math.hypot(e1, e2) : 1, sin2 = e > 0 ? e2 / Math.hypot(e1, e2) : 0;
  const alphaSquared = (fwhmPx / FWHM_IN_ALPHA) ** 2;
  const mean = (axisRatio + 1 / axisRatio) / 2, half = (1 / axisRatio - axisRatio) / 2;
  return {
    fwhmPx,
    xx: (mean - half * cos2) / alphaSquared,
    xy: -half * sin2 / alphaSquared,
    yy: (mean + half * cos2) / alphaSquared,
    peak: peakShare(fwhmPx),
  };
}

/**
 * The share of a round point source's light in its brightest pixel, not integrated.
 *
 * @param fwhmPx Of the profile.
 * @returns Central surface brightness of unit flux, per px.
 */
export function peakShare(fwhmPx: number): number {
  return (MOFFAT_BETA - 1) / Math.PI * (FWHM_IN_ALPHA / fwhmPx) ** 2;
}

/**
 * How far a stamp must reach so that what is left out is below a threshold.
 *
 * @param flux Electrons.
 * @param fwhmPx Of the profile.
 * @param threshold Electrons a pixel.
 * @param minFwhm Never less than this many FWHM.
 * @returns Radius, px.
 */
export function stampRadius(
  flux: number,
  fwhmPx: number,
  threshold: number,
  minFwhm: number = MIN_RADIUS_FWHM,
): number {
  const alpha = fwhmPx / FWHM_IN_ALPHA;
  const peak = flux * peakShare(fwhmPx);
  const reach = alpha * Math.sqrt(Math.max(0, (peak / threshold) ** (1 / MOFFAT_BETA) - 1));
  return Math.min(MAX_RADIUS_PX, Math.max(minFwhm * fwhmPx, reach));
}

/**
 * The share of a point source's light inside a circle.
 *
 * @param radiusFwhm Radius in units of the FWHM.
 * @returns 0 to 1.
 */
export function encircled(radiusFwhm: number): number {
  return 1 - (1 + (radiusFwhm * FWHM_IN_ALPHA) ** 2) ** (1 - MOFFAT_BETA);
}

/**
 * Adds one point source to a strip of rows.
 *
 * @param strip Changed.
 * @param shape The point-spread function at the source.
 * @param source Place (px), flux (electrons) and reach (px).
 */
export function stampPoint(
  strip: Strip,
  shape: PsfShape,
  source: { x: number; y: number; flux: number; radius: number },
): void {
  const { x, y, radius } = source;
  const scale = source.flux * shape.peak;
  const first = Math.max(strip.y0, Math.ceil(y - radius));
  const last = Math.min(strip.y0 + strip.rows - 1, Math.floor(y + radius));
  for (let row = first; row <= last; row++) {
    const dy = row - y;
    const chord = Math.sqrt(Math.max(0, radius * radius - dy * dy));
    const left = Math.max(0, Math.ceil(x - chord));
    const right = Math.min(strip.width - 1, Math.floor(x + chord));
    const offset = (row - strip.y0) * strip.width;
    for (let column = left; column <= right; column++) {
      strip.data[offset + column]! += scale * pixelIntegral(shape, column - x, dy);
    }
  }
}

/** Integral over one pixel whose centre is (dx, dy) from the source, in units of the peak. */
function pixelIntegral(shape: PsfShape, dx: number, dy: number): number {
  const { xx, xy, yy } = shape;
  const centre = xx * dx * dx + 2 * xy * dx * dy + yy * dy * dy;
  if (centre > 24) return profile(centre);
  const { points, weights } = QUADRATURE[centre < 3 ? 3 : 2];
  let sum = 0;
  for (let j = 0; j < points.length; j++) {
    const sy = dy + points[j]!;
    for (let i = 0; i < points.length; i++) {
      const sx = dx + points[i]!;
      sum += weights[i]! * weights[j]! * profile(xx * sx * sx + 2 * xy * sx * sy + yy * sy * sy);
    }
  }
  return sum;
}

/** (1 + s)^−β by linear interpolation; exact to 1e-5 of the peak. */
function profile(s: number): number {
  const fine = s < FINE_END;
  if (!fine && s >= COARSE_END) return (1 + s) ** -MOFFAT_BETA;
  const table = fine ? fineTable : coarseTable;
  const at = s * (fine ? FINE_STEPS : COARSE_STEPS);
  const index = at | 0, part = at - index;
  return table[index]! + part * (table[index + 1]! - table[index]!);
}

function profileTable(steps: number, end: number): Float64Array {
  return Float64Array.from({ length: steps * end + 2 }, (_, i) => (1 + i / steps) ** -MOFFAT_BETA);
}
