/**
 * A science frame and its reference, on one grid, with all truth: the same stars
 * and galaxies through two point-spread functions that vary over the field, new
 * sources in the science frame alone, and both images once more without noise.
 *
 * Nothing is resampled: the noise of every pixel is independent and known.
 *
 * @module
 */

import { MOFFAT_BETA, type PointList, type PsfField, stampRadius, type Strip } from "./profile.ts";
import { RandomStream } from "./random.ts";
import { STRIP_ROWS, StripIndex } from "./render.ts";
import { galaxyPoints, pointsFor } from "./sersic.ts";

/** How one of the two images was taken. */
export interface PairSide {
  readonly psf: PsfField;
  readonly gainEAdu: number;
  /** Noise without light, ADU. */
  readonly readNoiseAdu: number;
  /** Level of the sky in the middle, ADU. */
  readonly skyAdu: number;
  /** What the sky gains from the middle to the right and to the upper edge, ADU, and towards all corners. */
  readonly skyGradientAdu: readonly [x: number, y: number, corners: number];
  /** Pixels are cut off there, ADU. */
  readonly saturationAdu: number;
  /** By how much the stars stand beside their places in the other image, px. */
  readonly shiftPx: readonly [number, number];
}

/** What a pair is made like. */
export interface PairPlan {
  readonly width: number;
  readonly height: number;
  readonly seed: number;
  readonly science: PairSide;
  readonly reference: PairSide;
  /** Flux in the science frame over flux in the reference. */
  readonly fluxRatio: number;
  /** Stars per million pixels between the limits of S/N (in the science frame), N(> F) ∝ F^−slope. */
  readonly starsPerMpx: number;
  readonly starSnr: readonly [number, number];
  readonly slope: number;
  readonly galaxiesPerMpx: number;
  readonly transientsPerMpx: number;
  /** Evenly spread in the logarithm. */
  readonly transientSnr: readonly [number, number];
  /** Side of the square at the origin that the reference lacks, px. */
  readonly missingCornerPx: number;
}

/** A source of a pair; of galaxies place and flux as a whole. */
export interface PairSource {
  readonly x: number;
  readonly y: number;
  /** ADU of the science frame. */
  readonly flux: number;
  /** What it lies beside. */
  readonly near: "none" | "star" | "galaxy";
}

/** Some rows of one image. */
export interface PairRows {
  /** ADU, `[rows, width]`; NaN where the reference has none. */
  readonly image: Float32Array;
  /** The same without noise, new sources and saturation. */
  readonly clean: Float32Array;
  /** Light of the new sources, ADU. */
  readonly fresh: Float32Array;
  /** 1 where the image is saturated. */
  readonly saturated: Uint8Array;
}

const SLOPE_OF_GALAXIES = 1;
const GALAXY_SNR = [15, 300] as const;
/** Stamps end where they are fainter than this part of the sky's noise. */
const FAINTEST_SIGMA = 0.01;
const PURPOSE = { stars: 1, galaxies: 2, transients: 3, science: 4, reference: 5 } as const;

/** Noise of bare sky in the middle of an image, ADU. */
export function skyNoise(side: PairSide): number {
  return Math.hypot(side.readNoiseAdu, Math.sqrt(Math.max(side.skyAdu, 0) / side.gainEAdu));
}

/**
 * The flux at which a point source reaches a signal-to-noise ratio by its profile.
 *
 * @param snr Signal over noise.
 * @param side The image.
 * @returns ADU of that image.
 */
export function fluxOfSnr(snr: number, side: PairSide): number {
  // Noise-equivalent area of a Moffat profile: 1 / ∫ P².
  const alpha = side.psf.fwhmPx / (2 * Math.sqrt(2 ** (1 / MOFFAT_BETA) - 1));
  const area = Math.PI * alpha ** 2 * (2 * MOFFAT_BETA - 1) / (MOFFAT_BETA - 1) ** 2;
  const photons = snr ** 2 / side.gainEAdu;
  return (photons + Math.sqrt(photons ** 2 + 4 * snr ** 2 * area * skyNoise(side) ** 2)) / 2;
}

/** A pair of images that can be made strip by strip, in any order, equal for equal plans. */
export class SimulatedPair {
  readonly plan: PairPlan;
  readonly stars: readonly PairSource[];
  readonly galaxies: readonly PairSource[];
  readonly transients: readonly PairSource[];
  readonly #old: Readonly<Record<"science" | "reference", StripIndex>>;
  readonly #fresh: StripIndex;

  /**
   * Draws the sources.
   *
   * @param plan What the pair is made like.
   */
  constructor(plan: PairPlan) {
    this.plan = plan;
    this.stars = drawStars(plan);
    const galaxies = drawGalaxies(plan);
    this.galaxies = galaxies;
    this.transients = drawTransients(plan, this.stars, galaxies);
    const points = [...this.stars, ...galaxies.flatMap((galaxy) => galaxy.points)];
    this.#old = {
      science: indexOf(points, plan.science, 1),
      reference: indexOf(points, plan.reference, 1 / plan.fluxRatio),
    };
    this.#fresh = indexOf(this.transients, plan.science, 1);
  }

  /** Where the strips begin that {@linkcode rows} gives. */
  get firstRows(): number[] {
    return Array.from(
      { length: Math.ceil(this.plan.height / STRIP_ROWS) },
      (_, k) => k * STRIP_ROWS,
    );
  }

  /**
   * Makes a strip of one image.
   *
   * @param name Which image.
   * @param y0 One of {@linkcode firstRows}.
   * @returns Its rows, at most {@linkcode STRIP_ROWS}.
   */
  rows(name: "science" | "reference", y0: number): PairRows {
    const { width, height } = this.plan;
    const side = this.plan[name];
    const rows = Math.min(STRIP_ROWS, height - y0);
    const strip = (): Strip => ({ data: new Float32Array(rows * width), width, y0, rows });
    const clean = strip(), fresh = strip();
    this.#old[name].stampInto(clean);
    if (name === "science") this.#fresh.stampInto(fresh);
    const image = new Float32Array(rows * width), saturated = new Uint8Array(rows * width);
    for (let row = 0; row < rows; row++) {
      const random = new RandomStream(this.plan.seed, PURPOSE[name], y0 + row);
      for (let x = 0, i = row * width; x < width; x++, i++) {
        const light = clean.data[i]! + skyOf(side, x, y0 + row);
        clean.data[i] = light;
        const variance = side.readNoiseAdu ** 2 +
          Math.max(0, light + fresh.data[i]!) / side.gainEAdu;
        const value = light + fresh.data[i]! + Math.sqrt(variance) * random.normal();
        saturated[i] = value >= side.saturationAdu ? 1 : 0;
        image[i] = this.#isMissing(name, x, y0 + row) ? NaN : Math.min(value, side.saturationAdu);
      }
    }
    return { image, clean: clean.data, fresh: fresh.data, saturated };
  }

  #isMissing(name: string, x: number, y: number): boolean {
    const { missingCornerPx } = this.plan;
    return name === "reference" && x < missingCornerPx && y < missingCornerPx;
  }
}

function skyOf(side: PairSide, x: number, y: number): number {
  const u = 2 * x / side.psf.width - 1, v = 2 * y / side.psf.height - 1;
  const [gx, gy, corners] = side.skyGradientAdu;
  return side.skyAdu + gx * u + gy * v + corners * (u * u + v * v) / 2;
}

function indexOf(
  sources: readonly { readonly x: number; readonly y: number; readonly flux: number }[],
  side: PairSide,
  scale: number,
): StripIndex {
  const { psf, shiftPx } = side;
  const threshold = FAINTEST_SIGMA * skyNoise(side);
  const points: PointList = {
    x: Float64Array.from(sources, ({ x }) => x + shiftPx[0]),
    y: Float64Array.from(sources, ({ y }) => y + shiftPx[1]),
    flux: Float64Array.from(sources, ({ flux }) => flux * scale),
    radius: Float64Array.from(
      sources,
      ({ flux }) => stampRadius(flux * scale, psf.fwhmPx, threshold),
    ),
  };
  return new StripIndex(points, psf);
}

const megapixels = (plan: PairPlan) => plan.width * plan.height / 1e6;

/** A flux of N(> F) ∝ F^−slope between two limits. */
function powerLaw(random: RandomStream, low: number, high: number, slope: number): number {
  const u = random.uniform();
  return (low ** -slope * (1 - u) + high ** -slope * u) ** (-1 / slope);
}

function drawStars(plan: PairPlan): PairSource[] {
  const random = new RandomStream(plan.seed, PURPOSE.stars);
  const [low, high] = plan.starSnr.map((snr) => fluxOfSnr(snr, plan.science));
  return Array.from({ length: Math.round(plan.starsPerMpx * megapixels(plan)) }, () => ({
    x: random.between(-0.5, plan.width - 0.5),
    y: random.between(-0.5, plan.height - 0.5),
    flux: powerLaw(random, low!, high!, plan.slope),
    near: "none" as const,
  }));
}

interface PairGalaxy extends PairSource {
  readonly radiusPx: number;
  readonly points: readonly { readonly x: number; readonly y: number; readonly flux: number }[];
}

function drawGalaxies(plan: PairPlan): PairGalaxy[] {
  const random = new RandomStream(plan.seed, PURPOSE.galaxies);
  const [low, high] = GALAXY_SNR.map((snr) => fluxOfSnr(snr, plan.science));
  return Array.from({ length: Math.round(plan.galaxiesPerMpx * megapixels(plan)) }, () => {
    const x = random.between(-0.5, plan.width - 0.5), y = random.between(-0.5, plan.height - 0.5);
    const flux = powerLaw(random, low!, high!, SLOPE_OF_GALAXIES);
    const shape = {
      sersicIndex: random.uniform() < 0.7 ? 1 : 4,
      // Pixels stand for arcseconds.
      radiusArcsec: random.between(2, 8),
      axisRatio: random.between(0.3, 1),
      angleRad: random.between(0, Math.PI),
    };
    const count = pointsFor(shape, Math.min(plan.science.psf.fwhmPx, plan.reference.psf.fwhmPx));
    const offsets = galaxyPoints(shape, count);
    const points = Array.from({ length: count }, (_, i) => ({
      x: x + offsets[3 * i]!,
      y: y + offsets[3 * i + 1]!,
      flux: flux * offsets[3 * i + 2]!,
    }));
    return { x, y, flux, near: "none" as const, radiusPx: shape.radiusArcsec, points };
  });
}

/** New sources are never nearer to each other, or a detector would take two for one. */
const APART_FWHM = 7;

/** Half of them anywhere, a quarter in galaxies, a quarter two to three FWHM beside stars. */
function drawTransients(
  plan: PairPlan,
  stars: readonly PairSource[],
  galaxies: readonly PairGalaxy[],
): PairSource[] {
  const random = new RandomStream(plan.seed, PURPOSE.transients);
  const [low, high] = plan.transientSnr.map((snr) => fluxOfSnr(snr, plan.science));
  const count = Math.round(plan.transientsPerMpx * megapixels(plan));
  const hosts = stars.filter(({ flux }) => flux > fluxOfSnr(20, plan.science));
  const drawn = Array.from({ length: count }, (_, k): PairSource => {
    const flux = Math.exp(random.between(Math.log(low!), Math.log(high!)));
    const pick = <T>(list: readonly T[]) => list[Math.floor(random.uniform() * list.length)];
    const angle = random.between(0, 2 * Math.PI);
    const galaxy = k % 4 === 2 ? pick(galaxies) : undefined;
    const star = k % 4 === 3 ? pick(hosts) : undefined;
    const host = galaxy ?? star;
    if (host === undefined) {
      const x = random.between(0, plan.width), y = random.between(0, plan.height);
      return { x, y, flux, near: "none" };
    }
    const away = galaxy?.radiusPx ?? random.between(2, 3) * plan.science.psf.fwhmPx;
    const [x, y] = [host.x + away * Math.cos(angle), host.y + away * Math.sin(angle)];
    return { x, y, flux, near: galaxy === undefined ? "star" : "galaxy" };
  });
  return keepApart(drawn, APART_FWHM * plan.science.psf.fwhmPx);
}

/** Drops those that lie too near to one that is kept. */
function keepApart(sources: readonly PairSource[], apartPx: number): PairSource[] {
  const kept: PairSource[] = [];
  for (const source of sources) {
    if (kept.every(({ x, y }) => Math.hypot(x - source.x, y - source.y) >= apartPx)) {
      kept.push(source);
    }
  }
  return kept;
}
