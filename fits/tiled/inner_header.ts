/**
 * The header that a compressed image has once it is unpacked.
 *
 * @module
 */

import type { FitsHeader } from "../header.ts";
import { isCompressionCard } from "../structure.ts";

/** Cards of the table that the tiles lie in, not of the image. */
const OF_THE_TABLE =
  /^(?:XTENSION|PCOUNT|GCOUNT|TFIELDS|THEAP|CHECKSUM|DATASUM|T(?:TYPE|FORM|UNIT|DIM|NULL|SCAL|ZERO|DISP)\d+)$/;
/** EXTNAME that cfitsio gives to what was no extension before. */
const PACKED_NAME = "COMPRESSED_IMAGE";

/**
 * The header of the image inside a tile-compressed one (FITS standard 4.0, section 10.1).
 *
 * @param header Of the table that holds the tiles.
 * @returns The image's own cards, with its BITPIX, NAXIS and NAXISn.
 * @throws {DataError} If the table does not tell the image's type and size.
 */
export function innerHeader(header: FitsHeader): FitsHeader {
  const image = header.clone();
  image.set("BITPIX", header.requireNumber("ZBITPIX"));
  const axes = header.requireNumber("ZNAXIS");
  image.set("NAXIS", axes);
  for (let axis = 1; axis <= axes; axis++) {
    image.set(`NAXIS${axis}`, header.requireNumber(`ZNAXIS${axis}`));
  }
  return image.filter(({ keyword, value }) =>
    !OF_THE_TABLE.test(keyword) && !isCompressionCard(keyword) &&
    !(keyword === "EXTNAME" && String(value).trim() === PACKED_NAME) &&
    !(keyword === "NAXIS2" && axes < 2)
  );
}
