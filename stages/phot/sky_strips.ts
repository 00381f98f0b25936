/**
 * Empty sky, strip by strip: a full-size image never has to be in memory.
 *
 * @module
 */

import { type ImageReader, openImage } from "../../fits/image.ts";

/** Rows of an image with what is not empty sky taken out. */
export interface StripOfSky {
  readonly width: number;
  /** First row held in the arrays. */
  readonly readRow: number;
  /** First row that belongs to this strip; those before it are halo. */
  readonly firstRow: number;
  /** One past the last row that belongs to this strip. */
  readonly endRow: number;
  /** The image, ADU. */
  readonly level: Float32Array;
  /** The image less its background, ADU; NaN on sources and bad pixels. */
  readonly residual: Float32Array;
}

const STRIP_ROWS = 256;

/**
 * Reads an image by strips of rows, each with a halo.
 *
 * @param paths Image, background-subtracted image, segmentation, and flags if there are any.
 * @param haloPx Rows to hold above and below.
 * @yields Strips from the first row to the last.
 */
export async function* stripsOf(
  paths: {
    readonly image: string;
    readonly subtracted: string;
    readonly segmentation: string;
    readonly flags?: string | undefined;
  },
  haloPx: number,
): AsyncGenerator<StripOfSky> {
  using image = await openImage(paths.image);
  using subtracted = await openImage(paths.subtracted);
  using segmentation = await openImage(paths.segmentation);
  using flags = paths.flags === undefined ? undefined : await openImage(paths.flags);
  const { width, height } = image;
  for (let firstRow = 0; firstRow < height; firstRow += STRIP_ROWS) {
    const endRow = Math.min(height, firstRow + STRIP_ROWS);
    const readRow = Math.max(0, firstRow - haloPx);
    const rows = Math.min(height, endRow + haloPx) - readRow;
    const level = await image.readRows(readRow, rows);
    const residual = await subtracted.readRows(readRow, rows);
    await blank(residual, segmentation, readRow, rows);
    if (flags) await blank(residual, flags, readRow, rows);
    yield { width, readRow, firstRow, endRow, level, residual };
  }
}

/** Steps of the R2 sequence: powers of the inverse of the plastic number. */
const R2_STEPS = { x: 0.7548776662466927, y: 0.5698402909980532 };

/**
 * Scatters positions evenly over an image, without clumps and without a lattice
 * (the R2 low-discrepancy sequence, Roberts 2018); always the same ones.
 *
 * @param options Size of the image, border to keep free, number, px.
 * @returns Pixels; none if the image is smaller than the border.
 */
export function scatterPositions(
  options: { width: number; height: number; haloPx: number; count: number },
): { x: number; y: number }[] {
  const { width, height, haloPx, count } = options;
  const spanX = width - 2 * haloPx;
  const spanY = height - 2 * haloPx;
  if (spanX <= 0 || spanY <= 0) return [];
  return Array.from({ length: count }, (_, i) => ({
    x: haloPx + Math.floor(((0.5 + (i + 1) * R2_STEPS.x) % 1) * spanX),
    y: haloPx + Math.floor(((0.5 + (i + 1) * R2_STEPS.y) % 1) * spanY),
  }));
}

async function blank(
  data: Float32Array,
  reader: ImageReader,
  row: number,
  rows: number,
): Promise<void> {
  const values = await reader.readRows(row, rows);
  for (let i = 0; i < values.length; i++) if (values[i] !== 0) data[i] = NaN;
}
