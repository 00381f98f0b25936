/**
 * What belongs to a difference image: science image, reference, mask, noise, calibration.
 *
 * @module
 */

import { DataError } from "../../config/errors.ts";
import { readHeader } from "../../fits/file.ts";
import type { FitsHeader } from "../../fits/header.ts";
import { type Wcs, wcsFromHeader } from "../../sky/wcs.ts";
import type { Product } from "../manifest.ts";
import { APERTURES } from "../phot/apertures.ts";
import type { StageContext } from "../stage.ts";

/** Zero point of one aperture as the header gives it. */
export interface CardZeroPoint {
  readonly mag: number;
  readonly errorMag: number;
}

/** A difference image and what belongs to it. */
export interface DifferenceInputs {
  readonly difference: Product;
  /** Id that the products are named after: that of the science image. */
  readonly name: string;
  readonly science: Product | undefined;
  /** The reference on the grid of the science image. */
  readonly reference: Product | undefined;
  readonly mask: Product | undefined;
  /** Inverse variance of the difference. */
  readonly weight: Product | undefined;
  /** Sources of the science image. */
  readonly catalogue: Product | undefined;
  readonly width: number;
  readonly height: number;
  readonly wcs: Wcs | undefined;
  readonly pixelScaleArcsec: number;
  /** FWHM of the stars of the science image, px. */
  readonly seeingPx: number;
  /** Electrons an ADU of the science image. */
  readonly gain: number;
  /** In the order of the apertures; null where there is none. */
  readonly zeroPoints: readonly (CardZeroPoint | null)[];
  /** Magnitude in the smallest minus that in the 3-seeing aperture of a star; NaN if unknown. */
  readonly starDifferenceMag: number;
}

/**
 * Collects what belongs to a difference image.
 *
 * Seeing and zero points come from the cards that photometry wrote into the
 * science image, or else from those of the difference itself.
 *
 * @param difference The difference image.
 * @param context The stage's context.
 * @returns Products and numbers.
 * @throws {DataError} If the seeing or the scale of the pixels is unknown.
 */
export async function findInputs(
  difference: Product,
  context: StageContext,
): Promise<DifferenceInputs> {
  const name = difference.of ?? difference.id.replace(/\.subt$/, "");
  const science = context.manifest.products.find(({ id }) => id === name);
  const own = await readHeader(difference.path);
  const cards = science === undefined ? own : await readHeader(science.path);
  const wcs = wcsFromHeader(own) ?? wcsFromHeader(cards);
  const unit = context.site.units.get(difference.unit ?? context.manifest.night.unit);
  const pixelScaleArcsec = wcs?.pixelScaleArcsec ?? unit?.pixelScaleArcsec;
  if (pixelScaleArcsec === undefined) {
    throw new DataError(`Cannot search "${difference.path}": neither a WCS nor a known unit`);
  }
  return {
    ...{ difference, name, science, wcs, pixelScaleArcsec },
    ...companionsOf(difference, name, context),
    width: own.requireNumber("NAXIS1"),
    height: own.requireNumber("NAXIS2"),
    seeingPx: seeingOf(cards, own, difference),
    gain: cards.number("EGAIN") ?? science?.gain ?? unit?.gainEAdu ?? 0,
    zeroPoints: APERTURES.map(({ card }) => zeroPointOf(cards, card)),
    starDifferenceMag: (cards.number("APC_2") ?? NaN) - (cards.number("APC_0") ?? NaN),
  };
}

function companionsOf(
  difference: Product,
  name: string,
  context: StageContext,
): Pick<DifferenceInputs, "reference" | "mask" | "weight" | "catalogue"> {
  return {
    reference: context.companion(name, "reference", "aligned") ??
      context.companion(name, "reference"),
    mask: context.companion(difference.id, "mask"),
    weight: context.companion(difference.id, "weight"),
    catalogue: context.companion(name, "catalogue"),
  };
}

function seeingOf(cards: FitsHeader, own: FitsHeader, difference: Product): number {
  // a difference states its PSF where that is not the one of the science image
  const seeing = own.number("PSFFWHM") ?? cards.number("PEEING") ?? own.number("PEEING");
  if (seeing !== undefined && seeing > 0) return seeing;
  throw new DataError(
    `Cannot search "${difference.path}": no card PEEING in it or in its science image; ` +
      `measure the science image with phot first`,
    { details: { file: difference.path, card: "PEEING" } },
  );
}

function zeroPointOf(cards: FitsHeader, card: string): CardZeroPoint | null {
  const mag = cards.number(`ZP_${card}`);
  return mag === undefined ? null : { mag, errorMag: cards.number(`EZP_${card}`) ?? 0 };
}
