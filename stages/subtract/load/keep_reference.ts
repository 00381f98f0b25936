/**
 * The reference as it was compared, on disk.
 *
 * @module
 */

import { basename } from "node:path";
import { isPacked } from "../../../fits/file.ts";
import type { FitsHeader } from "../../../fits/header.ts";
import { createImage, unpackImage } from "../../../fits/image.ts";
import { setWcs, wcsFromHeader } from "../../../sky/wcs.ts";
import type { AlignedReference } from "./align.ts";
import type { LoadedImage } from "./image_noise.ts";
import type { ChosenReference } from "./references.ts";

/** What is kept, and of what. */
export interface KeptReference {
  readonly chosen: ChosenReference;
  readonly aligned: AlignedReference;
  /** On the grid of the science frame. */
  readonly reference: LoadedImage;
  readonly science: LoadedImage;
}

/**
 * Puts the reference on the science grid beside the difference. One that was not
 * changed is the same file under another name, or unpacked; in others gaps hold the level of the sky.
 *
 * @param path Where to.
 * @param kept The reference.
 */
export async function keepReference(path: string, kept: KeptReference): Promise<void> {
  const { chosen, aligned, reference, science } = kept;
  if (!aligned.resampled && aligned.coverage === 1) {
    if (await isPacked(chosen.path)) return await unpackImage(chosen.path, path);
    await Deno.remove(path).catch(() => undefined);
    try {
      await Deno.link(chosen.path, path);
    } catch {
      await Deno.copyFile(chosen.path, path); // on another disk
    }
    return;
  }
  await writeFilled(path, reference, referenceHeader(chosen, science));
}

function referenceHeader(chosen: ChosenReference, science: LoadedImage): FitsHeader {
  const header = chosen.header.clone();
  const wcs = wcsFromHeader(science.header);
  if (wcs !== undefined) setWcs(header, wcs);
  header.addHistory(`gppy subtract: ${basename(chosen.path)} on the grid of the science frame`);
  header.addHistory("gppy subtract: gaps hold the level of the sky");
  return header;
}

/** Rows that are written at once. */
const STRIP_ROWS = 256;

/** Writes an image for programs that know no NaN: gaps get the level of the sky. */
async function writeFilled(path: string, image: LoadedImage, header: FitsHeader): Promise<void> {
  const { width, height, sky, data } = image;
  await using writer = await createImage(path, { width, height, header });
  for (let row = 0; row < height; row += STRIP_ROWS) {
    const strip = data.slice(row * width, Math.min(height, row + STRIP_ROWS) * width);
    for (let i = 0; i < strip.length; i++) {
      if (Number.isNaN(strip[i]!)) strip[i] = sky.globalLevel;
    }
    await writer.writeRows(strip);
  }
  await writer.finish();
}
