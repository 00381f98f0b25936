/** Registered frames of a made sky, for the tests of this stage. */

import { join } from "node:path";
import { FitsHeader } from "../../fits/header.ts";
import { writeImage } from "../../fits/image.ts";
import { bit, writeMask } from "../../sky/mask.ts";
import { mjdToIso } from "../../sky/time.ts";
import { setWcs, type Wcs } from "../../sky/wcs.ts";
import type { NewProduct } from "../stage.ts";

/** A star of the made sky. */
export interface Star {
  readonly raDeg: number;
  readonly decDeg: number;
  /** ADU in a frame of scale 1. */
  readonly flux: number;
}

/** One made frame. */
export interface FrameSpec {
  readonly folder: string;
  readonly index: number;
  readonly wcs: Wcs;
  readonly stars: readonly Star[];
  readonly width: number;
  readonly height: number;
  readonly mjd?: number;
  readonly exposureS?: number;
  readonly sky?: number;
  readonly noiseAdu?: number;
  /** Transparency: counts a flux. */
  readonly scale?: number;
  readonly seed?: number;
  /** Pixels `[x, y, value, planes]` spoilt after all. */
  readonly spoilt?: readonly (readonly [number, number, number, number])[];
  readonly measured?: Record<string, number>;
  /** Standard deviation of the stars' profile, px; 1.5 if left out. */
  readonly sigmaPx?: number;
  /** Adds to the finished pixels. */
  readonly paint?: (data: Float32Array, width: number) => void;
  /** Its header says nothing of the camera. */
  readonly mute?: boolean;
  /** Comes without its mask. */
  readonly bare?: boolean;
  /** Comes with a weight image: the weight of a pixel. */
  readonly weight?: (x: number, y: number) => number;
}

/** Standard deviation of the stars' profile, px. */
const SIGMA_PX = 1.5;

/** Writes a frame and its mask and describes them as products. */
export async function writeFrame(spec: FrameSpec): Promise<NewProduct[]> {
  const { width, height, exposureS = 60, mjd = 60000.1 + spec.index * 70 / 86400 } = spec;
  const random = normal(spec.seed ?? spec.index + 1);
  const data = new Float32Array(width * height);
  for (let i = 0; i < data.length; i++) {
    data[i] = (spec.sky ?? 100) + (spec.noiseAdu ?? 5) * random();
  }
  for (const star of spec.stars) addStar(data, spec, star);
  spec.paint?.(data, width);
  const mask = new Uint16Array(data.length);
  for (const [x, y, value, planes] of spec.spoilt ?? []) {
    data[y * width + x] = value;
    mask[y * width + x] = planes;
  }
  const id = `calib_7DT07_T1_f${spec.index}`;
  const header = FitsHeader.from({
    OBJECT: "T1",
    FILTER: "r",
    EXPTIME: exposureS,
    "DATE-OBS": mjdToIso(mjd),
    ...(spec.mute ? {} : { EGAIN: 1.5, RDNOISE: 6, SATURATE: 50000 }),
  });
  const [path, maskPath] = [join(spec.folder, `${id}.fits`), join(spec.folder, `${id}.mask.fits`)];
  await writeImage(path, { width, height, data, header: setWcs(header, spec.wcs) });
  await writeMask(maskPath, { width, height, data: mask });
  const { measured = {} } = spec;
  const common = { unit: "7DT07", object: "T1", filter: "r", mjd, width, height };
  const dateObs = mjdToIso(mjd);
  const frame = { ...common, id, path, binning: "1x1", exposureS, dateObs, measured };
  const companion = { ...common, id: `${id}.mask`, kind: "mask" as const, path: maskPath, of: id };
  const weight = { ...companion, id: `${id}.weight`, kind: "weight" as const };
  if (spec.weight !== undefined) {
    weight.path = join(spec.folder, `${id}.weight.fits`);
    const weights = data.map((_, i) => spec.weight!(i % width, Math.floor(i / width)));
    await writeImage(weight.path, { width, height, data: weights });
  }
  return [
    { ...frame, kind: "frame" },
    ...(spec.bare ? [] : [companion]),
    ...(spec.weight === undefined ? [] : [weight]),
  ];
}

function addStar(data: Float32Array, spec: FrameSpec, star: Star): void {
  const { width, height } = spec;
  const [sx, sy] = spec.wcs.skyToPixel(star.raDeg, star.decDeg);
  const sigma = spec.sigmaPx ?? SIGMA_PX;
  const peak = star.flux * (spec.scale ?? 1) / (2 * Math.PI * sigma ** 2);
  for (let y = Math.max(0, Math.ceil(sy - 9)); y <= Math.min(height - 1, sy + 9); y++) {
    for (let x = Math.max(0, Math.ceil(sx - 9)); x <= Math.min(width - 1, sx + 9); x++) {
      const r2 = (x - sx) ** 2 + (y - sy) ** 2;
      data[y * width + x]! += peak * Math.exp(-r2 / 2 / sigma ** 2);
    }
  }
}

/** Normal deviates from a seed. */
export function normal(seed: number): () => number {
  let state = seed >>> 0;
  const uniform = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return (((t ^ (t >>> 14)) >>> 0) + 0.5) / 2 ** 32;
  };
  return () => Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform());
}

/** Flux within 8 px and centroid of a star in a stack without background. */
export function measureStar(
  { data, width }: { readonly data: Float32Array; readonly width: number },
  x0: number,
  y0: number,
): { flux: number; x: number; y: number } {
  let flux = 0, sx = 0, sy = 0, inner = 0;
  const [cx, cy] = [Math.round(x0), Math.round(y0)];
  for (let y = cy - 9; y <= cy + 9; y++) {
    for (let x = cx - 9; x <= cx + 9; x++) {
      const v = data[y * width + x]!;
      const r2 = (x - x0) ** 2 + (y - y0) ** 2;
      if (r2 <= 64) flux += v;
      const w = Math.exp(-r2 / 8) * v;
      inner += w;
      sx += w * (x - x0);
      sy += w * (y - y0);
    }
  }
  return { flux, x: x0 + sx / inner * 2, y: y0 + sy / inner * 2 };
}

/** The plane of bad pixels. */
export const BAD = bit("BAD");
