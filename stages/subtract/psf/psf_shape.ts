/**
 * Numbers that say how wide a PSF is.
 *
 * @module
 */

/**
 * The full width at half maximum of a PSF: twice the mean radius at which
 * profiles through its middle fall to half the central value, interpolated.
 *
 * @param psf `[side, side]`, side odd, its peak in the middle.
 * @returns FWHM, px; NaN where it does not fall to half.
 */
export function fwhmOf(psf: Float64Array): number {
  const side = Math.round(Math.sqrt(psf.length)), half = (side - 1) / 2;
  const peak = psf[(psf.length - 1) / 2]!;
  const radii = [[1, 0], [-1, 0], [0, 1], [0, -1]].map(([dx, dy]) => {
    let before = peak;
    for (let r = 1; r <= half; r++) {
      const value = psf[(half + r * dy!) * side + half + r * dx!]!;
      if (value <= peak / 2) return r - 1 + (before - peak / 2) / (before - value);
      before = value;
    }
    return NaN;
  });
  return (2 * radii.reduce((a, b) => a + b, 0)) / radii.length;
}

/**
 * The noise-equivalent area of a PSF: (Σ p)² / Σ p². The flux of a star on white
 * noise is known to σ times its root.
 *
 * @param psf `[side, side]`.
 * @returns Area, px².
 */
export function noiseArea(psf: Float64Array): number {
  let sum = 0, square = 0;
  for (const value of psf) {
    sum += value;
    square += value * value;
  }
  return sum ** 2 / square;
}
