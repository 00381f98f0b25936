/**
 * What must be known of each frame before it can be stacked.
 *
 * @module
 */

import { DataError } from "../../../config/errors.ts";
import type { Unit } from "../../../config/site.ts";
import type { FitsHeader } from "../../../fits/header.ts";
import { openImage } from "../../../fits/image.ts";
import type { Compute } from "../../../gpu/compute.ts";
import { bit } from "../../../sky/mask.ts";
import { airmass } from "../../../sky/time.ts";
import { type Wcs, wcsFromHeader } from "../../../sky/wcs.ts";
import type { Product } from "../../manifest.ts";
import { pixelNoise } from "../noise/pixel_noise.ts";
import type { ScaleSource } from "./flux_scale.ts";
import { measureSky, type SkyModel } from "./sky_model.ts";
import type { SpoiltPixels } from "./spoilt_pixels.ts";
import { findWeightless } from "./weightless.ts";

/** A frame ready to be stacked. */
export interface StackFrame {
  readonly product: Product;
  readonly header: FitsHeader;
  readonly wcs: Wcs;
  readonly width: number;
  readonly height: number;
  /** File of its mask, if it has one. */
  readonly maskPath: string | undefined;
  /** Pixels that its weight takes out besides, if there are any. */
  readonly weightless?: SpoiltPixels | undefined;
  /** Electrons an ADU; 1 when unknown. */
  readonly gainEAdu: number;
  /** Electrons; 0 when unknown. */
  readonly readNoiseE: number;
  /** Level at which its pixels are saturated, ADU; Infinity when unknown. */
  readonly saturationAdu: number;
  /** At the middle of the exposure; undefined when it cannot be known. */
  readonly airmass: number | undefined;
  readonly background: SkyModel;
  /** Noise of a pixel of empty sky, ADU of this frame; `background.globalSigma` holds faint stars too. */
  readonly skySigmaAdu: number;
  /** Factor that brings its flux to the scale of the stack. */
  readonly scale: number;
  /** What this factor came from. */
  readonly scaledBy: ScaleSource;
  /** Stars that it was measured with, if it was. */
  readonly commonStars?: number | undefined;
}

/** A frame before its flux scale is known. */
export type MeasuredFrame = Omit<StackFrame, "scale" | "scaledBy" | "commonStars">;

/** Pixels with one of these planes take no part. */
export const EXCLUDED = bit("BAD", "SAT", "NO_DATA", "CR", "STREAK", "CROSSTALK");

/** What the site knows of the telescope of a frame. */
export type Camera = Pick<
  Unit,
  "gainEAdu" | "readNoiseE" | "saturationAdu" | "latDeg" | "lonDeg" | "heightM"
>;

/** What is known of a frame besides its file. */
export interface FrameFacts {
  /** Its mask, if it has one. */
  readonly mask: Product | undefined;
  /** Its inverse variance, if it has some: pixels of weight 0 take no part. */
  readonly weight?: Product | undefined;
  /** Its camera, for a header without EGAIN, RDNOISE or SATURATE. */
  readonly camera: Camera | undefined;
  /** Cell of the background mesh. */
  readonly meshPx: number;
  /** Where it is measured. */
  readonly compute: Compute;
}

/**
 * Reads a frame's map and measures its background.
 *
 * @param product A registered frame.
 * @param facts Its mask, its camera, the cell of the mesh.
 * @returns The frame; its pixels are not kept.
 * @throws {DataError} If it has no WCS or no usable sky, or a companion does not fit.
 */
export async function measureFrame(
  product: Product,
  { mask, weight, meshPx, camera, compute }: FrameFacts,
): Promise<MeasuredFrame> {
  using image = await openImage(product.path);
  const { width, height, header } = image;
  const wcs = wcsFromHeader(header);
  if (wcs === undefined) {
    throw new DataError(`Cannot stack "${product.id}": it has no WCS`, {
      details: { file: product.path },
    });
  }
  using planes = mask === undefined ? undefined : await openImage(mask.path);
  if (planes !== undefined && (planes.width !== width || planes.height !== height)) {
    throw new DataError(
      `Cannot stack "${product.id}": it is ${width}×${height} px, its mask ` +
        `${planes.width}×${planes.height} px`,
      { details: { file: product.path, mask: mask?.path ?? null } },
    );
  }
  const weightless = await findWeightless({ product, image, mask: planes, weight }, EXCLUDED);
  const sky = { meshPx, excluded: EXCLUDED, weightless, compute };
  const background = await measureSky(image, planes, sky);
  // of a stack the noise of neighbours hangs together, so that they do not tell it
  const noise = product.kind === "stack" ? NaN : await pixelNoise(image, planes, sky);
  // faint stars raise the one, patterns from pixel to pixel the other
  const skySigmaAdu = noise > 0 ? Math.min(noise, background.globalSigma) : background.globalSigma;
  if (!Number.isFinite(background.globalSigma)) {
    throw new DataError(`Cannot stack "${product.id}": it has no usable background`, {
      details: { file: product.path },
    });
  }
  return {
    ...{ product, header, wcs, width, height, background, skySigmaAdu },
    ...{ maskPath: mask?.path, weightless },
    airmass: airmassOf(header, product, wcs.pixelToSky(width / 2, height / 2), camera),
    gainEAdu: gainOf(header, product, camera),
    readNoiseE: header.number("RDNOISE") ?? camera?.readNoiseE ?? 0,
    saturationAdu: header.number("SATURATE") ?? camera?.saturationAdu ?? Infinity,
  };
}

function gainOf(header: FitsHeader, product: Product, camera: FrameFacts["camera"]): number {
  const known = [header.number("EGAIN"), product.gain, camera?.gainEAdu, header.number("GAIN")];
  return known.find((gain) => gain !== undefined && gain > 0) ?? 1;
}

function airmassOf(
  header: FitsHeader,
  { mjd, exposureS = 0 }: Product,
  [raDeg, decDeg]: readonly [number, number],
  camera: Camera | undefined,
): number | undefined {
  const card = header.number("AIRMASS");
  if (card !== undefined && card >= 1) return card;
  if (camera === undefined || mjd === undefined) return undefined;
  const computed = airmass(raDeg, decDeg, mjd + exposureS / 2 / 86400, camera);
  return Number.isFinite(computed) ? computed : undefined;
}
