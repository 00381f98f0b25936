/**
 * The pixels of a tile-compressed image (FITS standard 4.0, section 10).
 *
 * @module
 */

import { DataError } from "../../config/errors.ts";
import type { Hdu } from "../file.ts";
import { pixelBytes } from "../pixels.ts";
import type { StoredPixels } from "../stored_pixels.ts";
import type { Column } from "../tform.ts";
import { ELEMENT_BYTES } from "../tform.ts";
import { prepareGunzip } from "./algorithms.ts";
import { decodeTile, type TileSource } from "./decode_tile.ts";
import { type TileForm, tileFormOf } from "./tile_form.ts";

/** The heap is read in pieces of at least so many bytes. */
const WINDOW_BYTES = 1 << 20;
/** Where a tile may be, in the order in which the columns are looked at. */
const PLACES = ["COMPRESSED_DATA", "GZIP_COMPRESSED_DATA", "UNCOMPRESSED_DATA"] as const;

/** Where a tile's bytes lie, from the start of the unit's data. */
interface Cell {
  readonly place: typeof PLACES[number];
  readonly start: number;
  readonly bytes: number;
}

/** Decodes tiles as their pixels are asked for; the tiles side by side are kept for the next call. */
export class TiledPixels implements StoredPixels {
  /** See {@linkcode StoredPixels.bytes}. */
  readonly bytes: number;
  /** How the image is cut and compressed. */
  readonly form: TileForm;
  readonly #path: string;
  readonly #table: StoredPixels;
  readonly #hdu: Hdu;
  /** Bytes of a row of the table. */
  readonly #rowBytes: number;
  readonly #heapStart: number;
  /** The table's rows, without the heap. */
  #rows: DataView | undefined;
  #window = { start: 0, bytes: new Uint8Array(0) };
  /** All tiles that lie side by side, as rows of the image. */
  #band = { index: -1, bytes: new Uint8Array(0) as Uint8Array };

  /**
   * The pixels of a unit.
   *
   * @param path For messages.
   * @param table The bytes of the unit, rows and heap.
   * @param hdu A unit of the kind `compressed-image`.
   * @throws {DataError} If it is compressed in an unknown way.
   */
  constructor(path: string, table: StoredPixels, hdu: Hdu) {
    this.form = tileFormOf(hdu);
    this.#path = path;
    this.#table = table;
    this.#hdu = hdu;
    this.#rowBytes = hdu.header.requireNumber("NAXIS1");
    this.#heapStart = hdu.header.number("THEAP") ??
      this.#rowBytes * hdu.header.requireNumber("NAXIS2");
    const { width, height, planes, bitpix } = this.form;
    this.bytes = width * height * planes * pixelBytes(bitpix);
  }

  /** See {@linkcode StoredPixels.read}. */
  async read(into: Uint8Array, offset: number): Promise<void> {
    const { width, height, tileHeight, bitpix } = this.form;
    const rowBytes = width * pixelBytes(bitpix);
    const bands = Math.ceil(height / tileHeight);
    for (let done = 0; done < into.length;) {
      const row = Math.floor((offset + done) / rowBytes);
      const plane = Math.floor(row / height);
      const band = Math.floor((row % height) / tileHeight);
      await this.#load(plane * bands + band);
      const at = offset + done - (plane * height + band * tileHeight) * rowBytes;
      const part = this.#band.bytes.subarray(at, at + into.length - done);
      into.set(part, done);
      done += part.length;
    }
  }

  async #load(index: number): Promise<void> {
    if (this.#band.index === index) return;
    const { width, height, tileWidth, tileHeight, bitpix } = this.form;
    const size = pixelBytes(bitpix);
    const first = (index % Math.ceil(height / tileHeight)) * tileHeight;
    const rows = Math.min(tileHeight, height - first);
    const across = Math.ceil(width / tileWidth);
    this.#band.index = -1;
    let bytes: Uint8Array = new Uint8Array(across === 1 ? 0 : width * rows * size);
    for (let column = 0; column < across; column++) {
      const x = column * tileWidth;
      const columns = Math.min(tileWidth, width - x);
      const tile = await this.#decode(index * across + column, columns, rows);
      if (across === 1) bytes = tile;
      else {
        for (let y = 0; y < rows; y++) {
          const row = tile.subarray(y * columns * size, (y + 1) * columns * size);
          bytes.set(row, (y * width + x) * size);
        }
      }
    }
    this.#band = { index, bytes };
  }

  async #decode(index: number, width: number, rows: number): Promise<Uint8Array> {
    const table = this.#rows ??= await this.#readRows();
    const cell = this.#cell(table, index);
    const number = (name: "ZSCALE" | "ZZERO" | "ZBLANK") => this.#number(table, index, name);
    const bytes = await this.#heap(index, cell);
    const source: TileSource = { index, width, rows, column: cell.place, bytes, number };
    const decoded = decodeTile(source, this.form);
    if (decoded === undefined) {
      throw this.#damaged(index, `its ${bytes.length} bytes are no ${width}×${rows} pixels`);
    }
    return decoded;
  }

  async #readRows(): Promise<DataView> {
    await prepareGunzip();
    const bytes = new Uint8Array(this.#rowBytes * this.#hdu.header.requireNumber("NAXIS2"));
    await this.#table.read(bytes, 0);
    return new DataView(bytes.buffer);
  }

  /** Where a tile's bytes lie, from the start of the unit's data. */
  #cell(table: DataView, index: number): Cell {
    for (const place of PLACES) {
      const column = this.form.columns.get(place);
      if (column?.variable === undefined) continue;
      const at = this.#at(table, index, column);
      const wide = column.variable === "Q";
      const count = wide ? Number(table.getBigInt64(at)) : table.getInt32(at);
      const offset = wide ? Number(table.getBigInt64(at + 8)) : table.getInt32(at + 4);
      const bytes = count * ELEMENT_BYTES[column.code];
      if (bytes > 0) return { place, start: this.#heapStart + offset, bytes };
    }
    throw this.#damaged(index, "it has no data");
  }

  #at(table: DataView, index: number, { offset, bytes }: Column): number {
    const at = index * this.#rowBytes + offset;
    if (at + bytes <= table.byteLength) return at;
    throw this.#damaged(index, "the table has no such row");
  }

  #number(table: DataView, index: number, name: string): number | undefined {
    const column = this.form.columns.get(name);
    if (column === undefined) return undefined;
    const at = this.#at(table, index, column);
    if (column.code === "D") return table.getFloat64(at);
    if (column.code === "E") return table.getFloat32(at);
    return column.code === "J" ? table.getInt32(at) : undefined;
  }

  async #heap(index: number, { start, bytes }: Cell): Promise<Uint8Array> {
    if (start < 0 || start + bytes > this.#hdu.dataBytes) {
      throw this.#damaged(index, `it ends at byte ${start + bytes} of ${this.#hdu.dataBytes}`);
    }
    const behind = this.#window.start + this.#window.bytes.length;
    if (start < this.#window.start || start + bytes > behind) {
      const rest = this.#hdu.dataBytes - start;
      const window = new Uint8Array(Math.max(bytes, Math.min(WINDOW_BYTES, rest)));
      await this.#table.read(window, start);
      this.#window = { start, bytes: window };
    }
    const at = start - this.#window.start;
    return this.#window.bytes.subarray(at, at + bytes);
  }

  #damaged(index: number, state: string): DataError {
    const file = this.#hdu.header.where;
    return new DataError(
      `Cannot read pixels of '${file}': tile ${index + 1} (${this.form.algorithm}): ${state}`,
      { details: { file: this.#path, hdu: this.#hdu.index, tile: index + 1 } },
    );
  }
}
