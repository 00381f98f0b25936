/**
 * Which cards describe the layout of a file and which the observation.
 *
 * @module
 */

import { type Card, CARD_LENGTH, encodeCard, isCommentary } from "./card.ts";
import type { FitsHeader } from "./header.ts";

const LAYOUT = new Set([
  ...["SIMPLE", "XTENSION", "BITPIX", "NAXIS", "EXTEND", "PCOUNT", "GCOUNT", "GROUPS", "INHERIT"],
  ...["BSCALE", "BZERO", "BLANK", "CHECKSUM", "DATASUM", "TFIELDS", "THEAP", "EXTNAME", "EXTVER"],
  ...["EXTLEVEL", "END", "DATAMIN", "DATAMAX", "CONTINUE", "BLOCKED", "NEXTEND", "LONGSTRN"],
]);
const NUMBERED_LAYOUT =
  /^(?:NAXIS|TTYPE|TFORM|TUNIT|TDIM|TNULL|TSCAL|TZERO|TDISP|TBCOL|PTYPE|PSCAL|PZERO)\d+$/;
const COMPRESSION =
  /^(?:ZIMAGE|ZTENSION|ZSIMPLE|ZEXTEND|ZBLOCKED|ZBITPIX|ZNAXIS|ZCMPTYPE|ZMASKCMP|ZQUANTIZ|ZDITHER0|ZBLANK|ZSCALE|ZZERO|ZHECKSUM|ZDATASUM|ZPCOUNT|ZGCOUNT|FZ[A-Z0-9]+|(?:ZNAXIS|ZTILE|ZNAME|ZVAL)\d+)$/;
/** The two lines that cfitsio puts into each file. */
const BOILERPLATE =
  /FITS \(Flexible Image Transport System\) format is|volume 376, page 359; bibcode/;

/** Whether a card says how the data lie in the file, so that it cannot be taken to another one. */
export function isLayoutCard(card: Card): boolean {
  const { keyword } = card;
  if (card.commentary) return keyword === "END" || BOILERPLATE.test(String(card.value));
  return LAYOUT.has(keyword) || NUMBERED_LAYOUT.test(keyword) || isCompressionCard(keyword);
}

/** Whether a keyword tells how an image is tile-compressed (FITS standard 4.0, section 10.1). */
export function isCompressionCard(keyword: string): boolean {
  return COMPRESSION.test(keyword);
}

/**
 * The cards of a header that describe the observation, fit for another file.
 *
 * @returns The cards that are left, put right by {@linkcode conformingCards}.
 */
export function descriptiveCards(header: FitsHeader): Card[] {
  return conformingCards(header.cards.filter((card) => !isLayoutCard(card)));
}

/** A WCS card, before which WCSAXES has to stand. */
const WCS_CARD =
  /^(?:CTYPE|CUNIT|CRVAL|CDELT|CRPIX|CROTA|PC|CD|PV|PS|CRDER|CSYER|CNAME|WCSNAME|LONPOLE|LATPOLE|RADESYS|EQUINOX)[0-9_]*[A-Z]?$/;

/**
 * Puts right what the standard forbids or disapproves of in a list of cards.
 *
 * Of a keyword that occurs twice the first card is kept. WCSAXES goes before
 * the other WCS cards. A numeric EPOCH is called EQUINOX, or becomes a comment
 * where there is an EQUINOX already, as do cards without a value. LONGSTRN
 * stands before the first string that is continued.
 */
export function conformingCards(cards: readonly Card[]): Card[] {
  const seen = new Set<string>();
  const hasEquinox = cards.some((card) => card.keyword === "EQUINOX");
  const kept: Card[] = [];
  for (const card of cards) {
    if (card.commentary) {
      kept.push(isCommentary(card.keyword) ? card : asComment(card));
    } else if (!seen.has(card.keyword) && card.keyword !== "LONGSTRN") {
      seen.add(card.keyword);
      if (isLong(card)) kept.push(...announceLong(kept), card);
      else if (card.value === null) kept.push(asComment(card));
      else kept.push(card.keyword === "EPOCH" ? modernEpoch(card, hasEquinox) : card);
    }
  }
  const axes = kept.findIndex((card) => card.keyword === "WCSAXES");
  const first = kept.findIndex((card) => !card.commentary && WCS_CARD.test(card.keyword));
  if (axes > first && first >= 0) kept.splice(first, 0, ...kept.splice(axes, 1));
  return kept;
}

function isLong(card: Card): boolean {
  return typeof card.value === "string" && encodeCard(card).length > CARD_LENGTH;
}

function announceLong(before: readonly Card[]): Card[] {
  if (before.some((card) => card.keyword === "LONGSTRN")) return [];
  const comment = "strings may be continued on CONTINUE cards";
  return [{ keyword: "LONGSTRN", value: "OGIP 1.0", comment, commentary: false }];
}

function asComment({ keyword, value, comment, commentary }: Card): Card {
  const text = commentary ? `${keyword} ${value}` : `${keyword} = ${value ?? "(undefined)"}`;
  const note = comment === "" ? text : `${text} / ${comment}`;
  return { keyword: "COMMENT", value: note, comment: "", commentary: true };
}

function modernEpoch(card: Card, hasEquinox: boolean): Card {
  const { value, comment } = card;
  if (typeof value === "number" && !hasEquinox) {
    return { keyword: "EQUINOX", value, comment, commentary: false };
  }
  return asComment(card);
}
