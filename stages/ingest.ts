/**
 * Makes the first manifest of a night from a folder of frames, or from bare files.
 *
 * @module
 */

import { basename, dirname, join, resolve } from "node:path";
import type { Logger } from "@logtape/logtape";
import { DataError, GppyError } from "../config/errors.ts";
import { reasonOf } from "../config/reason.ts";
import type { Site } from "../config/site.ts";
import { readHeader, scanFits } from "../fits/file.ts";
import { bareName, companionBeside, isFitsName, withoutPackedCopies } from "../fits/names.ts";
import { type FrameInfo, readFrameInfo } from "../sky/frame_info.ts";
import { type Left, type Manifest, MANIFEST_VERSION, type Product } from "./manifest.ts";
import { digestFile } from "./manifest_file.ts";
import type { Progress, StageDeclaration } from "./stage.ts";

const COMPANION_NAME = /\.(mask|weight)\.fits(\.fz)?$/i;

/** What is known besides the files. */
export interface IngestOptions {
  /** What the frames are taken as. */
  readonly as: StageDeclaration["ingestAs"];
  /** Knows the telescopes and the corrections of headers. */
  readonly site: Site;
  /** Told of frames that are left behind. */
  readonly log: Logger;
  /** Told how many frames were read. */
  readonly progress: Progress;
  /** Ends the reading when aborted. */
  readonly signal: AbortSignal;
  /** Code of the telescope; read from the path or the cards if left out. */
  readonly unit?: string | undefined;
  /** Where the stages work; `<base>/work/<unit>/<folder>` if left out. */
  readonly work?: string | undefined;
}

/**
 * Lists the frames below folders, or given one by one, and reads their cards.
 *
 * A frame that cannot be read is recorded as left behind; the others go on.
 *
 * @param paths Folders and FITS files.
 * @param options What the frames are taken as, and the site.
 * @returns A manifest without stages.
 * @throws {DataError} If a path does not exist or there is no FITS file at all.
 */
export async function ingest(
  paths: readonly string[],
  options: IngestOptions,
): Promise<Manifest> {
  const files = withoutPackedCopies(inOrder((await Promise.all(paths.map(listFits))).flat()));
  const source = resolve(paths[0] ?? ".");
  if (files.length === 0) {
    throw new DataError(`Cannot read a night from "${source}": there is no FITS file in it`, {
      details: { folder: source },
    });
  }
  const products: Product[] = [];
  const left: Left[] = [];
  const seen = new Map<string, string>();
  for (const [index, file] of files.entries()) {
    options.signal.throwIfAborted();
    options.progress(index, files.length, basename(file));
    try {
      products.push(...await ingestOne(file, options, seen));
    } catch (error) {
      if (!(error instanceof GppyError)) throw error;
      const entry = leftEntry(file, error);
      options.log.warn("{id} left behind: {message}", { id: entry.id, message: error.message });
      left.push(entry);
    }
  }
  options.progress(files.length, files.length, "frames read");
  return {
    gppyManifest: MANIFEST_VERSION,
    night: describeNight(source, products, options),
    products,
    left,
    stages: [],
  };
}

/** Each file once; the nearer ones first, for of two with one name the first is taken. */
function inOrder(files: readonly string[]): string[] {
  const depth = (file: string) => file.split("/").length;
  return [...new Set(files)].sort((a, b) => depth(a) - depth(b) || (a < b ? -1 : 1));
}

async function listFits(path: string): Promise<string[]> {
  const full = resolve(path);
  const info = await Deno.stat(full).catch((cause) => {
    throw new DataError(`Cannot read "${path}": ${reasonOf(cause)}`, { cause });
  });
  if (info.isFile) return [full];
  const found: string[] = [];
  for await (const entry of Deno.readDir(full)) {
    if (entry.name.startsWith(".")) continue;
    const child = join(full, entry.name);
    if (entry.isDirectory) found.push(...await listFits(child));
    else if (isFitsName(entry.name) && !COMPANION_NAME.test(entry.name)) found.push(child);
  }
  return found;
}

async function ingestOne(
  file: string,
  options: IngestOptions,
  seen: Map<string, string>,
): Promise<Product[]> {
  const id = bareName(file);
  const other = seen.get(id);
  if (other !== undefined) {
    throw new DataError(`Cannot take "${file}": "${other}" has the same name`, {
      details: { file, other },
    });
  }
  const units = await scanFits(file);
  const primary = units[0]!.header;
  const own = await readHeader(file);
  const unit = options.unit ?? unitOfPath(file, options.site);
  const main = primary.has("DATE-OBS") ? primary : own; // of several images the first header
  const info = readFrameInfo(main, options.site.headerRules, {
    path: file,
    extension: own,
    ...(unit === undefined ? {} : { unit }),
  });
  if (options.as !== "raw" && info.imageType !== undefined && info.imageType !== "light") {
    throw new DataError(`Cannot take "${file}" as a ${options.as}: it is a ${info.imageType}`, {
      details: { file, imageType: info.imageType },
    });
  }
  seen.set(id, file);
  const image = await toProduct(file, id, info, options);
  return [image, ...await findCompanions(file, image)];
}

async function toProduct(
  file: string,
  id: string,
  info: FrameInfo,
  options: IngestOptions,
): Promise<Product> {
  const optional = {
    imageType: info.imageType,
    unit: options.unit ?? fileSafe(info.unit),
    object: info.object,
    filter: info.filter,
    exposureS: info.exposureS,
    dateObs: info.dateObs,
    mjd: info.mjd,
    gain: info.gain,
    binning: info.binning,
    temperatureC: info.temperatureC,
    width: info.width,
    height: info.height,
  };
  const known = Object.fromEntries(
    Object.entries(optional).filter(([, value]) => value !== undefined),
  ) as Partial<Product>;
  return {
    ...known,
    id,
    kind: options.as,
    path: file,
    ...await digestFile(file),
    stage: "ingest",
    from: [],
    measured: {},
    gates: [],
  };
}

async function findCompanions(file: string, image: Product): Promise<Product[]> {
  if (image.kind === "raw") return [];
  const companions: Product[] = [];
  for (const kind of ["mask", "weight"] as const) {
    const path = await companionBeside(file, kind);
    if (path === undefined) continue;
    companions.push({
      id: `${image.id}.${kind}`,
      kind,
      path,
      ...await digestFile(path),
      stage: "ingest",
      of: image.id,
      from: [],
      measured: {},
      gates: [],
    });
  }
  return companions;
}

/** A telescope's name from the cards becomes part of file names. */
function fileSafe(name: string | undefined): string | undefined {
  return name?.replace(/[^\w.+-]+/g, "_");
}

function unitOfPath(file: string, site: Site): string | undefined {
  return file.split("/").reverse().find((part) => site.units.has(part));
}

function leftEntry(file: string, error: GppyError): Left {
  const id = bareName(file);
  return {
    id,
    stage: "ingest",
    path: file,
    error: error.name,
    message: error.message,
    details: { ...error.details },
    retryable: error.retryable,
    products: [],
  };
}

function describeNight(
  source: string,
  products: readonly Product[],
  options: IngestOptions,
): Manifest["night"] {
  const unit = options.unit ?? unitOfPath(source, options.site) ??
    products.find((product) => product.unit !== undefined)?.unit ?? "none";
  const folder = isFitsName(source) ? basename(dirname(source)) : basename(source);
  const date = /\d{4}-\d{2}-\d{2}/.exec(folder)?.[0] ??
    products.map((product) => product.dateObs).filter((text) => text !== undefined).sort()[0]
      ?.slice(0, 10) ??
    "none";
  const work = resolve(options.work ?? join(options.site.paths.work, unit, folder));
  return { unit, date, source, work };
}
