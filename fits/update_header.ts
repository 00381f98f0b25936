/**
 * Copies of files with other headers.
 *
 * @module
 */

import { AtomicFile, openForReading, readAt } from "./_disk.ts";
import { DataSum, encodeWithChecksum } from "./checksum.ts";
import { findUnit, padded } from "./file.ts";
import type { FitsHeader } from "./header.ts";
import { openImage } from "./image_reader.ts";
import { createImage } from "./image_writer.ts";
import { pixelBytes } from "./pixels.ts";
import { conformingCards } from "./structure.ts";

const PIECE_BYTES = 1 << 20;

/**
 * Copies a file with the header of its image changed.
 *
 * The data and the other units stay as they are, byte by byte; CHECKSUM and
 * DATASUM of the changed unit are made anew, and what the standard forbids in
 * its header is put right. Of a tile-compressed image a plain one is made, the
 * first plane alone and without the other units.
 *
 * @param source File to read.
 * @param target File to write; it may be the source.
 * @param edit Changes the header of the first unit with an image, else of the primary one.
 * @throws {DataError} If the source cannot be read or the target not be written.
 */
export async function updateHeader(
  source: string,
  target: string,
  edit: (header: FitsHeader) => void,
): Promise<void> {
  using file = await openForReading(source);
  const unit = await findUnit(file, source);
  if (unit.kind === "compressed-image") return await unpackEdited(source, target, edit);
  const size = (await file.stat()).size;
  const header = unit.header.clone();
  edit(header);
  header.replace(conformingCards(header.cards));
  const dataEnd = unit.dataOffset + unit.dataBytes;
  const next = Math.min(size, unit.dataOffset + padded(unit.dataBytes));
  const sum = new DataSum();
  const placeholder = encodeWithChecksum(header, 0);
  const output = await AtomicFile.create(target);
  try {
    await copy(file, output, 0, unit.headerOffset);
    await output.write(placeholder);
    await copy(file, output, unit.dataOffset, dataEnd, sum);
    await output.write(new Uint8Array(padded(unit.dataBytes) - unit.dataBytes));
    await copy(file, output, next, size);
    await output.writeAt(encodeWithChecksum(header, sum.value), unit.headerOffset);
    await output.commit();
  } finally {
    if (output.open) await output.abort();
  }
}

/**
 * Makes a plain image of a tile-compressed one: its first plane, without the other units.
 *
 * @param source The packed file.
 * @param target File to write.
 * @throws {DataError} If the source cannot be read or the target not be written.
 */
export async function unpackImage(source: string, target: string): Promise<void> {
  await unpackEdited(source, target, () => {});
}

async function unpackEdited(
  source: string,
  target: string,
  edit: (header: FitsHeader) => void,
): Promise<void> {
  using image = await openImage(source);
  const { width, height, layout } = image;
  const header = image.header.clone();
  edit(header);
  await using output = await createImage(target, { width, height, header, ...layout });
  const rows = Math.max(1, Math.floor(PIECE_BYTES / width));
  const strip = new Uint8Array(rows * width * pixelBytes(layout.bitpix));
  for (let y = 0; y < height; y += rows) {
    await output.writeRowBytes(await image.readRowBytes(y, Math.min(rows, height - y), strip));
  }
  await output.finish();
}

async function copy(
  from: Deno.FsFile,
  to: AtomicFile,
  start: number,
  end: number,
  sum?: DataSum,
): Promise<void> {
  const piece = new Uint8Array(Math.min(PIECE_BYTES, end - start));
  for (let at = start; at < end;) {
    const count = await readAt(from, piece.subarray(0, Math.min(piece.length, end - at)), at);
    if (count === 0) return;
    sum?.add(piece.subarray(0, count));
    await to.write(piece.subarray(0, count));
    at += count;
  }
}
