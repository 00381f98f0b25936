/**
 * The header-data units of a FITS file.
 *
 * @module
 */

import { DataError } from "../config/errors.ts";
import { openForReading, readAt } from "./_disk.ts";
import { BLOCK_BYTES, endOfCards, FitsHeader } from "./header.ts";
import { innerHeader } from "./tiled/inner_header.ts";

/** What a unit holds. */
export type HduKind = "image" | "table" | "ascii-table" | "compressed-image" | "empty";

/** One header-data unit of a file and where its bytes lie. */
export interface Hdu {
  /** 0 for the primary unit. */
  readonly index: number;
  /** EXTNAME, or `""`. */
  readonly name: string;
  /** What it holds. */
  readonly kind: HduKind;
  /** Its header, with `file[hdu]` as `where`. */
  readonly header: FitsHeader;
  /** Byte offset of the header from the start of the file. */
  readonly headerOffset: number;
  /** Byte offset of the data from the start of the file. */
  readonly dataOffset: number;
  /** Bytes of data, with a table's heap and without padding. */
  readonly dataBytes: number;
}

/** A header is looked for in steps of this many bytes. */
const HEADER_STEP = 8 * BLOCK_BYTES;
/** A header that goes on longer than this is taken as damaged. */
const HEADER_LIMIT = 4096 * BLOCK_BYTES;

const latin1 = new TextDecoder("latin1");

/**
 * Finds all units of a file.
 *
 * Padding missing after the last data and anything after the last unit that is
 * no extension are tolerated, as by other readers.
 *
 * @throws {DataError} If it is no FITS file or shorter than its headers say; the message and the
 * details name file, unit, expected and actual bytes.
 */
export async function scanFits(path: string): Promise<Hdu[]> {
  using file = await openForReading(path);
  const units: Hdu[] = [];
  for await (const unit of walkUnits(file, path)) units.push(unit);
  return units;
}

/**
 * Reads the header of one unit.
 *
 * @param hdu Which unit; left out: the first one with an image, else the primary one. Of a
 * tile-compressed image it is the header of the image inside.
 * @throws {DataError} If the file is no FITS file, is truncated or has no such unit.
 */
export async function readHeader(path: string, hdu?: number): Promise<FitsHeader> {
  using file = await openForReading(path);
  const unit = await findUnit(file, path, hdu);
  return unit.kind === "compressed-image" ? innerHeader(unit.header) : unit.header;
}

/**
 * Whether the first image of a file is tile-compressed.
 *
 * @throws {DataError} If the file is no FITS file or is truncated.
 */
export async function isPacked(path: string): Promise<boolean> {
  using file = await openForReading(path);
  return (await findUnit(file, path)).kind === "compressed-image";
}

/**
 * Finds one unit of an open file, reading no further than it.
 *
 * @param hdu Which unit; left out: the first one with an image, else the primary one.
 */
export async function findUnit(file: Deno.FsFile, path: string, hdu?: number): Promise<Hdu> {
  let primary: Hdu | undefined;
  let count = 0;
  for await (const unit of walkUnits(file, path)) {
    primary ??= unit;
    count++;
    const isImage = unit.kind === "image" || unit.kind === "compressed-image";
    if (hdu === undefined ? isImage : unit.index === hdu) return unit;
  }
  if (hdu === undefined && primary) return primary;
  throw new DataError(`Cannot read '${path}': it has ${count} units, no unit ${hdu}`, {
    details: { file: path, hdu: hdu ?? 0, units: count },
  });
}

/** Goes through the units of an open file in order, checking each one's length. */
export async function* walkUnits(file: Deno.FsFile, path: string): AsyncGenerator<Hdu> {
  const fileBytes = (await file.stat()).size;
  let offset = 0;
  for (let index = 0; index === 0 || offset < fileBytes; index++) {
    const found = await readHeaderAt(file, path, index, offset, fileBytes);
    if (!found) return;
    const dataOffset = offset + found.bytes;
    const dataBytes = dataLength(found.header);
    const kind = kindOf(found.header);
    const unit = { index, kind, header: found.header, headerOffset: offset, dataOffset, dataBytes };
    const expected = dataOffset + dataBytes;
    if (expected > fileBytes) throw truncated(path, index, expected, fileBytes);
    yield { ...unit, name: found.header.text("EXTNAME") ?? "" };
    offset = dataOffset + padded(dataBytes);
  }
}

/** A byte count rounded up to whole blocks. */
export function padded(bytes: number): number {
  return Math.ceil(bytes / BLOCK_BYTES) * BLOCK_BYTES;
}

async function readHeaderAt(
  file: Deno.FsFile,
  path: string,
  index: number,
  offset: number,
  fileBytes: number,
): Promise<{ header: FitsHeader; bytes: number } | undefined> {
  let bytes = new Uint8Array(0);
  for (;;) {
    const step = new Uint8Array(Math.max(HEADER_STEP, bytes.length));
    const count = await readAt(file, step, offset + bytes.length);
    const longer = new Uint8Array(bytes.length + count);
    longer.set(bytes);
    longer.set(step.subarray(0, count), bytes.length);
    bytes = longer;
    if (!startsUnit(bytes, path, index)) return undefined;
    const text = latin1.decode(bytes);
    const end = endOfCards(text);
    if (end < text.length) {
      const header = FitsHeader.parse(bytes.subarray(0, end), `${path}[${index}]`);
      checkStructure(header, path, index);
      return { header, bytes: padded(end + 80) };
    }
    if (count < step.length || bytes.length > HEADER_LIMIT) {
      throw noEnd(path, index, offset, fileBytes);
    }
  }
}

function startsUnit(bytes: Uint8Array, path: string, index: number): boolean {
  const start = latin1.decode(bytes.subarray(0, 9));
  if (index > 0) return start.startsWith("XTENSION=");
  if (start.startsWith("SIMPLE  =")) return true;
  const what = bytes.length === 0
    ? "it is empty"
    : bytes[0] === 0x1f && bytes[1] === 0x8b
    ? "it is compressed with gzip; unpack it with gunzip first"
    : "it is not a FITS file";
  throw new DataError(`Cannot read '${path}': ${what}`, {
    details: { file: path, hdu: 0, actualBytes: bytes.length },
  });
}

function checkStructure(header: FitsHeader, path: string, index: number): void {
  const check = (name: string, valid: (value: number) => boolean) => {
    const value = header.requireNumber(name);
    if (valid(value)) return;
    throw new DataError(`Cannot read '${path}[${index}]': card '${name}' holds '${value}'`, {
      details: { file: path, hdu: index, card: name, value },
    });
  };
  const isCount = (value: number) => Number.isInteger(value) && value >= 0;
  check("BITPIX", (value) => [8, 16, 32, 64, -32, -64].includes(value));
  check("NAXIS", (value) => isCount(value) && value <= 999);
  for (let axis = 1; axis <= header.requireNumber("NAXIS"); axis++) check(`NAXIS${axis}`, isCount);
  for (const name of ["PCOUNT", "GCOUNT"]) if (header.has(name)) check(name, isCount);
}

function kindOf(header: FitsHeader): HduKind {
  const extension = header.text("XTENSION")?.trim() ?? "IMAGE";
  if (extension === "BINTABLE" || extension === "A3DTABLE") {
    return header.boolean("ZIMAGE") ? "compressed-image" : "table";
  }
  if (extension === "TABLE") return "ascii-table";
  return dataLength(header) > 0 && header.number("NAXIS1") !== 0 ? "image" : "empty";
}

/** Bytes of data that a header announces: |BITPIX|/8 · GCOUNT · (PCOUNT + ∏ NAXISn). */
function dataLength(header: FitsHeader): number {
  const axes = header.number("NAXIS") ?? 0;
  if (axes === 0) return 0;
  const groups = header.boolean("GROUPS") === true && header.number("NAXIS1") === 0;
  let elements = 1;
  for (let axis = groups ? 2 : 1; axis <= axes; axis++) {
    elements *= header.number(`NAXIS${axis}`) ?? 0;
  }
  const isPlain = !header.has("XTENSION") && !groups;
  const parameters = isPlain ? 0 : header.number("PCOUNT") ?? 0;
  const count = isPlain ? 1 : header.number("GCOUNT") ?? 1;
  return Math.abs(header.number("BITPIX") ?? 8) / 8 * count * (parameters + elements);
}

function truncated(path: string, hdu: number, expected: number, actual: number): DataError {
  return new DataError(
    `Cannot read '${path}[${hdu}]': truncated, ${expected} bytes expected and ${actual} found`,
    { details: { file: path, hdu, expectedBytes: expected, actualBytes: actual } },
  );
}

function noEnd(path: string, hdu: number, offset: number, actual: number): DataError {
  const expected = offset + padded(actual - offset + 1);
  return new DataError(
    `Cannot read '${path}[${hdu}]': truncated, its header of at least ${expected - offset} bytes ` +
      `has no END card in the ${actual - offset} bytes found`,
    { details: { file: path, hdu, expectedBytes: expected, actualBytes: actual } },
  );
}
