/**
 * Writes further images of a pair.
 *
 * @module
 */

import { join } from "node:path";
import { GppyError } from "../../../config/errors.ts";
import type { FitsHeader } from "../../../fits/header.ts";
import { createImage } from "../../../fits/image.ts";
import type { Product } from "../../manifest.ts";
import type { NewProduct, Progress, StageContext } from "../../stage.ts";
import { writePsf } from "./psf_file.ts";
import type { ExtraImage, ExtraRecipe, ExtraSource } from "./extra_images.ts";

/** What is to be written of one pair. */
export interface ExtraParts {
  /** The difference as the manifest will have it. */
  readonly difference: NewProduct;
  /** WCS and identification. */
  readonly header: FitsHeader;
  readonly source: ExtraSource;
  readonly recipes: readonly ExtraRecipe[];
  /** Whether the PSF is written too. */
  readonly psf: boolean;
  /** Told of the rows that are written. */
  readonly progress: Progress;
}

/** Rows that are computed and written at once. */
const STRIP_ROWS = 256;

/**
 * Makes and writes further images. One that cannot be made is left behind; the
 * difference stays.
 *
 * @param parts The pair, its difference, and what to make.
 * @param context Where to, and where failures are recorded.
 * @returns The products.
 */
export async function writeExtras(
  parts: ExtraParts,
  context: StageContext,
): Promise<NewProduct[]> {
  const { difference, source, recipes } = parts, { folder } = context;
  const products: NewProduct[] = [];
  const attempt = async (ending: string, write: () => Promise<NewProduct[]>) => {
    try {
      products.push(...await write());
    } catch (error) {
      if (!(error instanceof GppyError)) throw error;
      const { name, message, details } = error;
      context.leave(`${difference.id}.${ending}`, { error: name, message, details });
    }
  };
  for (const recipe of recipes) {
    await attempt(recipe.ending, () => writeExtra(recipe, parts, folder));
  }
  if (parts.psf) await attempt("psf", async () => [await writePsf(difference, source, folder)]);
  return products;
}

async function writeExtra(
  recipe: ExtraRecipe,
  { difference, header, source, progress }: ExtraParts,
  folder: string,
): Promise<NewProduct[]> {
  const id = `${difference.id}.${recipe.ending}`;
  const image = await recipe.make(source);
  const own = header.clone();
  image.describe?.(own);
  const { width, height } = source.pair;
  const path = join(folder, `${id}.fits`);
  const fill: ExtraImage["fill"] = async (firstRow, rows, into) => {
    await image.fill(firstRow, rows, into);
    progress(firstRow + rows, height, recipe.ending);
  };
  await writeStrips(path, { width, height, header: own }, fill);
  const common = inherited(difference);
  const { measured = {} } = image;
  const product = { ...common, id, kind: recipe.role, path, of: difference.id, measured };
  if (image.fillWeight === undefined) return [product];
  const weight = join(folder, `${id}.weight.fits`);
  await writeStrips(weight, { width, height, header }, image.fillWeight.bind(image));
  return [product, { ...common, id: `${id}.weight`, kind: "weight", path: weight, of: id }];
}

async function writeStrips(
  path: string,
  spec: { readonly width: number; readonly height: number; readonly header: FitsHeader },
  fill: ExtraImage["fill"],
): Promise<void> {
  await using writer = await createImage(path, spec);
  for (let row = 0; row < spec.height; row += STRIP_ROWS) {
    const rows = Math.min(STRIP_ROWS, spec.height - row);
    const strip = new Float32Array(rows * spec.width);
    await fill(row, rows, strip);
    await writer.writeRows(strip);
  }
  await writer.finish();
}

/** What such an image has in common with the difference. */
function inherited(difference: NewProduct): Partial<Product> {
  const { unit, object, filter, exposureS, dateObs, mjd, width, height, id } = difference;
  const given = { unit, object, filter, exposureS, dateObs, mjd, width, height };
  const known = Object.entries(given).filter(([, value]) => value !== undefined);
  return { ...Object.fromEntries(known), from: [id] };
}
