/**
 * Intermediate files that were removed because their products stand in the processed tree.
 *
 * The list `retired.json` in the work folder of a night is written before a file goes, so
 * that stages that are done stay done without it.
 *
 * @module
 */

import { join, relative, resolve } from "node:path";
import * as z from "zod";
import { DataError } from "../config/errors.ts";
import type { Manifest, Product } from "./manifest.ts";

/** A file that was removed. */
export interface RetiredFile {
  /** Where it was, absolute. */
  readonly path: string;
  /** Its product. */
  readonly id: string;
  readonly bytes: number;
  readonly sha256: string;
  /** Where the product's last form stands, absolute. */
  readonly curated: string;
  /** Digest of that. */
  readonly curatedSha256: string;
  /** When it was removed, UTC. */
  readonly when: string;
}

const schema = z.object({
  retired: z.array(z.object({
    path: z.string(),
    id: z.string(),
    bytes: z.int(),
    sha256: z.string(),
    curated: z.string(),
    curatedSha256: z.string(),
    when: z.string(),
  })),
});

/**
 * Reads the list of a night.
 *
 * @param work The night's work folder.
 * @returns By path; empty if nothing was removed.
 * @throws {DataError} If the list is damaged.
 */
export async function readRetired(work: string): Promise<Map<string, RetiredFile>> {
  const file = join(work, "retired.json");
  let text: string;
  try {
    text = await Deno.readTextFile(file);
  } catch (error) {
    const absent = [Deno.errors.NotFound, Deno.errors.NotADirectory];
    if (absent.some((kind) => error instanceof kind)) return new Map();
    throw new DataError(`Cannot read "${file}": ${(error as Error).message}`, { cause: error });
  }
  const parsed = schema.safeParse(parseJson(text));
  if (!parsed.success) {
    throw new DataError(`Cannot read "${file}": it is no list of removed files`, {
      details: { file },
    });
  }
  return new Map(parsed.data.retired.map((entry) => {
    const path = resolve(work, entry.path);
    return [path, { ...entry, path, curated: resolve(work, entry.curated) }];
  }));
}

/**
 * Adds files to the list, before they are removed.
 *
 * @param work The night's work folder.
 * @param files Absolute paths.
 * @throws {DataError} If the list cannot be written.
 */
export async function addRetired(work: string, files: readonly RetiredFile[]): Promise<void> {
  const all = await readRetired(work);
  for (const file of files) all.set(file.path, file);
  const retired = [...all.values()].map((file) => ({
    ...file,
    path: relative(work, file.path),
    curated: relative(work, file.curated),
  }));
  const part = join(work, ".retired.json.part");
  try {
    await Deno.writeTextFile(part, JSON.stringify({ retired }, null, 1) + "\n");
    {
      using file = await Deno.open(part, { read: true, write: true });
      await file.sync();
    }
    await Deno.rename(part, join(work, "retired.json"));
  } catch (cause) {
    throw new DataError(`Cannot write "${part}": ${(cause as Error).message}`, { cause });
  }
}

/**
 * Sends those who look for a removed file to the same file in the processed tree.
 *
 * @param manifest Where the night stands.
 * @returns The manifest; products whose file was removed and whose curated form is the same
 * have that path, others are as they were.
 */
export async function findRetired(manifest: Manifest): Promise<Manifest> {
  const retired = await readRetired(manifest.night.work);
  if (retired.size === 0) return manifest;
  const find = async (product: Product): Promise<Product> => {
    const entry = retired.get(product.path);
    if (entry === undefined || entry.curatedSha256 !== product.sha256) return product;
    return await isThere(product.path) ? product : { ...product, path: entry.curated };
  };
  return { ...manifest, products: await Promise.all(manifest.products.map(find)) };
}

/**
 * Refuses to run a stage whose inputs were removed: it would leave the whole night behind.
 *
 * @param stage Name of the stage.
 * @param work The night's work folder.
 * @param inputs What it would take.
 * @throws {DataError} If a removed file is among them that stands nowhere else.
 */
export async function requireInputs(
  stage: string,
  work: string,
  inputs: readonly Product[],
): Promise<void> {
  const retired = await readRetired(work);
  const gone: Product[] = [];
  for (const product of inputs) {
    if (retired.has(product.path) && !await isThere(product.path)) gone.push(product);
  }
  const first = gone[0];
  if (first === undefined) return;
  throw new DataError(
    `Cannot run ${stage}: "${first.path}" was removed after curate` +
      `${gone.length > 1 ? `, and ${gone.length - 1} more` : ""}; ` +
      "run the night again from calib with --force",
    { details: { stage, file: first.path, files: gone.length } },
  );
}

async function isThere(path: string): Promise<boolean> {
  try {
    return (await Deno.stat(path)).isFile;
  } catch {
    return false;
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
