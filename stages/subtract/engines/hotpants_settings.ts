/**
 * How HOTPANTS is told to subtract a pair.
 *
 * @module
 */

import type { HotpantsOptions } from "../../../external/hotpants_options.ts";
import type { AlignedPair, ConvolvedSide, PairImage } from "../pair.ts";

/** What may be decided for HOTPANTS; the rest follows from the pair. */
export interface HotpantsChoices {
  readonly convolve?: ConvolvedSide;
  readonly kernelOrder?: number;
  readonly backgroundOrder?: number;
  /** Regions along x and y, each with a kernel of its own; one when left out. */
  readonly regions?: readonly [number, number];
}

/** What HOTPANTS writes into pixels it cannot give. */
export const FILL_ADU = 1e-30;
const FWHM_TO_SIGMA = 2.3548;

/**
 * The substamp centres as HOTPANTS takes them.
 *
 * @param pair Its stars.
 * @returns `x y` a line, 1-based px.
 */
export function substampText(pair: AlignedPair): string {
  return pair.stars.map(({ x, y }) => `${(x + 1).toFixed(2)} ${(y + 1).toFixed(2)}\n`).join("");
}

/**
 * Chooses the settings of HOTPANTS for a pair: widths from the two PSFs, valid
 * ranges from sky and saturation. One region with a kernel of higher order does
 * better than several that each have few stars, and gives no seams.
 *
 * @param pair The pair.
 * @param options Direction, orders and regions where they are given.
 * @returns The settings.
 */
export function hotpantsSettings(
  pair: AlignedPair,
  options: HotpantsChoices,
): HotpantsOptions {
  const { science, reference } = pair;
  const side = options.convolve ?? (science.fwhmPx < reference.fwhmPx ? "science" : "reference");
  const wide = Math.max(science.fwhmPx, reference.fwhmPx);
  const narrow = Math.min(science.fwhmPx, reference.fwhmPx);
  const sigmaPx = Math.max(Math.sqrt(wide ** 2 - narrow ** 2) / FWHM_TO_SIGMA, 1);
  const regions = options.regions ?? [1, 1];
  const kernelRadiusPx = Math.ceil(2.5 * wide), substampRadiusPx = Math.ceil(3.5 * wide);
  const stamps = (side: number, count: number) => stampsAlong(side / count, kernelRadiusPx);
  const round = (value: number) => Number(value.toFixed(3));
  return {
    convolve: side === "reference" ? "t" : "i",
    normalize: "i",
    ...limits(science, "science"),
    ...limits(reference, "template"),
    regionsX: regions[0],
    regionsY: regions[1],
    stampsX: stamps(pair.width, regions[0]),
    stampsY: stamps(pair.height, regions[1]),
    substamps: 3,
    kernelRadiusPx,
    substampRadiusPx,
    kernelOrder: options.kernelOrder ?? orderFor(pair.stars.length / (regions[0] * regions[1])),
    backgroundOrder: options.backgroundOrder ?? 2,
    gaussians: [
      { degree: 6, sigmaPx: round(0.5 * sigmaPx) },
      { degree: 4, sigmaPx: round(sigmaPx) },
      { degree: 2, sigmaPx: round(2 * sigmaPx) },
    ],
    fillAdu: FILL_ADU,
    noiseFillAdu: 0,
    kernelTable: true,
    verbosity: 1,
  };
}

/** Twenty stamps at most, each wide enough for a substamp that may lie anywhere in it. */
function stampsAlong(regionPx: number, kernelRadiusPx: number): number {
  return Math.max(1, Math.min(20, Math.floor(regionPx / (4 * (2 * kernelRadiusPx + 1)))));
}

function orderFor(starsPerRegion: number): number {
  return starsPerRegion >= 150 ? 3 : starsPerRegion >= 40 ? 2 : starsPerRegion >= 12 ? 1 : 0;
}

function limits(image: PairImage, side: "science" | "template"): HotpantsOptions {
  const upper = Number.isFinite(image.saturationAdu)
    ? image.saturationAdu
    : image.skyAdu + 1e6 * image.skySigmaAdu;
  const lower = image.skyAdu - 10 * image.skySigmaAdu;
  const [high, low] = [Number(upper.toPrecision(7)), Number(lower.toPrecision(7))];
  return side === "science"
    ? { scienceUpperAdu: high, scienceLowerAdu: low, scienceGain: image.gainEAdu }
    : { templateUpperAdu: high, templateLowerAdu: low, templateGain: image.gainEAdu };
}
