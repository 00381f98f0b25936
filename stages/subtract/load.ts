/**
 * Loads a science frame and its reference as a pair on one grid.
 *
 * @module
 */

import { DataError } from "../../config/errors.ts";
import type { FitsHeader } from "../../fits/header.ts";
import { type Image, readImage, writeImage } from "../../fits/image.ts";
import { type Background, backgroundMesh } from "../../sky/background.ts";
import { bit, readMask, UNUSABLE, withoutClippedStreak } from "../../sky/mask.ts";
import { median } from "../../sky/stats.ts";
import { measureNoise } from "./noise.ts";
import type { PairImage } from "./pair.ts";
import type { SourceList } from "./stars.ts";

/** An image with its mask, the level and noise of its sky. */
export interface LoadedImage {
  readonly width: number;
  readonly height: number;
  /** ADU, NaN where there is no data. */
  readonly data: Float32Array;
  readonly mask: Uint16Array;
  readonly header: FitsHeader;
  readonly sky: Background;
  /** Inverse variance of the sky, in any unit: how coverage changes the noise; 0 without data. */
  readonly weight?: Float32Array;
  readonly gainEAdu: number;
  /** Level at which a pixel is saturated, ADU; Infinity when unknown. */
  readonly saturationAdu: number;
}

/** What the file itself may not say. */
export interface ImageFacts {
  readonly gainEAdu: number | undefined;
  readonly saturationAdu: number | undefined;
}

/** Side of the squares in which sky level and noise are measured, px. */
const MESH_PX = 64;

/**
 * Reads an image and its mask; without a mask, pixels at saturation and gaps
 * are marked.
 *
 * @param path FITS file.
 * @param maskPath Its mask, if there is one.
 * @param facts Gain and saturation where the header has none.
 * @returns Image and mask.
 * @throws {DataError} If the image has no finite pixel or the mask another size.
 */
export async function readMasked(
  path: string,
  maskPath: string | undefined,
  facts: ImageFacts,
): Promise<{ readonly image: Image; readonly mask: Uint16Array; readonly saturationAdu: number }> {
  const image = await readImage(path);
  const saturationAdu = image.header.number("SATURATE") ?? facts.saturationAdu ?? Infinity;
  const mask = maskPath === undefined
    ? new Uint16Array(image.data.length)
    : (await readMaskOf(maskPath, image, path)).slice();
  let finite = 0;
  for (let i = 0; i < mask.length; i++) {
    if (mask[i] !== 0) mask[i] = withoutClippedStreak(mask[i]!);
    if (!Number.isFinite(image.data[i]!)) mask[i]! |= bit("NO_DATA");
    else if (mask[i]! & bit("NO_DATA")) image.data[i] = NaN;
    else if (maskPath === undefined && image.data[i]! >= saturationAdu) mask[i]! |= bit("SAT");
    if ((mask[i]! & bit("NO_DATA")) === 0) finite++;
  }
  if (finite === 0) {
    throw new DataError(`Cannot subtract "${path}": it has no pixel with data`, {
      details: { file: path },
    });
  }
  return { image, mask, saturationAdu };
}

async function readMaskOf(maskPath: string, image: Image, path: string): Promise<Uint16Array> {
  const mask = await readMask(maskPath);
  if (mask.width === image.width && mask.height === image.height) return mask.data;
  throw new DataError(
    `Cannot use mask "${maskPath}": it is ${mask.width} by ${mask.height} px, ` +
      `"${path}" is ${image.width} by ${image.height}`,
    { details: { file: maskPath, width: mask.width, height: mask.height } },
  );
}

/**
 * Measures the sky of an image.
 *
 * @param image Pixels and mask on one grid.
 * @param header Its header, for the gain.
 * @param facts Gain and saturation where the header has none.
 * @returns The image with its sky.
 * @throws {DataError} If no sky can be measured.
 */
export function withSky(
  image: Pick<LoadedImage, "width" | "height" | "data" | "mask">,
  header: FitsHeader,
  facts: ImageFacts & { readonly saturationAdu: number },
): LoadedImage {
  const { width, height, data, mask } = image;
  const sky = backgroundMesh(data, width, height, { meshPx: MESH_PX, mask, maskBits: UNUSABLE });
  if (!(Number.isFinite(sky.globalLevel) && sky.globalSigma > 0)) {
    throw new DataError(`Cannot subtract "${header.where}": no sky to measure`, {
      details: { file: header.where },
    });
  }
  const gainEAdu = header.number("EGAIN") ?? facts.gainEAdu ?? header.number("GAIN") ?? 1;
  return {
    width,
    height,
    data,
    mask,
    header,
    sky,
    gainEAdu: gainEAdu > 0 ? gainEAdu : 1,
    saturationAdu: facts.saturationAdu,
  };
}

/**
 * Writes an image for programs that know no NaN: gaps get the level of the sky.
 *
 * @param path Where to.
 * @param image The image.
 * @param header Its cards.
 */
export async function writeFilled(
  path: string,
  image: Pick<LoadedImage, "width" | "height" | "data" | "sky">,
  header: FitsHeader,
): Promise<void> {
  const { width, height, sky } = image;
  const data = image.data.map((value) => Number.isFinite(value) ? value : sky.globalLevel);
  await writeImage(path, { width, height, data, header });
}

/**
 * Marks the pixels that no catalogued source reaches. Where sources leave under
 * 5 % of the field, only their cores are taken out.
 *
 * @param size Size of the field, px.
 * @param lists Sources of both images.
 * @param fwhmPx The larger FWHM.
 * @returns 1 for bare sky, `[height, width]`.
 */
export function quietPixels(
  size: { readonly width: number; readonly height: number },
  lists: readonly SourceList[],
  fwhmPx: number,
): Uint8Array {
  const wide = outsideDiscs(size, lists, (snr) => fwhmPx * Math.min(8, 1 + 0.7 * Math.cbrt(snr)));
  const share = wide.reduce((sum, value) => sum + value, 0) / wide.length;
  return share >= 0.05 ? wide : outsideDiscs(size, lists, () => fwhmPx);
}

function outsideDiscs(
  size: { readonly width: number; readonly height: number },
  lists: readonly SourceList[],
  radiusOf: (snr: number) => number,
): Uint8Array {
  const { width, height } = size;
  const quiet = new Uint8Array(width * height).fill(1);
  for (const list of lists) {
    for (let k = 0; k < list.x.length; k++) {
      const radius = radiusOf(Math.max(list.flux[k]! / list.fluxError[k]!, 1) || 1);
      const x = list.x[k]!, y = list.y[k]!;
      const last = Math.min(height - 1, Math.floor(y + radius));
      for (let row = Math.max(0, Math.ceil(y - radius)); row <= last; row++) {
        const half = Math.sqrt(Math.max(0, radius ** 2 - (row - y) ** 2));
        const left = Math.max(0, Math.ceil(x - half));
        const right = Math.min(width - 1, Math.floor(x + half));
        if (right >= left) quiet.fill(0, row * width + left, row * width + right + 1);
      }
    }
  }
  return quiet;
}

/**
 * Completes one image of a pair with its sky and the correlation of its noise.
 *
 * @param path The file that holds it on the grid of the pair.
 * @param image The image with its sky.
 * @param fwhmPx Width of its stars.
 * @param quiet Pixels of bare sky.
 * @param noiseShare Share of the sky's variance that is known to be noise; 1 if nothing is known.
 * @returns One half of a pair.
 */
export function toPairImage(
  path: string,
  image: LoadedImage,
  fwhmPx: number,
  quiet: Uint8Array,
  noiseShare = 1,
): PairImage {
  const { width, height, data } = image;
  const sky = (x: number, y: number) => image.sky.level(x, y);
  const apparent = sigmaOfSky(image);
  const usable = quiet.map((value, i) => image.mask[i]! & UNUSABLE ? 0 : value);
  const size = { width, height };
  const noise = measureNoise(data, usable, { ...size, sky, skySigma: apparent }, fwhmPx);
  const share = Math.sqrt((1 - noise.confusion) * noiseShare);
  const skySigma = (x: number, y: number) => share * apparent(x, y);
  return {
    path,
    data,
    mask: image.mask,
    skyAt: sky,
    sigmaAt: skySigma,
    skyAdu: image.sky.globalLevel,
    skySigmaAdu: share * image.sky.globalSigma,
    saturationAdu: image.saturationAdu,
    fwhmPx,
    gainEAdu: image.gainEAdu,
    correlation: noise.correlation,
    confusion: 1 - share ** 2,
  };
}

/**
 * The noise of the sky: as the mesh has it, or where there is a weight map with
 * the sharper borders of that, scaled to the mesh.
 */
function sigmaOfSky(image: LoadedImage): (x: number, y: number) => number {
  const { sky, weight, width, height } = image;
  const mesh = (x: number, y: number) => sky.sigma(x, y);
  if (weight === undefined) return mesh;
  const weightAt = (x: number, y: number) => weight[Math.round(y) * width + Math.round(x)]!;
  const ratios: number[] = [];
  for (let y = MESH_PX / 2; y < height; y += MESH_PX) {
    for (let x = MESH_PX / 2; x < width; x += MESH_PX) {
      if (weightAt(x, y) > 0) ratios.push(mesh(x, y) * Math.sqrt(weightAt(x, y)));
    }
  }
  if (ratios.length < 4) return mesh;
  const unit = median(ratios);
  return (x, y) => {
    const here = weightAt(x, y);
    return here > 0 ? unit / Math.sqrt(here) : mesh(x, y);
  };
}
