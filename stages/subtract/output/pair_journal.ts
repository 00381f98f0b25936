/**
 * Which pairs of an unfinished run are done, so that the next run goes on behind them.
 *
 * @module
 */

import { join } from "node:path";
import * as z from "zod";
import type { NewProduct } from "../../stage.ts";

/** What came of one pair. */
export interface DonePair {
  readonly products: readonly NewProduct[];
  readonly engine: string;
  readonly pull: number | null;
  readonly failed: boolean;
  /** Whether all was made that was asked for. */
  readonly complete: boolean;
}

const ENDING = ".pair.json";

const schema = z.object({
  /** Of all that the pair depends on. */
  digest: z.string(),
  done: z.object({
    products: z.array(z.looseObject({ id: z.string(), kind: z.string(), path: z.string() })),
    engine: z.string(),
    pull: z.number().nullable(),
    failed: z.boolean(),
    complete: z.literal(true),
  }),
  /** Bytes of each product. */
  bytes: z.array(z.int()),
});

/**
 * Finds what an interrupted run has made of a pair.
 *
 * @param folder The stage's folder.
 * @param id The science frame's.
 * @param digest Of all that the pair depends on.
 * @returns It, if it was made from the same and all files are there.
 */
export async function recallPair(
  folder: string,
  id: string,
  digest: string,
): Promise<DonePair | undefined> {
  let text: string;
  try {
    text = await Deno.readTextFile(pathOf(folder, id));
  } catch {
    return undefined;
  }
  const record = schema.safeParse(parsed(text)).data;
  if (record?.digest !== digest) return undefined;
  const there = await sizesOf(record.done.products);
  if (there.some((bytes, i) => bytes !== record.bytes[i])) return undefined;
  return record.done as DonePair;
}

/**
 * Notes that a pair is done.
 *
 * @param folder The stage's folder.
 * @param id The science frame's.
 * @param digest Of all that the pair depends on.
 * @param done What came of it.
 */
export async function recordPair(
  folder: string,
  id: string,
  digest: string,
  done: DonePair,
): Promise<void> {
  const path = pathOf(folder, id);
  const bytes = await sizesOf(done.products);
  await Deno.writeTextFile(`${path}.part`, JSON.stringify({ digest, done, bytes }));
  await Deno.rename(`${path}.part`, path);
}

/** Removes all notes of a folder: the manifest knows the products now. */
export async function forgetPairs(folder: string): Promise<void> {
  for await (const { name } of Deno.readDir(folder)) {
    if (name.startsWith(".") && name.endsWith(ENDING)) await Deno.remove(join(folder, name));
  }
}

function pathOf(folder: string, id: string): string {
  return join(folder, `.${id}${ENDING}`);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // half written by a process that was killed
  }
}

function sizesOf(products: readonly { readonly path: string }[]): Promise<number[]> {
  return Promise.all(products.map(async ({ path }) => {
    const info = await Deno.stat(path).catch(() => undefined);
    return info?.size ?? -1;
  }));
}
