/**
 * The `.head` that SCAMP writes: cleaned for use, and merged without MissFITS.
 *
 * @module
 */

import { DataError } from "../../config/errors.ts";
import { FitsHeader } from "../../fits/header.ts";
import { clearWcs, wcsFromHeader } from "../../sky/wcs.ts";

/**
 * Cards of a `.head` that an image gets. SCAMP also writes a flux scale, zero
 * when it does not solve the photometry, with which SWarp would blank the frame.
 */
const WANTED = new RegExp(
  "^(?:EQUINOX|RADESYS|(?:CTYPE|CUNIT|CRVAL|CRPIX)[12]|CD[12]_[12]|PV[12]_\\d+" +
    "|AST[IR]RMS[12])$",
);

const TEXT = /^(?:RADESYS|CTYPE|CUNIT)/;

/**
 * Reads the cards of a `.head` that belong in an image.
 *
 * SCAMP's `.head` holds UTF-8 in a COMMENT, which no FITS header may.
 *
 * @param text The file's text.
 * @returns WCS and residuals; the residuals in degrees as SCAMP writes them.
 * @throws {DataError} If there is no complete WCS in it.
 */
export function headCards(text: string): FitsHeader {
  const lines = text.split(/\r?\n/).filter((line) => !/^(?:COMMENT|HISTORY|END)\b/.test(line));
  const cards = lines.map((line) => line.slice(0, 80).padEnd(80)).join("");
  const header = FitsHeader.parse(new TextEncoder().encode(cards), "SCAMP's .head");
  header.filter((card) =>
    WANTED.test(card.keyword) &&
    (TEXT.test(card.keyword) || Number.isFinite(header.number(card.keyword)))
  );
  nameProjection(header);
  if (wcsFromHeader(header) === undefined) {
    throw new DataError("Cannot use SCAMP's solution: its .head holds no WCS");
  }
  return header;
}

/**
 * Makes the projection mean the same to every reader. Of degree 1, SCAMP writes TPV
 * without PV cards: TAN by its convention, but wcslib (astropy) takes the missing
 * PV1_1 and PV2_1 as zero and puts all pixels on one point.
 */
function nameProjection(header: FitsHeader): void {
  const bent = header.cards.some(({ keyword }) => keyword.startsWith("PV"));
  for (const axis of [1, 2]) {
    const type = header.text(`CTYPE${axis}`);
    if (!bent && type !== undefined) header.set(`CTYPE${axis}`, type.replace(/TPV$/, "TAN"));
    if (bent && !header.has(`PV${axis}_1`)) header.set(`PV${axis}_1`, 1, "distortion");
  }
}

/**
 * Writes cards as an external header.
 *
 * @param header The cards.
 * @returns One card of 80 characters a line, END last.
 */
export function headText(header: FitsHeader): string {
  return header.toText();
}

/**
 * Puts a solution in the place of an image's WCS.
 *
 * @param header Header of the image; changed.
 * @param head Cards from {@linkcode headCards}.
 */
export function mergeHead(header: FitsHeader, head: FitsHeader): void {
  clearWcs(header);
  for (const { keyword, value, comment } of head.cards) header.set(keyword, value, comment);
}
