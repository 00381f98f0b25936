/**
 * Writing images by strips of rows.
 *
 * @module
 */

import { DataError } from "../config/errors.ts";
import { AtomicFile } from "./_disk.ts";
import { DataSum, encodeWithChecksum } from "./checksum.ts";
import { padded } from "./file.ts";
import { FitsHeader } from "./header.ts";
import { defaultBlank, encodePixels, type PixelArray } from "./pixel_encoding.ts";
import { type Bitpix, pixelBytes, type PixelLayout } from "./pixels.ts";
import { descriptiveCards } from "./structure.ts";

/** What an image file shall be. */
export interface ImageSpec {
  /** Pixels along a row. */
  readonly width: number;
  /** Rows. */
  readonly height: number;
  /** Cards to take over; those that describe the layout of the data are replaced. */
  readonly header?: FitsHeader;
  /** Type of the stored pixels; −32 if left out. */
  readonly bitpix?: Bitpix;
  /** 1 if left out. */
  readonly bscale?: number;
  /** 0 if left out; 32768 with BITPIX 16 makes unsigned integers. */
  readonly bzero?: number;
  /** Stored integer for NaN; without it NaN cannot be written to an integer type. */
  readonly blank?: number | bigint;
  /** False leaves it to the system when the bytes go to the disk; true if left out. */
  readonly durable?: boolean;
}

/** How {@linkcode writeImage} stores the pixels. */
export type WriteOptions = Pick<ImageSpec, "bitpix" | "bscale" | "bzero" | "blank">;

/** Pixels are encoded in pieces of about this many bytes. */
const PIECE_BYTES = 1 << 20;

/**
 * Opens a new image file for writing by strips.
 *
 * It stands beside its final name until {@linkcode ImageWriter.finish}.
 *
 * @throws {DataError} If the folder cannot be written or a card has no form in FITS.
 */
export async function createImage(path: string, spec: ImageSpec): Promise<ImageWriter> {
  const plan = planImage(path, spec);
  const file = await AtomicFile.create(path, spec.durable);
  await file.write(plan.encoded);
  return new ImageWriter(file, plan);
}

/**
 * Opens an image file that an ended process has not finished, or that was suspended.
 *
 * No row counts as written until {@linkcode ImageWriter.acceptRows} has found it to be right.
 *
 * @param spec As it was made with.
 * @returns The writer; undefined if there is no such file.
 * @throws {DataError} As {@linkcode createImage}.
 */
export async function resumeImage(path: string, spec: ImageSpec): Promise<ImageWriter | undefined> {
  const plan = planImage(path, spec);
  const file = await AtomicFile.reopen(path);
  if (file === undefined) return undefined;
  await file.writeAt(plan.encoded, 0);
  return new ImageWriter(file, plan);
}

interface ImagePlan {
  readonly width: number;
  readonly height: number;
  readonly header: FitsHeader;
  readonly layout: PixelLayout;
  readonly encoded: Uint8Array;
}

function planImage(path: string, spec: ImageSpec): ImagePlan {
  const { width, height, bitpix = -32, bscale = 1, bzero = 0 } = spec;
  if (!(Number.isInteger(width) && Number.isInteger(height) && width > 0 && height > 0)) {
    throw new DataError(`Cannot write '${path}': ${width} by ${height} pixels`, {
      details: { file: path, width, height },
    });
  }
  const blank = bitpix > 0 && spec.blank !== undefined ? { blank: spec.blank } : {};
  const layout = { bitpix, bscale, bzero, ...blank };
  const header = imageHeader(spec, layout);
  header.where = `${path}[0]`;
  return { width, height, header, layout, encoded: encodeWithChecksum(header, 0) };
}

/**
 * Writes a whole image.
 *
 * @param image `data[y * width + x]`; counts in a `Uint16Array` become BITPIX 16 with BZERO 32768,
 * everything else BITPIX −32 unless the options say otherwise. NaN in an integer type becomes BLANK.
 * @throws {DataError} If the file cannot be written or the array is of another size.
 */
export async function writeImage(
  path: string,
  image: {
    readonly width: number;
    readonly height: number;
    readonly data: PixelArray;
    readonly header?: FitsHeader;
  },
  options: WriteOptions = {},
): Promise<void> {
  const { width, height, data, header } = image;
  const unsigned = data instanceof Uint16Array && (options.bitpix ?? 16) === 16;
  const bitpix = options.bitpix ?? (unsigned ? 16 : -32);
  const zero = unsigned && options.bscale === undefined ? { bzero: 32768 } : {};
  const blank = bitpix > 0 && hasNaN(data) ? { blank: defaultBlank(bitpix) } : {};
  const cards = header ? { header } : {};
  const spec = { width, height, ...cards, ...zero, ...blank, ...options, bitpix };
  await using writer = await createImage(path, spec);
  await writer.writeRows(data);
  await writer.finish();
}

function hasNaN(data: PixelArray): boolean {
  if (!(data instanceof Float32Array || data instanceof Float64Array)) return false;
  for (let i = 0; i < data.length; i++) if (data[i] !== data[i]) return true;
  return false;
}

function imageHeader(spec: ImageSpec, layout: PixelLayout): FitsHeader {
  const { bitpix, bscale, bzero, blank } = layout;
  const header = FitsHeader.from({
    SIMPLE: [true, "conforms to FITS standard"],
    BITPIX: [bitpix, "array data type"],
    NAXIS: [2, "number of array dimensions"],
    NAXIS1: [spec.width, "pixels along a row"],
    NAXIS2: [spec.height, "rows"],
  });
  if (bscale !== 1 || bzero !== 0) {
    header.set("BSCALE", bscale, "physical = BZERO + BSCALE * stored");
    header.set("BZERO", bzero, "offset of the stored values");
  }
  if (blank !== undefined) header.set("BLANK", blank, "stored value of undefined pixels");
  return spec.header ? header.append(descriptiveCards(spec.header)) : header;
}

/** An image file that is being written. Rows come in order, from the first to the last. */
export class ImageWriter {
  /** Final name of the file. */
  readonly path: string;
  /** Pixels along a row. */
  readonly width: number;
  /** Rows. */
  readonly height: number;
  /** The header as it is written. */
  readonly header: FitsHeader;
  readonly #file: AtomicFile;
  readonly #layout: PixelLayout;
  readonly #headerBytes: number;
  #sum = new DataSum();
  readonly #piece = new Uint8Array(PIECE_BYTES);
  #pixels = 0;

  /** Made by {@linkcode createImage}. */
  constructor(file: AtomicFile, made: ImagePlan) {
    this.#file = file;
    this.path = file.path;
    this.width = made.width;
    this.height = made.height;
    this.header = made.header;
    this.#layout = made.layout;
    this.#headerBytes = made.encoded.length;
  }

  /** How many rows are written so far. */
  get rowsWritten(): number {
    return this.#pixels / this.width;
  }

  /** Sum of the rows so far, as DATASUM has it. */
  get dataSum(): number {
    return this.#sum.value;
  }

  /**
   * Writes the next rows. Wait for it before the next call; the array is free then.
   *
   * @param data Physical values, whole rows, `[rows, width]`.
   * @throws {DataError} If values cannot be stored, or more rows come than announced.
   */
  async writeRows(data: PixelArray): Promise<void> {
    if (data.length % this.width !== 0 || this.#pixels + data.length > this.width * this.height) {
      throw this.#wrongSize(this.#pixels + data.length);
    }
    const size = pixelBytes(this.#layout.bitpix);
    const step = PIECE_BYTES / size;
    for (let at = 0; at < data.length; at += step) {
      const part = data.subarray(at, Math.min(data.length, at + step));
      const raw = this.#piece.subarray(0, part.length * size);
      encodePixels(part, this.#layout, raw);
      this.#sum.add(raw);
      await this.#file.write(raw);
    }
    await this.#count(data.length);
  }

  /**
   * Writes the next rows, encoded already: big-endian, as BITPIX, BSCALE and BZERO say.
   *
   * @param raw Whole rows; may lie in shared memory.
   * @param sum Sum of the bytes as {@linkcode DataSum} gives it, where it is known.
   * @throws {DataError} If more rows come than announced, or the disk refuses.
   */
  async writeRowBytes(raw: Uint8Array, sum?: number): Promise<void> {
    const pixels = raw.length / pixelBytes(this.#layout.bitpix);
    if (pixels % this.width !== 0 || this.#pixels + pixels > this.width * this.height) {
      throw this.#wrongSize(this.#pixels + pixels);
    }
    if (sum === undefined) this.#sum.add(raw);
    else this.#sum.addSum(sum, raw.length);
    await this.#file.write(raw);
    await this.#count(pixels);
  }

  /** Counts pixels that are written; behind the last of them the disk begins, whenever the file is finished. */
  async #count(pixels: number): Promise<void> {
    this.#pixels += pixels;
    if (pixels === 0 || this.#pixels < this.width * this.height) return;
    const bytes = this.#pixels * pixelBytes(this.#layout.bitpix);
    await this.#file.write(new Uint8Array(padded(bytes) - bytes));
    this.#file.beginFlush();
  }

  /**
   * Takes rows of a resumed file for written, if they are there and as they were.
   *
   * @param rows The next ones; none may have been written.
   * @param dataSum What {@linkcode ImageWriter.dataSum} was behind them.
   * @returns Their bytes as in the file; undefined if they must be written again.
   */
  async acceptRows(rows: number, dataSum: number): Promise<Uint8Array | undefined> {
    const pixels = rows * this.width;
    const size = pixelBytes(this.#layout.bitpix);
    const raw = new Uint8Array(pixels * size);
    const place = this.#headerBytes + this.#pixels * size;
    const whole = this.#pixels + pixels <= this.width * this.height &&
      await this.#file.readAt(raw, place) === raw.length;
    const sum = this.#sum.clone();
    sum.add(raw);
    if (!whole || sum.value !== dataSum) {
      await this.#file.cutAt(place);
      return undefined;
    }
    this.#sum = sum;
    await this.#count(pixels);
    return raw;
  }

  /** Closes the file and leaves it unfinished, for {@linkcode resumeImage}. */
  async suspend(): Promise<void> {
    if (this.#file.open) await this.#file.suspend();
  }

  /**
   * Pads the data, writes CHECKSUM and DATASUM, flushes and gives the file its name.
   *
   * @throws {DataError} If rows are missing or the disk refuses; nothing is left behind then.
   */
  async finish(): Promise<void> {
    if (this.#pixels !== this.width * this.height) {
      await this.abort();
      throw this.#wrongSize(this.#pixels);
    }
    const encoded = encodeWithChecksum(this.header, this.#sum.value);
    if (encoded.length !== this.#headerBytes) {
      await this.abort();
      throw new Error(`the header of '${this.path}' outgrew its place while it was written`);
    }
    await this.#file.writeAt(encoded, 0);
    await this.#file.commit();
  }

  /** Removes what was written; an earlier file of that name stays as it was. */
  async abort(): Promise<void> {
    if (this.#file.open) await this.#file.abort();
  }

  /** Removes what was written unless it was finished. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.abort();
  }

  #wrongSize(pixels: number): DataError {
    return new DataError(
      `Cannot write '${this.path}': ${pixels} pixels given for ${this.width} by ${this.height}`,
      { details: { file: this.path, pixels, width: this.width, height: this.height } },
    );
  }
}
