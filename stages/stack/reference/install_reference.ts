/**
 * Brings a finished reference to where nights look for it.
 *
 * @module
 */

import { basename, dirname, join } from "node:path";
import { updateHeader } from "../../../fits/image.ts";
import type { NewProduct } from "../../stage.ts";

/** What is recorded of a reference, and where it goes. */
export interface ReferenceRecord {
  readonly object: string;
  readonly filter: string;
  /** Dates of the light in it. */
  readonly nights: readonly string[];
  /** Dates that were kept out. */
  readonly notNights: readonly string[];
  /** The folder of all references, which has one folder a filter. */
  readonly folder: string;
}

/** Nights that find a place in cards; the others stand in the history of the inputs. */
const MAX_NIGHT_CARDS = 999;

/**
 * Writes the provenance into a reference and moves it, with its companions, to
 * `<folder>/<filter>/`. The image comes last: where it is, all of it is.
 *
 * @param products The image, as a stack, and its companions, in a work folder.
 * @param record Nights and folder.
 * @returns The products at their new places, the image as a reference.
 */
export async function installReference(
  products: readonly NewProduct[],
  record: ReferenceRecord,
): Promise<NewProduct[]> {
  const image = products.find(({ kind }) => kind === "stack")!;
  await updateHeader(image.path, image.path, (header) => {
    header.set("REFSURV", "7DT", "survey of the reference");
    header.set("NNIGHTS", record.nights.length, "dates that its nights go by");
    record.nights.slice(0, MAX_NIGHT_CARDS).forEach((night, i) => {
      header.set(`NIGHT${String(i + 1).padStart(3, "0")}`, night);
    });
    for (const night of record.notNights) {
      header.addHistory(`gppy reference: nothing of the night ${night}`);
    }
  });
  const folder = join(record.folder, record.filter);
  await Deno.mkdir(folder, { recursive: true });
  const installed: NewProduct[] = [];
  for (const product of [...products.filter((one) => one !== image), image]) {
    const path = join(folder, basename(product.path));
    await moveFile(product.path, path);
    const { kind } = product;
    installed.push({ ...product, path, kind: kind === "stack" ? "reference" : kind });
  }
  return installed.reverse();
}

/** Renames, or copies across file systems; the file has its name only when it is whole. */
async function moveFile(from: string, to: string): Promise<void> {
  try {
    await Deno.rename(from, to);
  } catch (error) {
    if ((error as { code?: string }).code !== "EXDEV") throw error;
    const part = join(dirname(to), `.${basename(to)}.part`);
    await Deno.copyFile(from, part);
    await Deno.rename(part, to);
    await Deno.remove(from);
  }
}
