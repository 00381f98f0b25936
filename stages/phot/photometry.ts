/**
 * Fluxes of one extraction in every aperture, with errors from the measured noise of the sky.
 *
 * @module
 */

import type { Table } from "../../fits/table.ts";
import { APERTURES, CIRCULAR_APERTURES } from "./apertures.ts";
import type { SkyNoise } from "./noise.ts";

/** Fluxes in one aperture; one entry a source. */
export interface ApertureFluxes {
  /** ADU. */
  readonly flux: Float64Array;
  /** ADU; the noise of the sky in the aperture and of the source itself. */
  readonly fluxError: Float64Array;
}

/** −2.5 log₁₀ e: error of a magnitude for a relative error of the flux. */
const MAG_PER_RELATIVE = 2.5 / Math.LN10;
/** What stands in a catalogue for a magnitude that does not exist, as in Source Extractor. */
export const NO_MAG = 99;

/**
 * Reads the fluxes of a catalogue, in the order of {@linkcode APERTURES}.
 *
 * The error is √(σ² + flux/gain), σ being the noise measured in such an aperture,
 * which Source Extractor's own error underestimates where pixels share noise. For
 * the automatic aperture σ follows from the area of each source's ellipse.
 *
 * @param table Catalogue with FLUX_AUTO, FLUX_APER and the ellipse.
 * @param noise Noise of the sky.
 * @param gain Electrons an ADU; 0 leaves the noise of the sources out.
 * @returns One entry an aperture.
 */
export function fluxesOf(table: Table, noise: SkyNoise, gain: number): ApertureFluxes[] {
  const areas = autoAreasPx(table);
  const auto = Float64Array.from(table.column("FLUX_AUTO"));
  const vector = table.values("FLUX_APER");
  const count = CIRCULAR_APERTURES.length;
  return APERTURES.map((_, a) => {
    if (a === 0) return withErrors(auto, (i) => noise.sigmaAdu(areas[i] ?? NaN), gain);
    const flux = Float64Array.from({ length: table.rows }, (_, i) => at(vector, i * count + a - 1));
    const sigma = at(noise.apertureSigmaAdu, a - 1);
    return withErrors(flux, () => sigma, gain);
  });
}

/**
 * Gives the area of the automatic aperture of each source.
 *
 * @param table Catalogue with KRON_RADIUS, A_IMAGE and B_IMAGE.
 * @returns Areas, px.
 */
export function autoAreasPx(table: Table): Float64Array {
  const kron = table.column("KRON_RADIUS");
  const a = table.column("A_IMAGE");
  const b = table.column("B_IMAGE");
  return Float64Array.from(
    { length: table.rows },
    (_, i) => Math.max(1, Math.PI * at(kron, i) ** 2 * at(a, i) * at(b, i)),
  );
}

/**
 * Turns a flux into a magnitude.
 *
 * @param flux ADU.
 * @param zeroPointMag Magnitude of 1 ADU; 0 for an instrumental magnitude.
 * @returns Magnitude; NaN of a flux that is not positive.
 */
export function magOf(flux: number, zeroPointMag = 0): number {
  return flux > 0 ? zeroPointMag - 2.5 * Math.log10(flux) : NaN;
}

/**
 * Gives the error of a magnitude.
 *
 * @param flux ADU.
 * @param fluxError ADU.
 * @returns 2.5 / ln 10 × error / flux, mag; NaN of a flux that is not positive.
 */
export function magErrorOf(flux: number, fluxError: number): number {
  return flux > 0 ? MAG_PER_RELATIVE * fluxError / flux : NaN;
}

function withErrors(
  flux: Float64Array,
  sigmaAdu: (i: number) => number,
  gain: number,
): ApertureFluxes {
  const fluxError = flux.map((value, i) => {
    const own = gain > 0 ? Math.max(0, value) / gain : 0;
    return Math.sqrt(sigmaAdu(i) ** 2 + own);
  });
  return { flux, fluxError };
}

function at(values: ArrayLike<number>, i: number): number {
  return values[i] ?? NaN;
}
