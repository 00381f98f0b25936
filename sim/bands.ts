/**
 * The filters of the 7-Dimensional Telescope as seen by the simulation:
 * photon rates, sky brightness, extinction.
 *
 * @module
 */

/** One filter. */
export interface Band {
  /** Name as in FILTER cards. */
  readonly name: string;
  /** Central wavelength, nm. */
  readonly wavelengthNm: number;
  /** Full width, nm. */
  readonly widthNm: number;
  /** Electrons a second from a source of 0 mag AB outside the atmosphere. */
  readonly rateAtZero: number;
  /** Brightness of the moonless sky, mag AB a square arcsecond. */
  readonly skyMag: number;
  /** Atmospheric extinction, mag an airmass. */
  readonly extinction: number;
}

/** Photons of 0 mag AB, a second and square metre, per unit of Δλ/λ. */
const PHOTONS_AT_ZERO = 5.48e10;
/** A 508 mm mirror with its secondary. */
const COLLECTING_M2 = 0.165;
/** Mirrors, corrector, filter. */
const OPTICS = 0.68;

/** [wavelength nm, quantum efficiency, dark sky mag/arcsec², extinction mag/airmass]. */
const CURVES: readonly (readonly [number, number, number, number])[] = [
  [380, 0.62, 22.3, 0.36],
  [450, 0.80, 22.0, 0.21],
  [525, 0.88, 21.8, 0.14],
  [600, 0.83, 21.4, 0.11],
  [700, 0.65, 20.9, 0.06],
  [800, 0.42, 20.2, 0.04],
  [900, 0.24, 19.5, 0.03],
];

const WIDE: readonly (readonly [string, number, number])[] = [
  ["g", 477, 138],
  ["r", 623, 137],
  ["i", 763, 153],
];

const medium = Array.from({ length: 20 }, (_, i): readonly [string, number, number] => {
  const wavelengthNm = 400 + 25 * i;
  return [`m${wavelengthNm}`, wavelengthNm, 25];
});

/** The filters by name: m400 to m875 in steps of 25 nm, and g r i. */
export const BANDS: Readonly<Record<string, Band>> = Object.fromEntries(
  [...medium, ...WIDE].map(([name, wavelengthNm, widthNm]) => [
    name,
    makeBand(name, wavelengthNm, widthNm),
  ]),
);

/**
 * Colour of a black body: how much fainter it is at a wavelength than at 600 nm, AB magnitudes.
 *
 * @param temperatureK Of the source.
 * @param wavelengthNm Where it is observed.
 * @returns Magnitude there minus magnitude at 600 nm.
 */
export function blackBodyColour(temperatureK: number, wavelengthNm: number): number {
  const exponent = (nm: number) => 1.43877e7 / (nm * temperatureK);
  const flux = (nm: number) => (600 / nm) ** 3 / Math.expm1(exponent(nm));
  return -2.5 * Math.log10(flux(wavelengthNm) / flux(600));
}

function makeBand(name: string, wavelengthNm: number, widthNm: number): Band {
  const efficiency = curve(wavelengthNm, 1);
  return {
    name,
    wavelengthNm,
    widthNm,
    rateAtZero: PHOTONS_AT_ZERO * widthNm / wavelengthNm * COLLECTING_M2 * OPTICS * efficiency,
    skyMag: curve(wavelengthNm, 2),
    extinction: curve(wavelengthNm, 3),
  };
}

function curve(wavelengthNm: number, column: 1 | 2 | 3): number {
  const after = CURVES.findIndex(([nm]) => nm >= wavelengthNm);
  const high = CURVES[after]!, low = CURVES[Math.max(0, after - 1)]!;
  const part = high === low ? 0 : (wavelengthNm - low[0]) / (high[0] - low[0]);
  return low[column] + part * (high[column] - low[column]);
}
