/**
 * The PSF of a difference as a file: stamps at even places of the field.
 *
 * @module
 */

import { join } from "node:path";
import { FitsHeader } from "../../../fits/header.ts";
import { writeImage } from "../../../fits/image.ts";
import type { NewProduct } from "../../stage.ts";
import { differencePsf } from "../psf/difference_noise.ts";
import { Fourier } from "../psf/fourier.ts";
import type { AlignedPair } from "../pair.ts";
import { GRID, toCard } from "./decorrelated.ts";
import type { FinishedDifference } from "./finish.ts";

/** Stamps along each side, and half the side of a stamp, px. */
const STAMPS = 5;
const HALF_PX = 20;

/**
 * The PSF of a difference at the middles of 5 × 5 equal parts of the field.
 *
 * @param pair The pair.
 * @param finished Its difference.
 * @returns `[side, side]` with side = 5 · 41 px: the stamps side by side, the first column and row first; each sums
 *   to 1 less the light beyond it.
 * @throws {DataError} If the PSF cannot be measured.
 */
export function psfMosaic(
  pair: AlignedPair,
  finished: Pick<FinishedDifference, "result">,
): Float32Array {
  const fourier = new Fourier(GRID);
  const psfAt = differencePsf(pair, finished, fourier);
  const side = 2 * HALF_PX + 1, width = STAMPS * side;
  const out = new Float32Array(width * width);
  const middle = (k: number, size: number) => (k + 0.5) * size / STAMPS - 0.5;
  for (let row = 0; row < STAMPS; row++) {
    for (let column = 0; column < STAMPS; column++) {
      const place = [middle(column, pair.width), middle(row, pair.height)] as const;
      const stamp = fourier.inverse(psfAt(...place), HALF_PX);
      stamp.forEach((value, i) => {
        const y = row * side + Math.floor(i / side);
        out[y * width + column * side + i % side] = value;
      });
    }
  }
  return out;
}

/**
 * Writes the PSF of a difference beside it.
 *
 * @param difference The difference as the manifest will have it.
 * @param pair The pair.
 * @param finished The difference.
 * @param folder Where to.
 * @returns The product `<difference>.psf`.
 * @throws {DataError} If the PSF cannot be measured.
 */
export async function writePsf(
  difference: NewProduct,
  { pair, finished }: { readonly pair: AlignedPair; readonly finished: FinishedDifference },
  folder: string,
): Promise<NewProduct> {
  const id = `${difference.id}.psf`, path = join(folder, `${id}.fits`);
  const side = 2 * HALF_PX + 1, width = STAMPS * side;
  const header = FitsHeader.from({
    PSFNX: [STAMPS, "stamps along x, at the middles of equal parts of it"],
    PSFNY: [STAMPS, "stamps along y"],
    PSFSIDE: [side, "[pix] side of a stamp, its source on the middle pixel"],
    PSFSTEPX: [toCard(pair.width / STAMPS), "[pix] from stamp to stamp in the difference"],
    PSFSTEPY: [toCard(pair.height / STAMPS), "[pix] from stamp to stamp in the difference"],
  });
  const data = psfMosaic(pair, finished);
  await writeImage(path, { width, height: width, data, header });
  const { unit, object, filter } = difference;
  const given = Object.entries({ unit, object, filter }).filter(([, value]) => value !== undefined);
  const common = { ...Object.fromEntries(given), from: [difference.id], of: difference.id };
  return { ...common, id, kind: "stamp", role: "psf", path, width, height: width };
}
