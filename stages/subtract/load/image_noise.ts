/**
 * The sky of an image, its noise and the pixels that show nothing else.
 *
 * @module
 */

import { DataError } from "../../../config/errors.ts";
import type { Compute } from "../../../gpu/compute.ts";
import { markQuiet } from "../../../gpu/kernels/quiet_sky/quiet_sky.ts";
import { type Background, measureBackground } from "../../../sky/background.ts";
import { UNUSABLE } from "../../../sky/mask.ts";
import { median } from "../../../sky/stats.ts";
import type { HeldImage, ImageFacts, LoadContext } from "./load.ts";
import { type MeasuredNoise, measureNoise } from "../noise.ts";
import type { PairImage } from "../pair.ts";
import type { SourceList } from "./stars.ts";

/** An image, and the level and noise of its sky. */
export interface LoadedImage extends HeldImage {
  readonly sky: Background;
  /** Inverse variance of the sky, in any unit: how coverage changes the noise; 0 without data. */
  readonly weight?: Float32Array<ArrayBufferLike> | undefined;
  readonly gainEAdu: number;
}

/** Side of the squares in which sky level and noise are measured, px. */
const MESH_PX = 64;

/**
 * Measures the sky of an image.
 *
 * @param image Pixels and mask.
 * @param facts Gain where the header has none.
 * @param compute Where.
 * @param signal Stops it.
 * @returns The image with its sky.
 * @throws {DataError} If no sky can be measured.
 */
export async function withSky(
  image: HeldImage,
  facts: Pick<ImageFacts, "gainEAdu">,
  compute: Compute,
  signal?: AbortSignal,
): Promise<LoadedImage> {
  const { width, data, mask, header } = image;
  const options = { meshPx: MESH_PX, maskBits: UNUSABLE, signal };
  const sky = await measureBackground(compute, { width, values: data, mask }, options);
  if (!(Number.isFinite(sky.globalLevel) && sky.globalSigma > 0)) {
    throw new DataError(`Cannot subtract "${header.where}": no sky to measure`, {
      details: { file: header.where },
    });
  }
  const gainEAdu = header.number("EGAIN") ?? facts.gainEAdu() ?? header.number("GAIN") ?? 1;
  return { ...image, sky, gainEAdu: gainEAdu > 0 ? gainEAdu : 1 };
}

/**
 * Marks the pixels that no source reaches. Where sources leave under 5 % of the
 * field, only their cores are taken out.
 *
 * @param size Size of the field, px.
 * @param lists Sources of both images.
 * @param fwhmPx The larger FWHM.
 * @param quiet Filled: 1 for bare sky, `[height, width]`.
 * @param context Where.
 */
export async function quietPixels(
  size: { readonly width: number; readonly height: number },
  lists: readonly SourceList[],
  fwhmPx: number,
  quiet: Uint8Array<ArrayBufferLike>,
  { compute, signal }: Pick<LoadContext, "compute" | "signal">,
): Promise<void> {
  const discsOf = (radiusOf: (snr: number) => number) =>
    lists.map(({ x, y, flux, fluxError }) => {
      const radius = Float64Array.from(flux, (value, k) => {
        return radiusOf(Math.max(value / fluxError[k]!, 1) || 1);
      });
      return { x, y, radius };
    });
  const wide = (snr: number) => fwhmPx * Math.min(8, 1 + 0.7 * Math.cbrt(snr));
  await markQuiet(compute, size, discsOf(wide), quiet, signal);
  let count = 0;
  for (let i = 0; i < quiet.length; i += 7) count += quiet[i]!;
  if (count < 0.05 * quiet.length / 7) {
    await markQuiet(compute, size, discsOf(() => fwhmPx), quiet, signal);
  }
}

/**
 * Measures how the noise of an image is correlated.
 *
 * @param image The image.
 * @param quiet Pixels of bare sky.
 * @param fwhmPx Width of its stars.
 * @param context Where.
 * @returns Correlation, and what of the scatter is unresolved stars.
 */
export async function noiseOf(
  image: LoadedImage,
  quiet: Uint8Array<ArrayBufferLike>,
  fwhmPx: number,
  { compute, signal }: Pick<LoadContext, "compute" | "signal">,
): Promise<MeasuredNoise> {
  const { width, height, data, mask, sky } = image;
  const { apparent } = sigmaOfSky(image);
  const parts = { width, height, data, mask, quiet, sky: sky.level.bind(sky), skySigma: apparent };
  return await measureNoise(compute, parts, fwhmPx, signal);
}

/** What {@linkcode toPairImage} puts together. */
export interface ImageParts {
  /** The file that holds the image on the grid of the pair. */
  readonly path: string;
  readonly image: LoadedImage;
  /** Width of its stars, px. */
  readonly fwhmPx: number;
  readonly noise: MeasuredNoise;
}

/**
 * Completes one image of a pair with its sky and the correlation of its noise.
 *
 * @param parts The image, and what was measured.
 * @returns One half of a pair.
 */
export function toPairImage(parts: ImageParts): PairImage {
  const { path, image, fwhmPx, noise } = parts;
  const { data, mask, sky, gainEAdu, saturationAdu, weight } = image;
  const share = Math.sqrt(1 - noise.confusion);
  const { unit } = sigmaOfSky(image);
  return {
    ...{ path, data, mask, saturationAdu, fwhmPx, gainEAdu },
    skyAt: (x, y) => sky.level(x, y),
    sigmaAt: (x, y) => share * sky.sigma(x, y),
    ...(weight && unit !== undefined ? { coverage: { weight, unit: share * unit } } : {}),
    skyAdu: sky.globalLevel,
    skySigmaAdu: share * sky.globalSigma,
    correlation: noise.correlation,
    confusion: noise.confusion,
  };
}

/**
 * The noise of the sky: as the mesh has it, or where there is a weight map with
 * the sharper borders of that, scaled to the mesh: `unit / √weight`.
 */
function sigmaOfSky(
  image: LoadedImage,
): { readonly apparent: (x: number, y: number) => number; readonly unit?: number } {
  const { sky, weight, width, height } = image;
  const mesh = (x: number, y: number) => sky.sigma(x, y);
  if (weight === undefined) return { apparent: mesh };
  const weightAt = (x: number, y: number) => weight[Math.round(y) * width + Math.round(x)]!;
  const ratios: number[] = [];
  for (let y = MESH_PX / 2; y < height; y += MESH_PX) {
    for (let x = MESH_PX / 2; x < width; x += MESH_PX) {
      if (weightAt(x, y) > 0) ratios.push(mesh(x, y) * Math.sqrt(weightAt(x, y)));
    }
  }
  if (ratios.length < 4) return { apparent: mesh };
  const unit = median(ratios);
  const apparent = (x: number, y: number) => {
    const here = weightAt(x, y);
    return here > 0 ? unit / Math.sqrt(here) : mesh(x, y);
  };
  return { apparent, unit };
}
