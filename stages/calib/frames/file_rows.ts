/**
 * Rows of images as files hold them.
 *
 * @module
 */

import { together } from "../../../config/together.ts";
import type { ImageWriter } from "../../../fits/image.ts";

/** Bytes of rows as a file has them. */
export interface FileRows {
  readonly raw: Uint8Array;
  /** Sum of their words, where it is known. */
  readonly sum: number | undefined;
}

/** A file and its next rows; nothing is written where one of them is missing. */
export type FilePart = readonly [file: ImageWriter | undefined, rows: FileRows | undefined];

/** Writes the same rows of some files side by side. */
export async function writeFileRows(parts: readonly FilePart[]): Promise<void> {
  await together(parts.map(([file, rows]) => rows && file?.writeRowBytes(rows.raw, rows.sum)));
}
