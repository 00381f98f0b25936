/**
 * A raw frame with its cards put right.
 *
 * @module
 */

import type { Site } from "../../../config/site.ts";
import { DataError } from "../../../config/errors.ts";
import { type Hdu, readHeader, scanFits } from "../../../fits/file.ts";
import type { FitsHeader } from "../../../fits/header.ts";
import { correctHeader } from "../../../sky/frame_info.ts";
import type { Product } from "../../manifest.ts";
import { type Detector, detectorOf } from "./detector.ts";
import { layoutGain, layoutOf, type RawLayout } from "./layout.ts";

/** What must be equal for one frame to calibrate another. */
export interface Setup {
  readonly unit: string;
  /** After trimming. */
  readonly width: number;
  /** After trimming. */
  readonly height: number;
  readonly binning: string;
  /** The GAIN card as it stands (setting of the camera, or electrons an ADU); NaN without one. */
  readonly gain: number;
  /** Whether the overscan was taken off. */
  readonly overscan: boolean;
}

/** A raw frame with its cards put right. */
export interface RawFrame {
  readonly product: Product;
  /** After the site's corrections; of a file of several images the first header and the first image's. */
  readonly header: FitsHeader;
  readonly setup: Setup;
  readonly detector: Detector;
  /** How its pixels become one image. */
  readonly layout: RawLayout;
}

/**
 * Reads the headers of a raw frame, works out its layout and looks up its detector.
 *
 * @param product A raw frame.
 * @param site For corrections of cards, and the detector.
 * @returns The frame.
 * @throws {DataError} If it cannot be read.
 * @throws {UsageError} If its unit is unknown.
 */
export async function loadFrame(product: Product, site: Site): Promise<RawFrame> {
  const { path } = product;
  const unit = product.unit ?? "none";
  const units = await scanFits(path);
  const headers = await imageHeaders(path, units);
  const first = headers[0];
  if (first === undefined) {
    throw new DataError(`Cannot use "${product.id}": it holds no image`, {
      details: { file: path },
    });
  }
  const header = correctHeader(mergeHeaders(units[0]!, first), site.headerRules, unit);
  const camera = site.camera(unit, header.number("GAIN"));
  const layout = layoutOf(header, headers, camera);
  const detector = detectorOf(site, product, header);
  const gainEAdu = layoutGain(layout) ?? detector.gainEAdu;
  return {
    product,
    header,
    layout,
    detector: { ...detector, gainEAdu },
    setup: {
      unit,
      width: layout.width,
      height: layout.height,
      binning: product.binning ?? "1x1",
      gain: layoutGain(layout) ?? header.number("GAIN") ?? NaN,
      overscan: layout.amplifiers.some(({ overscan }) => overscan !== undefined),
    },
  };
}

async function imageHeaders(path: string, units: readonly Hdu[]): Promise<FitsHeader[]> {
  const images = units.filter(({ kind }) => kind === "image" || kind === "compressed-image");
  return await Promise.all(
    images.map((unit) => unit.kind === "image" ? unit.header : readHeader(path, unit.index)),
  );
}

/** The first header and that of the image as one; where both have a card, the image's holds. */
function mergeHeaders(primary: Hdu, image: FitsHeader): FitsHeader {
  if (primary.header === image) return image.clone();
  const isBase = primary.header.cards.length > image.cards.length;
  const merged = (isBase ? primary.header : image).clone();
  for (const card of (isBase ? image : primary.header).cards) {
    if (card.commentary || card.keyword === "END") continue;
    if (isBase || !merged.has(card.keyword)) merged.set(card.keyword, card.value, card.comment);
  }
  return merged;
}

/** Whether frames of these setups may calibrate one another. */
export function sameSetup(a: Setup, b: Setup): boolean {
  return a.unit === b.unit && sameSize(a, b) && a.binning === b.binning &&
    sameGain(a.gain, b.gain) && a.overscan === b.overscan;
}

/** Whether two setups give frames of one size. */
export function sameSize(a: Setup, b: Setup): boolean {
  return a.width === b.width && a.height === b.height;
}

function sameGain(a: number, b: number): boolean {
  return Number.isNaN(a) || Number.isNaN(b) || Math.abs(a - b) <= 1e-3 * Math.abs(a);
}

/** The size of a frame in words, such as `1024×1024 px`. */
export function sizeText(setup: Pick<Setup, "width" | "height">): string {
  return `${setup.width}×${setup.height} px`;
}
