/**
 * Takes fringes out of calibrated lights, by a pattern that `fringe.dat` names.
 *
 * @module
 */

import { isAbsolute, join } from "node:path";
import { DataError } from "../../../config/errors.ts";
import type { FringeFrame, Site } from "../../../config/site.ts";
import { readImage } from "../../../fits/image.ts";
import type { Compute } from "../../../gpu/compute.ts";
import { laySurface } from "../../../gpu/kernels/spline_surface/spline_surface.ts";
import { measureBackground } from "../../../sky/background.ts";
import { mad, MAD_TO_SIGMA, median } from "../../../sky/stats.ts";
import { sizeText } from "../frames/frame.ts";
import type { Size } from "../frames/section.ts";

/** A pair of points, 0-based pixels: one on a dark fringe, one on a bright one. */
export interface FringePair {
  readonly dark: readonly [x: number, y: number];
  readonly bright: readonly [x: number, y: number];
}

/** A fringe pattern. */
export interface Fringe extends Size {
  /** Name of its file. */
  readonly name: string;
  /** `[height, width]`, its own large-scale level taken off; NaN where it is not known. */
  readonly pattern: Float32Array;
  /** Where its strength is measured; on the whole frame if empty. */
  readonly pairs: readonly FringePair[];
}

/** How strong the fringes of a frame are. */
export interface FringeFit {
  /** Factor on the pattern. */
  readonly scale: number;
  /** Standard error of the factor. */
  readonly error: number;
  /** Pixels, or pairs, that it was measured on. */
  readonly samples: number;
}

/** Cells of the sky's mesh; wider than fringes, so that these stay in. */
export const SKY_MESH_PX = 256;
/** Half the side of the box in which a point of a pair is measured. */
const PAIR_HALF_PX = 5;
/** About so many pixels are fitted. */
const FIT_PIXELS = 4_000_000;

/**
 * Finds the row of `fringe.dat` for a frame: the unit's own, else that of `*`.
 *
 * @param rows The table.
 * @param unit Code of the unit.
 * @param filter Filter of the frame.
 * @returns The row, or undefined.
 */
export function fringeRow(
  rows: readonly FringeFrame[],
  unit: string,
  filter: string,
): FringeFrame | undefined {
  const fitting = rows.filter((row) => row.filter === filter);
  return fitting.find((row) => row.unit === unit) ?? fitting.find((row) => row.unit === "*");
}

/**
 * Reads a fringe pattern and its pairs.
 *
 * @param site Its master tree holds the files.
 * @param row Of `fringe.dat`.
 * @param compute Measures its large-scale level.
 * @returns The pattern.
 * @throws {DataError} If a file cannot be read.
 */
export async function readFringe(
  site: Site,
  row: FringeFrame,
  compute: Compute,
): Promise<Fringe> {
  const place = (name: string) => isAbsolute(name) ? name : join(site.paths.masters, name);
  const { data, width, height } = await readImage(place(row.image));
  (await measureBackground(compute, { width, values: data }, { meshPx: SKY_MESH_PX }))
    .subtract(data);
  const pairs = row.pairs === undefined ? [] : await readPairs(place(row.pairs));
  return { name: row.image, pattern: data, width, height, pairs };
}

async function readPairs(path: string): Promise<FringePair[]> {
  const text = await Deno.readTextFile(path).catch((cause) => {
    throw new DataError(`Cannot read the fringe pairs "${path}": ${cause.message}`, { cause });
  });
  return text.split("\n").map((line) => line.replace(/#.*/, "").trim()).filter(Boolean)
    .map((line) => {
      const [x1, y1, x2, y2, ...rest] = line.split(/[\s,]+/).map(Number);
      if (rest.length > 0 || ![x1, y1, x2, y2].every(Number.isFinite)) {
        throw new DataError(`Cannot read the fringe pairs "${path}": "${line}" is not x1 y1 x2 y2`);
      }
      return { dark: [x1! - 1, y1! - 1], bright: [x2! - 1, y2! - 1] }; // 1-based in the file
    });
}

/** How strong the fringes of a frame are, and whether they are taken off. */
export interface AppliedFringe extends FringeFit {
  readonly applied: boolean;
}

/**
 * Measures the strength of the fringes.
 *
 * @param data `[height, width]`, ADU, calibrated.
 * @param mask `[height, width]`; pixels with any bit take no part in the measurement.
 * @param fringe The pattern.
 * @param frame Size of the image, its name for the message, and where its sky is measured.
 * @returns The fit. Fringes that are negative or weaker than three standard errors are to be left in.
 * @throws {DataError} If the pattern is of another size.
 */
export async function measureFringe(
  data: Float32Array,
  mask: Uint16Array,
  fringe: Fringe,
  frame: Size & { readonly id: string; readonly compute: Compute },
): Promise<AppliedFringe> {
  const { width, height, id, compute } = frame;
  if (fringe.width !== width || fringe.height !== height) {
    throw new DataError(
      `Cannot take the fringes out of "${id}": it is ${sizeText(frame)}, ` +
        `the pattern "${fringe.name}" is ${sizeText(fringe)}`,
    );
  }
  const sky = new Float32Array(data.length);
  const background = await measureBackground(
    compute,
    { width, values: data, mask },
    { meshPx: SKY_MESH_PX },
  );
  await laySurface(compute, background.levelSurface, { width, image: data, into: sky });
  const fit = fringe.pairs.length > 0
    ? fitPairs(sky, fringe, width)
    : fitPixels(sky, mask, fringe.pattern);
  return { ...fit, applied: fit.scale > 3 * fit.error };
}

/** Least squares on the whole frame; what is far from the fit (stars) is left out. */
export function fitPixels(
  sky: Float32Array,
  mask: Uint16Array,
  pattern: Float32Array,
): FringeFit {
  const stride = Math.max(1, Math.floor(sky.length / FIT_PIXELS) | 1);
  const values: number[] = [];
  const ripples: number[] = [];
  for (let i = 0; i < sky.length; i += stride) {
    const usable = mask[i] === 0 && sky[i] === sky[i] && pattern[i] === pattern[i];
    if (!usable) continue;
    values.push(sky[i]!);
    ripples.push(pattern[i]!);
  }
  return fitScale(values, ripples);
}

/** Least squares on the differences between bright and dark fringes. */
export function fitPairs(sky: Float32Array, fringe: Fringe, width: number): FringeFit {
  const difference = (image: Float32Array, pair: FringePair) =>
    boxMedian(image, width, pair.bright) - boxMedian(image, width, pair.dark);
  const both = fringe.pairs.map((pair) => [difference(sky, pair), difference(fringe.pattern, pair)])
    .filter((values) => values.every(Number.isFinite));
  return fitScale(both.map(([value]) => value!), both.map(([, ripple]) => ripple!));
}

function boxMedian(
  image: Float32Array,
  width: number,
  [x, y]: readonly [x: number, y: number],
): number {
  const values: number[] = [];
  const [column, row] = [Math.round(x), Math.round(y)];
  for (let dy = -PAIR_HALF_PX; dy <= PAIR_HALF_PX; dy++) {
    for (let dx = -PAIR_HALF_PX; dx <= PAIR_HALF_PX; dx++) {
      const inside = column + dx >= 0 && column + dx < width;
      const value = inside ? image[(row + dy) * width + column + dx] : undefined;
      if (value !== undefined) values.push(value);
    }
  }
  return median(values);
}

/** `value ≈ scale · ripple`, clipped at three sigma. */
function fitScale(values: readonly number[], ripples: readonly number[]): FringeFit {
  let reach = Infinity;
  let fit: FringeFit = { scale: 0, error: Infinity, samples: 0 };
  const rests = new Float64Array(values.length);
  for (let round = 0; round < 6; round++) {
    let [cross, square, samples] = [0, 0, 0];
    for (let i = 0; i < values.length; i++) {
      if (Math.abs(values[i]! - fit.scale * ripples[i]!) > reach) continue;
      cross += values[i]! * ripples[i]!;
      square += ripples[i]! ** 2;
      samples++;
    }
    if (samples < 2 || !(square > 0)) return { scale: 0, error: Infinity, samples };
    const scale = round === 0 ? 0 : cross / square; // the first round only sets the reach
    for (let i = 0; i < values.length; i++) rests[i] = values[i]! - scale * ripples[i]!;
    const sigma = mad(rests, 0) * MAD_TO_SIGMA;
    fit = { scale, error: sigma / Math.sqrt(square), samples };
    reach = 3 * Math.max(sigma, Number.MIN_VALUE);
  }
  return fit;
}
