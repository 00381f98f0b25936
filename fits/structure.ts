/**
 * Which cards describe the layout of a file and which the observation.
 *
 * @module
 */

import type { Card } from "./card.ts";
import type { FitsHeader } from "./header.ts";

const LAYOUT = new Set([
  ...["SIMPLE", "XTENSION", "BITPIX", "NAXIS", "EXTEND", "PCOUNT", "GCOUNT", "GROUPS", "INHERIT"],
  ...["BSCALE", "BZERO", "BLANK", "CHECKSUM", "DATASUM", "TFIELDS", "THEAP", "EXTNAME", "EXTVER"],
  ...["EXTLEVEL", "END", "DATAMIN", "DATAMAX", "CONTINUE", "BLOCKED", "NEXTEND", "LONGSTRN"],
]);
const NUMBERED_LAYOUT =
  /^(?:NAXIS|TTYPE|TFORM|TUNIT|TDIM|TNULL|TSCAL|TZERO|TDISP|TBCOL|PTYPE|PSCAL|PZERO|ZNAXIS|ZTILE|ZNAME|ZVAL)\d+$/;
const COMPRESSION =
  /^(?:ZIMAGE|ZTENSION|ZSIMPLE|ZEXTEND|ZBITPIX|ZNAXIS|ZCMPTYPE|ZQUANTIZ|ZDITHER0|ZBLANK|ZHECKSUM|ZDATASUM|ZPCOUNT|ZGCOUNT|FZ[A-Z0-9]+)$/;
/** The two lines that cfitsio puts into each file. */
const BOILERPLATE =
  /FITS \(Flexible Image Transport System\) format is|volume 376, page 359; bibcode/;

/** Whether a card says how the data lie in the file, so that it cannot be taken to another one. */
export function isLayoutCard(card: Card): boolean {
  const { keyword } = card;
  if (card.commentary) return keyword === "END" || BOILERPLATE.test(String(card.value));
  return LAYOUT.has(keyword) || NUMBERED_LAYOUT.test(keyword) || COMPRESSION.test(keyword);
}

/**
 * The cards of a header that describe the observation, fit for another file.
 *
 * Of a keyword that occurs twice the first card is kept; a card that is no
 * commentary but has no value becomes a comment.
 */
export function descriptiveCards(header: FitsHeader): Card[] {
  const seen = new Set<string>();
  const kept: Card[] = [];
  for (const card of header.cards) {
    if (isLayoutCard(card)) continue;
    if (!card.commentary) {
      if (seen.has(card.keyword)) continue;
      seen.add(card.keyword);
    }
    kept.push(card);
  }
  return kept;
}
