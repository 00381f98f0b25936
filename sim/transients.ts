/**
 * Where something is new, and where something is gone.
 *
 * @module
 */

import { RADIANS, separationDeg } from "../sky/angle.ts";
import { BANDS, blackBodyColour } from "./bands.ts";
import type { LightTruth } from "./conditions.ts";
import { encircled, peakShare, stampRadius } from "./profile.ts";
import { keyOf, RandomStream } from "./random.ts";
import { type Galaxy, magnitudeIn, type Scene, type Source } from "./scene.ts";

/** Radius of the aperture whose signal to noise counts, FWHM: the best one for a Gaussian. */
export const SNR_RADIUS_FWHM = 0.673;
/** Nearest allowed to an edge of any light frame, and to another transient, px. */
const EDGE_PX = 20, APART_PX = 30;
const HOST_SHARE = 0.35;
const TRIES_EACH = 400;
/** A fading source keeps this share of its light. */
export const FADED_SHARE = 0.2;

/** A source that differs between the lights and the reference. */
export interface Transient {
  /** T or F and a number, unique in the field. */
  readonly id: string;
  /** `new`: only in the lights; `fading`: brighter in the reference. */
  readonly kind: "new" | "fading";
  /** Right ascension, J2000. */
  readonly raDeg: number;
  /** Declination, J2000. */
  readonly decDeg: number;
  /** Of the black body whose colours it has. */
  readonly temperatureK: number;
  /** AB magnitude of the difference at 600 nm. */
  readonly mag600: number;
  /** The galaxy it happens in. */
  readonly host: Galaxy | null;
  /** Expected signal to noise of the difference in the stack, by filter. */
  readonly snr: Readonly<Record<string, number>>;
}

/** A light frame with the filter it was taken through. */
export type FilteredLight = LightTruth & { readonly filter: string };

/** What decides how bright a transient must be. */
export interface StackNoise {
  /** Good light frames of the target. */
  readonly lights: readonly FilteredLight[];
  /** Of one pixel, electrons. */
  readonly readNoiseE: number;
  /** Charge at which a pixel saturates, electrons. */
  readonly saturationE: number;
}

/**
 * Places transients on a scene so that each can be seen on every light frame.
 *
 * @param scene Stars and galaxies.
 * @param noise The light frames of the target.
 * @param options Seed and numbers; `minSnr`, `maxSnr` bound the signal to noise in the stack of
 * the least favourable filter, spread evenly in its logarithm.
 * @returns As many as found room; the new ones first.
 */
export function placeTransients(
  scene: Scene,
  noise: StackNoise,
  options: { seed: number; count: number; fading: number; minSnr: number; maxSnr: number },
): readonly Transient[] {
  const random = new RandomStream(options.seed, keyOf(scene.object), 3);
  const total = noise.lights.length === 0 ? 0 : options.count + options.fading;
  const placed: Transient[] = [];
  const isFree = obstacles(scene, noise);
  for (let tries = 0; placed.length < total && tries < total * TRIES_EACH; tries++) {
    const place = drawPlace(scene, noise, random);
    if (!isFree(place, placed)) continue;
    const fading = placed.length >= options.count;
    const numbered = fading ? placed.length - options.count : placed.length;
    const part = fading ? random.uniform() : (numbered + 0.5) / options.count;
    const snr = fading ? 30 * (options.maxSnr / 30) ** part : options.minSnr *
      (options.maxSnr / options.minSnr) ** part;
    const temperatureK = random.between(5500, 11000);
    placed.push({
      id: `${fading ? "F" : "T"}${String(numbered + 1).padStart(4, "0")}`,
      kind: fading ? "fading" : "new",
      ...place,
      temperatureK,
      ...brightness(snr, temperatureK, place.host, noise),
    });
  }
  return placed;
}

/**
 * Signal to noise of a point source in the mean of several exposures, in a circle of 0.673 FWHM.
 * Photon noise of source, sky and host, and read noise count; noise of the reference does not.
 *
 * @param source Magnitude at 600 nm and colour.
 * @param host The galaxy underneath.
 * @param noise The light frames; those of `filter` are taken.
 * @param filter Name.
 * @returns Signal to noise.
 */
export function expectedSnr(
  source: Pick<Source, "mag600" | "temperatureK">,
  host: Galaxy | null,
  noise: StackNoise,
  filter: string,
): number {
  const magnitude = magnitudeIn(source, filter);
  const hostMagnitude = host ? magnitudeIn(host, filter) : Infinity;
  let signal = 0, variance = 0;
  for (const light of noise.lights) {
    if (light.filter !== filter) continue;
    const { fwhmPx } = light.psf;
    const pixels = Math.PI * (SNR_RADIUS_FWHM * fwhmPx) ** 2;
    const flux = light.electronsAtZero * 10 ** (-0.4 * magnitude) * encircled(SNR_RADIUS_FWHM);
    const spread = host
      ? 2 * Math.PI * host.axisRatio * (host.radiusArcsec / light.wcs.pixelScaleArcsec) ** 2 +
        fwhmPx ** 2
      : 1;
    const hostE = light.electronsAtZero * 10 ** (-0.4 * hostMagnitude) / spread;
    signal += flux;
    variance += flux + pixels * (light.skyE + hostE + noise.readNoiseE ** 2);
  }
  return signal / Math.sqrt(variance);
}

/** The magnitude at which the least favourable filter has the wanted signal to noise. */
function brightness(
  snr: number,
  temperatureK: number,
  host: Galaxy | null,
  noise: StackNoise,
): Pick<Transient, "mag600" | "snr"> {
  const filters = [...new Set(noise.lights.map(({ filter }) => filter))];
  const at = (mag600: number, filter: string) =>
    expectedSnr({ mag600, temperatureK }, host, noise, filter);
  let bright = 5, faint = 28;
  while (faint - bright > 1e-4) {
    const middle = (bright + faint) / 2;
    if (Math.min(...filters.map((filter) => at(middle, filter))) > snr) bright = middle;
    else faint = middle;
  }
  return {
    mag600: bright,
    snr: Object.fromEntries(filters.map((name) => [name, at(bright, name)])),
  };
}

interface Place {
  readonly raDeg: number;
  readonly decDeg: number;
  readonly host: Galaxy | null;
}

function drawPlace(scene: Scene, noise: StackNoise, random: RandomStream): Place {
  const hosts = scene.galaxies;
  if (hosts.length > 0 && random.uniform() < HOST_SHARE) {
    const host = hosts[Math.floor(random.uniform() * hosts.length)]!;
    const radiusDeg = host.radiusArcsec * random.between(0.3, 1.2) / 3600;
    const angle = random.between(0, 2 * Math.PI);
    const decDeg = host.decDeg + radiusDeg * Math.cos(angle);
    const raDeg = host.raDeg + radiusDeg * Math.sin(angle) / Math.cos(decDeg * RADIANS);
    return { raDeg, decDeg, host };
  }
  const { wcs, psf } = noise.lights[0]!;
  const [raDeg, decDeg] = wcs.pixelToSky(
    random.between(0, psf.width - 1),
    random.between(0, psf.height - 1),
  );
  return { raDeg, decDeg, host: null };
}

/** A star in pixels of the first light frame, and how much room it takes. */
interface Obstacle {
  readonly x: number;
  readonly y: number;
  readonly radius: number;
  /** Half a length of the overflowing column. */
  readonly trail: number;
}

function obstacles(
  scene: Scene,
  noise: StackNoise,
): (place: Place, placed: readonly Transient[]) => boolean {
  const first = noise.lights[0];
  const stars = first ? scene.stars.map((star) => obstacle(star, first, noise)) : [];
  return (place, placed) => {
    for (const { wcs, psf } of noise.lights) {
      const [x, y] = wcs.skyToPixel(place.raDeg, place.decDeg);
      const inside = x >= EDGE_PX && y >= EDGE_PX && x <= psf.width - 1 - EDGE_PX &&
        y <= psf.height - 1 - EDGE_PX;
      if (!inside) return false;
    }
    const apartDeg = APART_PX * first!.wcs.pixelScaleArcsec / 3600;
    if (placed.some((other) => separationDeg(place, other) < apartDeg)) return false;
    const [x, y] = first!.wcs.skyToPixel(place.raDeg, place.decDeg);
    return !stars.some((star) =>
      Math.hypot(x - star.x, y - star.y) < star.radius ||
      (Math.abs(x - star.x) < 8 && Math.abs(y - star.y) < star.trail)
    );
  };
}

/** Near a saturated star nothing is placed where its wings outshine the sky; near others, 2 FWHM. */
function obstacle(star: Source, first: FilteredLight, noise: StackNoise): Obstacle {
  const [x, y] = first.wcs.skyToPixel(star.raDeg, star.decDeg);
  let radius = 0, trail = 0;
  for (const light of noise.lights) {
    const flux = light.electronsAtZero * 10 ** (-0.4 * magnitudeIn(star, light.filter));
    const { fwhmPx } = light.psf;
    const peak = flux * peakShare(fwhmPx);
    const saturated = peak > 0.7 * noise.saturationE;
    const wings = stampRadius(flux, fwhmPx, Math.max(1, light.skyE)) + 15;
    radius = Math.max(
      radius,
      saturated ? wings : peak > 0.3 * Math.sqrt(light.skyE) ? 2 * fwhmPx : 0,
    );
    if (peak > noise.saturationE) trail = 320;
  }
  return { x, y, radius, trail };
}

/**
 * The magnitude of what a transient adds or takes away in a filter.
 *
 * @param transient The source.
 * @param filter Name.
 * @returns AB magnitude of the difference.
 */
export function differenceMagnitude(transient: Transient, filter: string): number {
  return transient.mag600 + blackBodyColour(transient.temperatureK, BANDS[filter]!.wavelengthNm);
}
