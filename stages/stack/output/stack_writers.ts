/**
 * Writes the three files of a stack side by side, and takes over what an ended process has left.
 *
 * @module
 */

import { readHeader } from "../../../fits/file.ts";
import { FitsHeader } from "../../../fits/header.ts";
import { createImage, type ImageSpec, type ImageWriter, resumeImage } from "../../../fits/image.ts";
import { decodePixels, decodeUint16 } from "../../../fits/pixels.ts";
import { setPlaneCards } from "../../../sky/mask.ts";
import { setWcs } from "../../../sky/wcs.ts";
import type { StackStrip } from "../combine/combine.ts";
import type { Grid } from "../frames/grid.ts";
import type { StackPaths } from "./outputs.ts";
import { StackCounter, type StackStatistics, type StripPixels } from "./stack_statistics.ts";
import type { StripJournal } from "./strip_journal.ts";

const FLOATS = { bitpix: -32, bscale: 1, bzero: 0 } as const;

/** The files of a stack while they are written. */
export class StackWriters {
  /** Of the image. */
  readonly header: FitsHeader;
  /** What was found in the strips so far. */
  readonly counter: StackCounter;
  readonly #files: readonly [image: ImageWriter, mask: ImageWriter, weight: ImageWriter];
  readonly #journal: StripJournal;
  readonly #width: number;

  private constructor(
    files: readonly [ImageWriter, ImageWriter, ImageWriter],
    journal: StripJournal,
    grid: Grid,
  ) {
    this.#files = files;
    this.#journal = journal;
    this.#width = grid.width;
    this.header = files[0].header;
    this.counter = new StackCounter(grid);
  }

  /**
   * Opens the files: those of an ended process if every strip that its journal names is in them as
   * it was written, else new ones.
   *
   * @throws {DataError} If the folder cannot be written.
   */
  static async open(
    paths: StackPaths,
    grid: Grid,
    header: FitsHeader,
    journal: StripJournal,
  ): Promise<StackWriters> {
    const specs = specsOf(paths, grid, header);
    const left = journal.written.length > 0 ? await resume(specs) : undefined;
    if (left !== undefined) {
      const writers = new StackWriters(left, journal, grid);
      if (await writers.#takeOver()) return writers;
      await writers.abort();
    }
    journal.begin(0);
    const [image, mask, weight] = specs;
    const files = [
      await createImage(...image),
      await createImage(...mask),
      await createImage(...weight),
    ] as const;
    return new StackWriters(files, journal, grid);
  }

  /** How many rows are done. */
  get rows(): number {
    return this.#files[0].rowsWritten;
  }

  async #takeOver(): Promise<boolean> {
    const [image, mask, weight] = this.#files;
    for (const { rows, sums } of this.#journal.written) {
      const data = await image.acceptRows(rows, sums[0]);
      const planes = await mask.acceptRows(rows, sums[1]);
      const weights = await weight.acceptRows(rows, sums[2]);
      if (!data || !planes || !weights) return false;
      this.counter.add(decodeStrip(data, planes, weights, rows * this.#width));
    }
    this.#journal.begin(this.#journal.written.length);
    return true;
  }

  /** Writes the next strip; its values change. */
  async write(strip: StackStrip): Promise<void> {
    const [image, mask, weight] = this.#files;
    const { encoded } = strip;
    if (encoded === undefined) {
      await image.writeRows(strip.data);
      await weight.writeRows(strip.weight);
    } else {
      await image.writeRowBytes(encoded.data.raw, encoded.data.sum);
      await weight.writeRowBytes(encoded.weight.raw, encoded.weight.sum);
    }
    if (encoded?.mask === undefined) await mask.writeRows(strip.mask);
    else await mask.writeRowBytes(encoded.mask.raw, encoded.mask.sum);
    this.#journal.add({
      rows: strip.mask.length / this.#width,
      sums: [image.dataSum, mask.dataSum, weight.dataSum],
    });
    this.counter.add(strip);
  }

  /** Gives the files their names, the image last. */
  async finish(found: StackStatistics): Promise<void> {
    for (const file of this.#files.toReversed()) await file.finish();
    this.#journal.finish(found);
  }

  /** Leaves what is done for the next time. */
  async suspend(): Promise<void> {
    for (const file of this.#files) await file.suspend();
  }

  /** Removes what was written. */
  async abort(): Promise<void> {
    for (const file of this.#files) await file.abort();
    await this.#journal.remove();
  }
}

/** Whether the files of a finished stack are what its journal says. */
export async function isWhole(paths: StackPaths, { written }: StripJournal): Promise<boolean> {
  const sums = written.at(-1)?.sums;
  for (const [i, path] of [paths.image, paths.mask, paths.weight].entries()) {
    const header = await readHeader(path).catch(() => undefined);
    if (header === undefined || header.number("DATASUM") !== sums?.[i]) return false;
  }
  return true;
}

type FileSpec = readonly [path: string, spec: ImageSpec];

function specsOf(
  paths: StackPaths,
  grid: Grid,
  header: FitsHeader,
): readonly [FileSpec, FileSpec, FileSpec] {
  const { width, height } = grid;
  const maskHeader = setPlaneCards(companionHeader(header, grid, "MASK"));
  const weightHeader = companionHeader(header, grid, "WEIGHT")
    .set("BUNIT", "adu**(-2)", "inverse variance");
  return [
    [paths.image, { width, height, header }],
    [paths.mask, { width, height, header: maskHeader, bitpix: 16, bzero: 32768 }],
    [paths.weight, { width, height, header: weightHeader }],
  ];
}

function companionHeader(image: FitsHeader, grid: Grid, type: string): FitsHeader {
  const header = FitsHeader.from({ IMAGETYP: [type, "type of image"] });
  for (const keyword of ["OBJECT", "FILTER", "DATE-OBS", "EXPTIME"]) {
    const value = image.get(keyword);
    if (value !== undefined) header.set(keyword, value);
  }
  return setWcs(header, grid.wcs);
}

/** The unfinished files, if there are all three. */
async function resume(
  specs: readonly [FileSpec, FileSpec, FileSpec],
): Promise<readonly [ImageWriter, ImageWriter, ImageWriter] | undefined> {
  const [image, mask, weight] = [
    await resumeImage(...specs[0]),
    await resumeImage(...specs[1]),
    await resumeImage(...specs[2]),
  ];
  if (image && mask && weight) return [image, mask, weight];
  for (const writer of [image, mask, weight]) await writer?.abort();
  return undefined;
}

function decodeStrip(
  data: Uint8Array,
  mask: Uint8Array,
  weight: Uint8Array,
  pixels: number,
): StripPixels {
  const strip = {
    data: new Float32Array(pixels),
    mask: new Uint16Array(pixels),
    weight: new Float32Array(pixels),
  };
  decodePixels(data, FLOATS, strip.data);
  decodeUint16(mask, 16, strip.mask);
  decodePixels(weight, FLOATS, strip.weight);
  return strip;
}
