/**
 * Convolution masks of Source Extractor by formula.
 *
 * @module
 */

/** The masks that come with gppy, by FWHM in px and side in px. */
export const GAUSS_MASKS: readonly (readonly [fwhmPx: number, sidePx: number])[] = [
  [1.5, 3],
  [2, 5],
  [2.5, 5],
  [3, 7],
  [4, 9],
  [5, 11],
];

/**
 * The name of a bundled mask.
 *
 * @param fwhmPx Full width at half maximum.
 * @param sidePx Side of the mask.
 * @returns Such as `gauss_3.0_7x7.conv`.
 */
export function gaussMaskName(fwhmPx: number, sidePx: number): string {
  return `gauss_${fwhmPx.toFixed(1)}_${sidePx}x${sidePx}.conv`;
}

/**
 * Chooses the bundled mask for a seeing: the matched filter finds the faintest stars.
 *
 * @param fwhmPx Full width at half maximum of stars.
 * @returns The name of the mask whose width is nearest, in ratio.
 */
export function nearestGaussMask(fwhmPx: number): string {
  const distance = (width: number) => Math.abs(Math.log(width / fwhmPx));
  const best = GAUSS_MASKS.reduce((a, b) => distance(b[0]) < distance(a[0]) ? b : a);
  return gaussMaskName(...best);
}

/**
 * Writes a Gaussian mask in the form that Source Extractor reads.
 *
 * `exp(−4 ln 2 · r² / fwhm²)` at the pixel centres; `NORM` makes Source
 * Extractor scale the sum to 1.
 *
 * @param fwhmPx Full width at half maximum.
 * @param sidePx Side of the mask, odd.
 * @returns The text of the file.
 */
export function gaussMask(fwhmPx: number, sidePx: number): string {
  const half = (sidePx - 1) / 2;
  const rows = Array.from({ length: sidePx }, (_, j) =>
    Array.from({ length: sidePx }, (_, i) => {
      const r2 = (i - half) ** 2 + (j - half) ** 2;
      return Math.exp(-4 * Math.LN2 * r2 / fwhmPx ** 2).toFixed(6);
    }).join(" "));
  return [
    "CONV NORM",
    `# ${sidePx}x${sidePx} Gaussian, FWHM ${fwhmPx.toFixed(1)} px: exp(-4 ln2 r^2 / FWHM^2)`,
    ...rows,
    "",
  ].join("\n");
}
