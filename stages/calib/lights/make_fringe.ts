/**
 * Makes a fringe pattern from dithered lights.
 *
 * @module
 */

import { join } from "node:path";
import { DataError } from "../../../config/errors.ts";
import { FitsHeader } from "../../../fits/header.ts";
import { openImage, readImage, writeImage } from "../../../fits/image.ts";
import { clipStack } from "../../../gpu/kernels/clip_stack/clip_stack.ts";
import type { Compute } from "../../../gpu/compute.ts";
import { type Background, measureBackground } from "../../../sky/background.ts";
import { readMask } from "../../../sky/mask.ts";
import type { NewProduct } from "../../stage.ts";
import { SKY_MESH_PX } from "./fringe.ts";
import { nameText } from "../masters/names.ts";
import { CELL_PX, starCells } from "./star_cells.ts";
import { readStrips } from "../frames/strips.ts";

/** A calibrated light and its mask. */
export interface FringeInput {
  readonly image: NewProduct;
  /** Path of its mask. */
  readonly mask: string;
}

/** How a pattern is made. */
export interface FringeRecipe {
  readonly unit: string;
  readonly filter: string;
  /** `YYYYMMDD`. */
  readonly night: string;
  /** The master tree. */
  readonly root: string;
  readonly signal: AbortSignal;
  /** Where skies are measured. */
  readonly compute: Compute;
}

/** Values farther than this above the sky belong to stars. */
const STAR_SIGMA = 2.5;
/** Half the side of the box that smooths the pattern; fringes are wider. */
const SMOOTH_HALF_PX = 2;

/**
 * Makes a fringe pattern: the lights without their large-scale sky, over their sky, stars
 * and their halos left out, combined by a clipped median and smoothed by a box of five pixels.
 *
 * The lights must be dithered, else their stars stay in.
 *
 * @param inputs Calibrated lights of one filter and size, at least three.
 * @param recipe Names and place.
 * @returns The pattern, in `<masters>/<UNIT>/fringe/<night>-f<filter>.fits`, in parts of the sky.
 * @throws {DataError} If a light cannot be read or there are fewer than three.
 */
export async function makeFringe(
  inputs: readonly FringeInput[],
  recipe: FringeRecipe,
): Promise<NewProduct> {
  const { unit, filter, night, root, signal, compute } = recipe;
  if (inputs.length < 3) {
    throw new DataError(
      `Cannot make a fringe pattern in "${filter}" from ${inputs.length} lights: ` +
        "at least 3 are needed",
    );
  }
  const skies: FlatSky[] = [];
  for (const input of inputs) skies.push(await measureSky(input, compute));
  const [width, height] = [inputs[0]!.image.width ?? 0, inputs[0]!.image.height ?? 0];
  const pattern = new Float32Array(width * height);
  const open = inputs.map(({ image }) => () => openImage(image.path));
  for await (const { firstRow, strips } of readStrips(open, signal)) {
    for (const [k, strip] of strips.entries()) flattenSky(strip, firstRow, width, skies[k]!);
    const { value } = clipStack(strips, {
      method: "clipped-median",
      clipSigma: STAR_SIGMA,
      variance: false,
    });
    pattern.set(value, firstRow * width);
  }
  const data = smoothBox(pattern, width, height, SMOOTH_HALF_PX);
  const folder = join(root, unit, "fringe");
  await Deno.mkdir(folder, { recursive: true });
  const id = `${night}-f${nameText(filter)}`;
  const path = join(folder, `${id}.fits`);
  const header = FitsHeader.from({
    IMAGETYP: ["FRINGE", "type of image"],
    FILTER: [filter, "filter"],
    NIGHT: [night, "night of its inputs"],
    NCOMBINE: [inputs.length, "inputs"],
  }).addHistory("gppy calib: lights without large-scale sky, over their sky, clipped median");
  await writeImage(path, { width, height, data, header });
  const from = inputs.map(({ image }) => image.id);
  return { id, kind: "master", path, from, unit, filter, width, height, role: "fringe" };
}

interface FlatSky {
  readonly sky: Background;
  /** Where stars and halos are, see {@linkcode starCells}. */
  readonly stars: Uint8Array;
}

async function measureSky({ image, mask }: FringeInput, compute: Compute): Promise<FlatSky> {
  const { data, width, height } = await readImage(image.path);
  const rows = { width, values: data, mask: (await readMask(mask)).data };
  const sky = await measureBackground(compute, rows, { meshPx: SKY_MESH_PX });
  sky.subtract(data);
  return { sky, stars: starCells(data, { width, height }, sky.globalSigma) };
}

/** What is left of the sky, in parts of its level; stars become NaN. */
function flattenSky(
  strip: Float32Array,
  firstRow: number,
  width: number,
  { sky, stars }: FlatSky,
): void {
  sky.subtract(strip, firstRow);
  const limit = STAR_SIGMA * sky.globalSigma;
  const columns = Math.ceil(width / CELL_PX);
  for (let i = 0; i < strip.length; i++) {
    const row = Math.floor((firstRow + Math.floor(i / width)) / CELL_PX);
    const inStar = stars[row * columns + Math.floor(i % width / CELL_PX)] !== 0;
    const value = strip[i]!;
    strip[i] = !inStar && Math.abs(value) <= limit ? value / sky.globalLevel : NaN;
  }
}

/** Mean of the known values in a box around each pixel. */
export function smoothBox(
  data: Float32Array,
  width: number,
  height: number,
  half: number,
): Float32Array {
  const out = new Float32Array(data.length);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      let [sum, count] = [0, 0];
      for (let v = Math.max(0, y - half); v <= Math.min(height - 1, y + half); v++) {
        for (let u = Math.max(0, x - half); u <= Math.min(width - 1, x + half); u++) {
          const value = data[v * width + u]!;
          if (value === value) [sum, count] = [sum + value, count + 1];
        }
      }
      out[y * width + x] = count === 0 ? NaN : sum / count;
    }
  }
  return out;
}
