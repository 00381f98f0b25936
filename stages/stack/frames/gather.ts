/**
 * Gathers what many nights have made into one manifest.
 *
 * @module
 */

import { dirname, join, resolve } from "node:path";
import type { Logger } from "@logtape/logtape";
import { DataError, GppyError } from "../../../config/errors.ts";
import { reasonOf } from "../../../config/reason.ts";
import type { Site } from "../../../config/site.ts";
import { readHeader } from "../../../fits/file.ts";
import type { FitsHeader } from "../../../fits/header.ts";
import { isFitsName } from "../../../fits/names.ts";
import { ingest } from "../../ingest.ts";
import { type Manifest, MANIFEST_VERSION, type Product } from "../../manifest.ts";
import { readManifest } from "../../manifest_file.ts";
import type { Progress } from "../../stage.ts";

/** What gathering needs besides the places to look at. */
export interface GatherOptions {
  readonly site: Site;
  readonly log: Logger;
  readonly signal: AbortSignal;
  readonly progress: Progress;
  /** Folder that the result's stages work in. */
  readonly work: string;
}

const MANIFEST_NAME = /^(\d\d)-[a-z]+\.json$/;
const STACK_NAME = /\.com\.fits(\.fz)?$/;
const COMPANION_NAME = /\.(mask|weight|var|count|subt)\.fits(\.fz)?$/i;

/** Cards that photometry and astrometry leave in an image, and what they are called here. */
const MEASURED_CARDS: readonly (readonly [string, string])[] = [
  ["seeingArcsec", "SEEING"],
  ["peeingPx", "PEEING"],
  ["ellipticity", "ELLIP"],
  ["skySigmaAdu", "SKYSIG"],
  ["zeroPoint", "ZP_AUTO"],
  ["depth3", "UL3_AUTO"],
  ["depth5", "UL5_AUTO"],
];

/**
 * Gathers images: of manifests, of the last manifest in each folder below those given, and of FITS
 * files where a folder has no manifests (its stacks, `*.com.fits`, if there are any).
 *
 * Each product keeps the date of its night as `night`. Of images of one name the first is taken.
 *
 * @param places Manifests, folders and FITS files.
 * @param options The site and where to work.
 * @returns One manifest of a night without a date.
 * @throws {DataError} If a place cannot be read or there is nothing at all.
 */
export async function gatherNights(
  places: readonly string[],
  options: GatherOptions,
): Promise<Manifest> {
  const found: Found = { manifests: [], images: [] };
  for (const place of places) await look(resolve(place), found);
  const manifests: Manifest[] = [];
  for (const path of found.manifests) {
    options.signal.throwIfAborted();
    manifests.push(await readManifest(path));
  }
  if (found.images.length > 0) manifests.push(await ingestImages(found.images, options));
  const products = new Map<string, Product>();
  for (const { night, products: made, left } of manifests) {
    const lost = new Set(left.flatMap((entry) => entry.products));
    for (const product of made) {
      if (lost.has(product.id) || products.has(product.id)) continue;
      const known = night.date === "none" || product.stage === "ingest" && product.kind !== "raw";
      products.set(product.id, known ? product : { ...product, night: night.date });
    }
  }
  if (products.size === 0) {
    throw new DataError(
      `Cannot gather nights: there are neither manifests nor images in "${places.join('", "')}"`,
      { details: { places: places.length } },
    );
  }
  const units = new Set(manifests.map(({ night }) => night.unit));
  return {
    gppyManifest: MANIFEST_VERSION,
    night: {
      unit: units.size === 1 ? [...units][0]! : "none",
      date: "none",
      source: resolve(places[0]!),
      work: options.work,
    },
    products: [...products.values()],
    left: [],
    stages: [],
  };
}

interface Found {
  readonly manifests: string[];
  readonly images: string[];
}

/** Notes the manifests and images of a place. */
async function look(place: string, found: Found): Promise<void> {
  const info = await Deno.stat(place).catch((cause) => {
    throw new DataError(`Cannot read "${place}": ${reasonOf(cause)}`, { cause });
  });
  if (info.isFile) {
    (place.endsWith(".json") ? found.manifests : found.images).push(place);
    return;
  }
  const before = found.manifests.length;
  const images: string[] = [];
  await walk(place, found.manifests, images);
  if (found.manifests.length > before) return;
  const stacks = images.filter((path) => STACK_NAME.test(path));
  found.images.push(...(stacks.length > 0 ? stacks : images));
}

async function walk(folder: string, manifests: string[], images: string[]): Promise<void> {
  let last: string | undefined;
  const folders: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    if (name.startsWith(".")) continue;
    if (isDirectory) folders.push(join(folder, name));
    else if (name.endsWith("-reference.json")) return; // made here
    else if (MANIFEST_NAME.test(name)) last = last === undefined || name > last ? name : last;
    else if (isFitsName(name) && !COMPANION_NAME.test(name)) images.push(join(folder, name));
  }
  // the stages' folders beside a manifest hold what it names
  if (last !== undefined) return void manifests.push(join(folder, last));
  for (const child of folders.sort()) await walk(child, manifests, images);
}

async function ingestImages(paths: readonly string[], options: GatherOptions): Promise<Manifest> {
  const { site, log, signal, progress, work } = options;
  const manifest = await ingest(paths, { as: "stack", site, log, signal, progress, work });
  const products: Product[] = [];
  for (const product of manifest.products) {
    const measured = product.kind === "stack" ? measuredByCards(await headerOf(product)) : {};
    products.push({ ...product, measured });
  }
  // bare files name no night but by their own dates
  return { ...manifest, night: { ...manifest.night, date: "none" }, products };
}

async function headerOf(product: Product): Promise<FitsHeader> {
  try {
    return await readHeader(product.path);
  } catch (cause) {
    if (cause instanceof GppyError) throw cause;
    throw new DataError(`Cannot read "${dirname(product.path)}"`, { cause });
  }
}

/** What an image's header says of its quality. */
function measuredByCards(header: FitsHeader): Record<string, number> {
  return Object.fromEntries(
    MEASURED_CARDS.flatMap(([key, card]) => {
      const value = header.number(card);
      return value === undefined ? [] : [[key, value]];
    }),
  );
}
