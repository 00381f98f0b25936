/**
 * The sky over one field: stars and galaxies with places and colours.
 *
 * @module
 */

import { tanWcs } from "../sky/wcs.ts";
import { BANDS, blackBodyColour } from "./bands.ts";
import { keyOf, RandomStream } from "./random.ts";

/** Slopes of the number counts, dex a magnitude. */
const STAR_SLOPE = 0.25, GALAXY_SLOPE = 0.45;
const BRIGHTEST_STAR = 9, FAINTEST_STAR = 22;
const BRIGHTEST_GALAXY = 14, FAINTEST_GALAXY = 21;

/** A source of light with a place and a colour. */
export interface Source {
  /** Right ascension, J2000. */
  readonly raDeg: number;
  /** Declination, J2000. */
  readonly decDeg: number;
  /** AB magnitude at 600 nm. */
  readonly mag600: number;
  /** Of the black body whose colours it has, K. */
  readonly temperatureK: number;
}

/** A galaxy with one Sérsic component. */
export interface Galaxy extends Source {
  /** 1 for a disk, 4 for an elliptical. */
  readonly sersicIndex: number;
  /** Half-light radius along the major axis, arcsec. */
  readonly radiusArcsec: number;
  /** Minor over major axis. */
  readonly axisRatio: number;
  /** Position angle of the major axis, east of north, rad. */
  readonly angleRad: number;
}

/** All that shines in a field, whatever the night. */
export interface Scene {
  /** Name of the target. */
  readonly object: string;
  /** Right ascension, J2000. */
  readonly raDeg: number;
  /** Declination, J2000. */
  readonly decDeg: number;
  /** In no order. */
  readonly stars: readonly Source[];
  /** In no order. */
  readonly galaxies: readonly Galaxy[];
}

/** What a scene is made from. */
export interface SceneOptions {
  /** Of the simulation. */
  readonly seed: number;
  /** Name of the target. */
  readonly object: string;
  /** Right ascension, J2000. */
  readonly raDeg: number;
  /** Declination, J2000. */
  readonly decDeg: number;
  /** Half the side of the square to be filled, arcsec. */
  readonly halfSideArcsec: number;
  /** Brighter than 18 mag, a square degree. */
  readonly starsPerDeg2: number;
  /** Brighter than 20 mag, a square degree. */
  readonly galaxiesPerDeg2: number;
}

/**
 * Fills a field with stars and galaxies.
 *
 * @param options Field and densities.
 * @returns The scene; equal options give an equal scene.
 */
export function makeScene(options: SceneOptions): Scene {
  const place = placer(options);
  const areaDeg2 = (options.halfSideArcsec / 1800) ** 2;
  const { seed, object, raDeg, decDeg } = options;
  const count = (perDeg2: number, slope: number, magnitudes: number) =>
    Math.round(perDeg2 * areaDeg2 * 10 ** (slope * magnitudes));
  const starRandom = new RandomStream(seed, keyOf(object), 1);
  const stars = Array.from(
    { length: count(options.starsPerDeg2, STAR_SLOPE, FAINTEST_STAR - 18) },
    () => makeStar(starRandom, place),
  );
  const galaxyRandom = new RandomStream(seed, keyOf(object), 2);
  const galaxies = Array.from(
    { length: count(options.galaxiesPerDeg2, GALAXY_SLOPE, FAINTEST_GALAXY - 20) },
    () => makeGalaxy(galaxyRandom, place),
  );
  return { object, raDeg, decDeg, stars, galaxies };
}

/**
 * The magnitude of a source in a filter.
 *
 * @param source Star or galaxy.
 * @param filter Name as in {@linkcode BANDS}.
 * @returns AB magnitude outside the atmosphere.
 */
export function magnitudeIn(
  source: Pick<Source, "mag600" | "temperatureK">,
  filter: string,
): number {
  return source.mag600 + blackBodyColour(source.temperatureK, BANDS[filter]!.wavelengthNm);
}

type Placer = (random: RandomStream) => Pick<Source, "raDeg" | "decDeg">;

/** Evenly distributed places in the square around the centre of the field. */
function placer(options: SceneOptions): Placer {
  const half = options.halfSideArcsec;
  const plane = tanWcs({
    raDeg: options.raDeg,
    decDeg: options.decDeg,
    scaleArcsec: 1,
    rotationDeg: 0,
    parity: 1,
    width: 1,
    height: 1,
  });
  return (random) => {
    const [raDeg, decDeg] = plane.pixelToSky(
      random.between(-half, half),
      random.between(-half, half),
    );
    return { raDeg, decDeg };
  };
}

/** A magnitude from counts that grow by `slope` dex a magnitude. */
function drawMagnitude(random: RandomStream, slope: number, low: number, high: number): number {
  const floor = 10 ** (slope * (low - high));
  return high + Math.log10(floor + (1 - floor) * random.uniform()) / slope;
}

/** Bright stars are of all kinds, faint ones ever redder. */
function makeStar(random: RandomStream, place: Placer): Source {
  const mag600 = drawMagnitude(random, STAR_SLOPE, BRIGHTEST_STAR, FAINTEST_STAR);
  const redness = 1 + 0.12 * (mag600 - BRIGHTEST_STAR);
  const temperatureK = 3500 + 4500 * random.uniform() ** redness;
  return { ...place(random), mag600, temperatureK };
}

function makeGalaxy(random: RandomStream, place: Placer): Galaxy {
  const mag600 = drawMagnitude(random, GALAXY_SLOPE, BRIGHTEST_GALAXY, FAINTEST_GALAXY);
  const elliptical = random.uniform() < 0.3;
  return {
    ...place(random),
    mag600,
    temperatureK: elliptical ? random.between(3900, 4600) : random.between(4600, 6500),
    sersicIndex: elliptical ? 4 : random.uniform() < 0.5 ? 1 : 1.5,
    radiusArcsec: Math.min(12, 10 ** (-0.13 * (mag600 - 20) + 0.15 * random.normal())),
    axisRatio: elliptical ? random.between(0.6, 1) : random.between(0.25, 1),
    angleRad: random.between(0, Math.PI),
  };
}
