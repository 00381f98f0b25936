/**
 * The PSFs of both images of a pair, from the same stars.
 *
 * @module
 */

import { median } from "../../../sky/stats.ts";
import type { AlignedPair } from "../pair.ts";
import { measurePsf, type PsfModel } from "./psf_model.ts";
import { centreOf, cutStars } from "./psf_stack.ts";

/** Both PSFs and the scale between them. */
export interface PsfPair {
  readonly science: PsfModel;
  readonly reference: PsfModel;
  /** A star's flux in the science frame over that in the reference, in units of these PSFs. */
  readonly fluxRatio: number;
  readonly offered: number;
  /** Stars that are in both PSFs. */
  readonly used: number;
  /** Scatter of the flux ratios of the stars used, relative. */
  readonly ratioScatter: number;
}

/** Half-width of a PSF in FWHM, and its largest in px. */
const HALF_IN_FWHM = 3;
const MOST_HALF_PX = 26;

/**
 * Measures the PSFs of both images from the stars of the kernel. Stars are
 * centred where they sit in the science frame, in both images: an offset between
 * the images is then a part of the reference's PSF, and subtraction undoes it.
 *
 * @param pair The images and stars.
 * @returns The PSFs.
 * @throws {DataError} If fewer than three stars are usable.
 */
export function measurePsfs(pair: AlignedPair): PsfPair {
  const { width, height, science, reference } = pair;
  const size = { width, height, halfPx: halfPxFor(pair) };
  const places = pair.stars.map((star) => {
    return centreOf(science, star, { width, height, fwhmPx: science.fwhmPx });
  });
  const cutScience = cutStars(science, places, { ...size, fwhmPx: science.fwhmPx });
  const cutReference = cutStars(reference, places, { ...size, fwhmPx: reference.fwhmPx });
  const both = cutScience.flatMap((stamp, k) => {
    const other = cutReference[k];
    return stamp === undefined || other === undefined ? [] : [{ stamp, other }];
  });
  const models = {
    science: measurePsf(both.map(({ stamp }) => stamp), { ...size, fwhmPx: science.fwhmPx }),
    reference: measurePsf(both.map(({ other }) => other), { ...size, fwhmPx: reference.fwhmPx }),
  };
  return { ...models, offered: pair.stars.length, ...compareFluxes(models) };
}

/**
 * Measures the PSF of one image from the stars of the kernel.
 *
 * @param pair The images and stars.
 * @param side Which image.
 * @returns Its PSF.
 * @throws {DataError} If fewer than three stars are usable.
 */
export function measurePsfOf(pair: AlignedPair, side: "science" | "reference"): PsfModel {
  const { width, height } = pair;
  const image = pair[side];
  const size = { width, height, fwhmPx: image.fwhmPx, halfPx: halfPxFor(pair) };
  const places = pair.stars.map((star) => centreOf(image, star, size));
  return measurePsf(cutStars(image, places, size).filter((stamp) => stamp !== undefined), size);
}

function halfPxFor({ science, reference }: AlignedPair): number {
  const widest = Math.max(science.fwhmPx, reference.fwhmPx);
  return Math.min(MOST_HALF_PX, Math.ceil(HALF_IN_FWHM * widest));
}

function compareFluxes(
  models: Pick<PsfPair, "science" | "reference">,
): Pick<PsfPair, "fluxRatio" | "used" | "ratioScatter"> {
  const stars = Array.from(models.science.fluxes, (flux, k) => {
    return { flux, other: models.reference.fluxes[k]! };
  }).filter(({ flux, other }) => flux > 0 && other > 0);
  const typical = median(stars.map(({ flux, other }) => flux / other));
  const away = stars.map(({ flux, other }) => Math.abs(flux / other / typical - 1));
  const scatter = 1.4826 * median(away);
  const steady = stars.filter((_, k) => away[k]! <= Math.max(4 * scatter, 1e-4));
  let cross = 0, square = 0;
  for (const { flux, other } of steady) {
    // Noise of a flux hardly depends on it for all but the brightest: weights that go with its root.
    const weight = 1 / Math.max(flux, 1);
    cross += weight * flux * other;
    square += weight * other * other;
  }
  return { fluxRatio: cross / square, used: steady.length, ratioScatter: scatter };
}
