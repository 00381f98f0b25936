/**
 * Reference catalogues of a field, with the errors that real ones have.
 *
 * @module
 */

import { writeLdac } from "../fits/ldac.ts";
import { FitsHeader } from "../fits/header.ts";
import { RADIANS } from "../sky/angle.ts";
import { BANDS } from "./bands.ts";
import { keyOf, RandomStream } from "./random.ts";
import { magnitudeIn, type Scene, type Source } from "./scene.ts";
import { csv, writeText } from "./text_file.ts";

/** Faintest star of the astrometric reference, and of the one of synthetic photometry, mag. */
const ASTROMETRIC_LIMIT = 20.5, PHOTOMETRIC_LIMIT = 18;
/** Systematic floor of the synthetic photometry, mag. */
const PHOTOMETRIC_FLOOR = 0.002;

/**
 * Error of a catalogue position, as of Gaia DR3 for stars of unknown motion.
 *
 * @param mag600 Magnitude.
 * @returns One axis, arcsec.
 */
export function positionErrorArcsec(mag600: number): number {
  return 0.001 + 0.004 * 10 ** (0.25 * (Math.min(mag600, 21) - 20));
}

/**
 * Error of a synthetic magnitude.
 *
 * @param mag Magnitude in the band.
 * @returns Magnitudes.
 */
export function magnitudeError(mag: number): number {
  return Math.hypot(PHOTOMETRIC_FLOOR, 0.012 * 10 ** (0.35 * (mag - 17.5)));
}

/**
 * Writes the astrometric reference for SCAMP: FITS_LDAC with the columns that SCAMP reads.
 *
 * @param path The file to write.
 * @param scene Its stars down to 20.5 mag are taken.
 * @param seed Names the errors.
 */
export async function writeAstrometricReference(
  path: string,
  scene: Scene,
  seed: number,
): Promise<void> {
  const random = new RandomStream(seed, keyOf(scene.object), 401);
  const stars = scene.stars.filter(({ mag600 }) => mag600 < ASTROMETRIC_LIMIT);
  const seen = stars.map((star) => ({
    ...measuredPlace(star, random),
    mag: star.mag600 + magnitudeError(star.mag600 - 2) * random.normal(),
  }));
  const errorDeg = stars.map(({ mag600 }) => positionErrorArcsec(mag600) / 3600);
  await writeLdac(path, {
    header: FitsHeader.from({ ASTREFCT: ["synthetic", "reference catalogue"] }),
    columns: [
      { name: "X_WORLD", data: seen.map(({ raDeg }) => raDeg), format: "1D", unit: "deg" },
      { name: "Y_WORLD", data: seen.map(({ decDeg }) => decDeg), format: "1D", unit: "deg" },
      { name: "ERRA_WORLD", data: errorDeg, format: "1E", unit: "deg" },
      { name: "ERRB_WORLD", data: errorDeg, format: "1E", unit: "deg" },
      { name: "MAG", data: seen.map(({ mag }) => mag), format: "1E", unit: "mag" },
      {
        name: "MAGERR",
        data: stars.map(({ mag600 }) => magnitudeError(mag600 - 2)),
        format: "1E",
        unit: "mag",
      },
      { name: "OBSDATE", data: stars.map(() => 2016), format: "1D", unit: "yr" },
    ],
  });
}

/**
 * Writes the photometric reference: one row a star, magnitudes of every band with errors.
 *
 * @param path The file to write.
 * @param scene Its stars from 10 to 18 mag are taken.
 * @param seed Names the errors.
 */
export async function writePhotometricReference(
  path: string,
  scene: Scene,
  seed: number,
): Promise<void> {
  const random = new RandomStream(seed, keyOf(scene.object), 402);
  const bands = Object.keys(BANDS);
  const head = ["source_id", "ra", "dec", "phot_g_mean_mag"];
  const rows: (string | number)[][] = [
    [...head, ...bands.flatMap((name) => [`mag_${name}`, `magerr_${name}`])],
  ];
  scene.stars.forEach((star, i) => {
    if (star.mag600 < 10 || star.mag600 > PHOTOMETRIC_LIMIT) return;
    const { raDeg, decDeg } = measuredPlace(star, random);
    const magnitudes = bands.flatMap((name) => {
      const mag = magnitudeIn(star, name), error = magnitudeError(mag);
      return [(mag + error * random.normal()).toFixed(4), error.toFixed(4)];
    });
    const id = `${scene.object}-${String(i + 1).padStart(6, "0")}`;
    rows.push([
      id,
      raDeg.toFixed(8),
      decDeg.toFixed(8),
      (star.mag600 - 0.1).toFixed(4),
      ...magnitudes,
    ]);
  });
  await writeText(path, csv(rows));
}

function measuredPlace(star: Source, random: RandomStream): { raDeg: number; decDeg: number } {
  const errorDeg = positionErrorArcsec(star.mag600) / 3600;
  return {
    raDeg: star.raDeg + errorDeg * random.normal() / Math.cos(star.decDeg * RADIANS),
    decDeg: star.decDeg + errorDeg * random.normal(),
  };
}
