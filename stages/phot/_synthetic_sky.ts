/**
 * Small skies with known stars, for the tests of photometry and detection.
 *
 * @module
 */

import { join } from "node:path";
import { FitsHeader } from "../../fits/header.ts";
import { writeImage } from "../../fits/image.ts";
import { setWcs, tanWcs, type Wcs } from "../../sky/wcs.ts";

/** A star of a synthetic sky. */
export interface SyntheticStar {
  readonly x: number;
  readonly y: number;
  readonly mag: number;
}

/** What a synthetic sky is made of. */
export interface SkySpec {
  readonly width: number;
  readonly height: number;
  readonly stars: readonly SyntheticStar[];
  readonly fwhmPx: number;
  readonly zeroPointMag: number;
  readonly skyAdu: number;
  /** Electrons an ADU. */
  readonly gain: number;
  readonly seed: number;
  /** Axis ratio of the stars along x; 1 = round. */
  readonly stretch?: number;
  /** Least level of the noise, ADU, instead of that of the sky. */
  readonly noiseAdu?: number;
}

/** The WCS of every synthetic sky, 0.5″ a pixel. */
export function syntheticWcs(width: number, height: number): Wcs {
  return tanWcs({ raDeg: 150, decDeg: -30, scaleArcsec: 0.5, width, height });
}

/** Uniform random numbers from 0 to 1 (mulberry32). */
export function uniform(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/** Normal random numbers (Box & Muller 1958). */
export function normal(random: () => number): () => number {
  return () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}

/** Scatters stars; magnitudes are uniform between the limits. */
export function scatterStars(
  options: {
    width: number;
    height: number;
    count: number;
    minMag: number;
    maxMag: number;
    seed: number;
  },
): SyntheticStar[] {
  const random = uniform(options.seed);
  return Array.from({ length: options.count }, () => ({
    x: 20 + random() * (options.width - 41),
    y: 20 + random() * (options.height - 41),
    mag: options.minMag + random() * (options.maxMag - options.minMag),
  }));
}

/** Draws a sky: Moffat stars (β 3.5), flat background, photon noise. */
export function drawSky(spec: SkySpec): Float32Array<ArrayBuffer> {
  const { width, height, gain } = spec;
  const data = new Float32Array(width * height).fill(spec.skyAdu);
  for (const star of spec.stars) addStar(data, spec, star);
  const gauss = normal(uniform(spec.seed));
  for (let i = 0; i < data.length; i++) {
    const level = data[i] ?? 0;
    const variance = spec.noiseAdu === undefined
      ? level / gain
      : spec.noiseAdu ** 2 + Math.max(0, level - spec.skyAdu) / gain;
    data[i] = level + Math.sqrt(variance) * gauss();
  }
  return data;
}

/** Adds one star to an image. */
export function addStar(
  data: Float32Array,
  spec: Pick<SkySpec, "width" | "height" | "fwhmPx" | "zeroPointMag" | "stretch">,
  star: SyntheticStar,
): void {
  const beta = 3.5;
  const stretch = spec.stretch ?? 1;
  const alpha = spec.fwhmPx / 2 / Math.sqrt(2 ** (1 / beta) - 1);
  const flux = 10 ** (0.4 * (spec.zeroPointMag - star.mag));
  const peak = flux * (beta - 1) / (Math.PI * alpha * alpha * stretch);
  const reach = Math.ceil(8 * spec.fwhmPx * stretch);
  const [cx, cy] = [Math.round(star.x), Math.round(star.y)];
  for (let y = Math.max(0, cy - reach); y < Math.min(spec.height, cy + reach + 1); y++) {
    for (let x = Math.max(0, cx - reach); x < Math.min(spec.width, cx + reach + 1); x++) {
      const r2 = ((x - star.x) / stretch) ** 2 + (y - star.y) ** 2;
      const index = y * spec.width + x;
      data[index] = (data[index] ?? 0) + peak * (1 + r2 / (alpha * alpha)) ** -beta;
    }
  }
}

/** Writes a sky as `<id>.fits` with a WCS and the cards that stages look at. */
export async function writeSky(
  folder: string,
  id: string,
  spec: Pick<SkySpec, "width" | "height" | "gain">,
  data: Float32Array<ArrayBuffer>,
): Promise<string> {
  const header = FitsHeader.from({ EGAIN: spec.gain, SATURATE: 60000, FILTER: "m600" });
  setWcs(header, syntheticWcs(spec.width, spec.height));
  const path = join(folder, `${id}.fits`);
  await writeImage(path, { width: spec.width, height: spec.height, data, header });
  return path;
}

/** Writes the stars of a sky as a photometric reference. */
export async function writeReference(
  path: string,
  spec: Pick<SkySpec, "width" | "height" | "stars">,
): Promise<void> {
  const wcs = syntheticWcs(spec.width, spec.height);
  const lines = spec.stars.map((star, i) => {
    const [ra, dec] = wcs.pixelToSky(star.x, star.y);
    return `${i + 1},${ra.toFixed(8)},${dec.toFixed(8)},${star.mag.toFixed(5)}`;
  });
  await Deno.writeTextFile(path, ["source_id,ra,dec,mag_m600", ...lines, ""].join("\n"));
}
