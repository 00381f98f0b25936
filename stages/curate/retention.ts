/**
 * What of a night's work folder may go once its products stand in the processed tree.
 *
 * A file goes only if a manifest of the night lists it, it is what the manifest says, it is
 * neither raw nor a master, and the curated form of its product has just been read and has
 * the digest of the manifest. Whatever else lies in the folder stays.
 *
 * @module
 */

import { join, sep } from "node:path";
import { DataError } from "../../config/errors.ts";
import type { Manifest, Product, ProductKind } from "../manifest.ts";
import { digestFile, readManifest } from "../manifest_file.ts";
import { addRetired } from "../retired.ts";

/** A file that may go. */
export interface Removable {
  readonly product: Product;
  /** The curated form of its product. */
  readonly curated: Product;
}

/** A file that stays, and why. */
export interface Kept {
  readonly path: string;
  readonly reason: string;
}

/** What would go and what would stay. */
export interface RetentionPlan {
  readonly removable: readonly Removable[];
  readonly kept: readonly Kept[];
}

/** Kinds that no rule touches. */
const UNTOUCHED: readonly ProductKind[] = ["raw", "master", "reference"];

/**
 * Finds what may go; changes nothing.
 *
 * @param work The night's work folder.
 * @param curated The products in the processed tree.
 * @param signal Ends the search.
 * @returns What would go and what would stay.
 * @throws {DataError} If a manifest of the night cannot be read.
 */
export async function planRetention(
  work: string,
  curated: readonly Product[],
  signal: AbortSignal,
): Promise<RetentionPlan> {
  const places = new Map(
    curated.filter(({ path }) => !isInside(path, work)).map((product) => [product.id, product]),
  );
  const digests = new Map<string, string | undefined>();
  const removable: Removable[] = [];
  const kept: Kept[] = [];
  for (const [path, listed] of await listIntermediates(work)) {
    signal.throwIfAborted();
    if (!await isPlainFile(path)) continue; // gone before, or a link that somebody made
    const id = listed[0]?.id ?? "";
    const place = places.get(id);
    const reason = place === undefined
      ? "its product is not in the processed tree"
      : await mismatch(path, listed, place, digests);
    if (typeof reason === "string") kept.push({ path, reason });
    else if (place !== undefined) removable.push({ product: reason, curated: place });
  }
  return { removable, kept };
}

/**
 * Removes what a plan says: first the list of removed files is written, then they go.
 *
 * @param work The night's work folder.
 * @param plan What goes.
 * @returns How many files went, and their bytes.
 * @throws {DataError} If the list cannot be written or a file cannot be removed.
 */
export async function applyRetention(
  work: string,
  plan: RetentionPlan,
): Promise<{ files: number; bytes: number }> {
  const { removable } = plan;
  if (removable.length === 0) return { files: 0, bytes: 0 };
  const when = new Date().toISOString();
  await addRetired(
    work,
    removable.map(({ product: { path, id, bytes, sha256 }, curated }) => ({
      path,
      id,
      bytes,
      sha256,
      curated: curated.path,
      curatedSha256: curated.sha256,
      when,
    })),
  );
  for (const { product: { path } } of removable) {
    try {
      await Deno.remove(path);
    } catch (cause) {
      if (cause instanceof Deno.errors.NotFound) continue;
      throw new DataError(`Cannot remove "${path}": ${(cause as Error).message}`, {
        cause,
        details: { file: path },
      });
    }
  }
  return { files: removable.length, bytes: bytesOf(plan) };
}

/** The bytes of what a plan removes; files that share their blocks with the tree count too. */
export function bytesOf({ removable }: RetentionPlan): number {
  return removable.reduce((sum, { product }) => sum + product.bytes, 0);
}

/**
 * The manifests of a night in order of the stages.
 *
 * @param work The night's work folder.
 * @returns Paths.
 */
export async function manifestsOf(work: string): Promise<string[]> {
  const names: string[] = [];
  for await (const { name, isFile } of Deno.readDir(work)) {
    if (isFile && /^\d+-[a-z]+\.json$/.test(name)) names.push(name);
  }
  return names.sort((a, b) => parseInt(a) - parseInt(b)).map((name) => join(work, name));
}

/** Every file in the work folder that a manifest lists, with all that manifests say of it. */
async function listIntermediates(work: string): Promise<Map<string, Product[]>> {
  const listed = new Map<string, Product[]>();
  for (const manifest of await manifestsOf(work)) {
    for (const product of (await readManifest(manifest)).products) {
      if (UNTOUCHED.includes(product.kind) || !isInside(product.path, work)) continue;
      listed.set(product.path, [...listed.get(product.path) ?? [], product]);
    }
  }
  return listed;
}

/** Why a file must stay, or the entry of the manifest that it is. */
async function mismatch(
  path: string,
  listed: readonly Product[],
  place: Product,
  digests: Map<string, string | undefined>,
): Promise<string | Product> {
  if (listed.some(({ id }) => id !== place.id)) return "two products have its name";
  if (!digests.has(place.path)) digests.set(place.path, await digestOrNone(place.path));
  const found = digests.get(place.path);
  if (found === undefined) return `its product is gone from "${place.path}"`;
  if (found !== place.sha256) return `"${place.path}" is not what the manifest says`;
  const own = await isOneFile(path, place.path) ? found : await digestOrNone(path);
  return listed.find(({ sha256 }) => sha256 === own) ?? "it is not what the manifest says";
}

/**
 * The night of a work folder as its last `curate` left it; undefined if there was none. It ended when
 * the last of its manifests was written, which is later than `curate` while the night is run again.
 */
export async function curatedNight(
  work: string,
): Promise<{ readonly manifest: Manifest; readonly endedMs: number } | undefined> {
  const manifests = await manifestsOf(work);
  const path = manifests.findLast((name) => name.endsWith("-curate.json"));
  if (path === undefined) return undefined;
  const manifest = await readManifest(path);
  const record = manifest.stages.at(-1);
  if (manifest.night.work !== work || record === undefined) return undefined;
  let endedMs = Date.parse(record.started) + record.elapsedS * 1000;
  for (const each of manifests) {
    endedMs = Math.max(endedMs, (await Deno.stat(each)).mtime?.getTime() ?? 0);
  }
  return { manifest, endedMs };
}

async function digestOrNone(path: string): Promise<string | undefined> {
  try {
    return (await digestFile(path)).sha256;
  } catch {
    return undefined; // what cannot be read is not verified
  }
}

async function isOneFile(a: string, b: string): Promise<boolean> {
  const [one, two] = await Promise.all([Deno.stat(a), Deno.stat(b)]);
  return one.ino !== null && one.ino === two.ino && one.dev === two.dev;
}

async function isPlainFile(path: string): Promise<boolean> {
  try {
    return (await Deno.lstat(path)).isFile;
  } catch {
    return false;
  }
}

/** Whether a path lies in a folder, `..` resolved; paths of a manifest are absolute. */
function isInside(path: string, folder: string): boolean {
  return path.startsWith(folder.endsWith(sep) ? folder : folder + sep);
}
