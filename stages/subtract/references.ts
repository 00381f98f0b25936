/**
 * Which reference an object and filter are compared with.
 *
 * @module
 */

import { join } from "node:path";
import { DataError } from "../../config/errors.ts";
import { readHeader } from "../../fits/file.ts";
import type { FitsHeader } from "../../fits/header.ts";

/** A reference that was chosen. */
export interface ChosenReference {
  readonly path: string;
  readonly header: FitsHeader;
  /** Its mask, when one lies beside it. */
  readonly maskPath: string | undefined;
  /** Why this one, in words. */
  readonly why: string;
}

/** What a reference is wanted for. */
export interface ReferenceWanted {
  readonly object: string;
  readonly filter: string;
  /** The filter as the frame's own header spells it, when that differs. */
  readonly filterCard?: string;
  /** The folder of all references, which has one folder a filter. */
  readonly folder: string;
  /** Takes this file and looks no further. */
  readonly file?: string;
}

/** Surveys in order of preference: the telescope's own references match its filters and optics. */
const SURVEYS = ["7DT", "PS1"] as const;

/**
 * Finds the reference of an object in a filter: `ref_7DT_<object>_…` before
 * `ref_PS1_<object>_…`; among several of one survey the deepest by its cards,
 * then the last by name.
 *
 * @param wanted Object, filter and where to look.
 * @returns The reference.
 * @throws {DataError} If there is none; it names the folder that was searched.
 */
export async function findReference(wanted: ReferenceWanted): Promise<ChosenReference> {
  if (wanted.file !== undefined) return await open(wanted.file, wanted, "given by --reference");
  const folder = join(wanted.folder, wanted.filter);
  const names = await fitsNames(folder);
  for (const survey of SURVEYS) {
    const fitting = names.filter((name) => isOf(name, survey, wanted));
    if (fitting.length === 0) continue;
    const only = survey === "7DT" ? "the telescope's own" : "no 7DT reference there";
    if (fitting.length === 1) return await open(join(folder, fitting[0]!), wanted, only);
    const deepest = await chooseDeepest(fitting.map((name) => join(folder, name)));
    return await open(deepest.path, wanted, `${only}; ${deepest.why} of ${fitting.length}`);
  }
  throw new DataError(
    `Cannot subtract "${wanted.object}" in ${wanted.filter}: no reference ` +
      `"ref_7DT_${wanted.object}_*.fits" or "ref_PS1_${wanted.object}_*.fits" in "${folder}"`,
    { details: { folder, object: wanted.object, filter: wanted.filter } },
  );
}

async function fitsNames(folder: string): Promise<string[]> {
  try {
    const names: string[] = [];
    for await (const entry of Deno.readDir(folder)) {
      const companion = /\.(mask|weight)\.fits$/.test(entry.name);
      if (entry.name.endsWith(".fits") && !entry.name.startsWith(".") && !companion) {
        names.push(entry.name);
      }
    }
    return names.sort();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw new DataError(`Cannot list references in "${folder}": ${String(error)}`, {
      details: { folder },
      cause: error,
    });
  }
}

/** The object must be followed by the filter or the end, or `M31` would take those of `M31_A`. */
function isOf(name: string, survey: string, wanted: ReferenceWanted): boolean {
  const start = `ref_${survey}_${wanted.object}`;
  if (!name.startsWith(start)) return false;
  const rest = name.slice(start.length, -".fits".length);
  return rest === "" || rest === `_${wanted.filter}` || rest.startsWith(`_${wanted.filter}_`) ||
    /^_\d{8}/.test(rest);
}

async function chooseDeepest(paths: readonly string[]): Promise<{ path: string; why: string }> {
  const known: { path: string; depth: number | undefined }[] = [];
  for (const path of paths) {
    known.push({ path, depth: depthOf(await readHeader(path)) });
  }
  const measured = known.filter((one) => one.depth !== undefined);
  if (measured.length < known.length) return { path: known.at(-1)!.path, why: "the last by name" };
  measured.sort((a, b) => b.depth! - a.depth!);
  const { path, depth } = measured[0]!;
  return { path, why: `the deepest, 5 sigma at ${depth!.toFixed(2)} mag,` };
}

function depthOf(header: FitsHeader): number | undefined {
  return header.number("UL5_1") ?? header.number("UL5_AUTO") ?? header.number("DEPTH");
}

async function open(path: string, wanted: ReferenceWanted, why: string): Promise<ChosenReference> {
  const header = await readHeader(path);
  const filter = header.text("FILTER")?.trim();
  const accepted = [wanted.filter, wanted.filterCard?.trim()];
  if (filter !== undefined && !accepted.includes(filter)) {
    throw new DataError(
      `Cannot subtract "${path}": its FILTER is "${filter}", the frame's "${wanted.filter}"`,
      { details: { file: path, filter, wanted: wanted.filter } },
    );
  }
  const maskPath = path.replace(/\.fits$/, ".mask.fits");
  return { path, header, why, maskPath: await exists(maskPath) ? maskPath : undefined };
}

async function exists(path: string): Promise<boolean> {
  try {
    return (await Deno.stat(path)).isFile;
  } catch {
    return false;
  }
}
