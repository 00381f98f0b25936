/**
 * Manifests on disk and on a pipe: validated when read, written beside and renamed.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { basename, dirname, isAbsolute, join, relative, resolve } from "node:path";
import * as z from "zod";
import { absolutePath } from "../config/absolute_path.ts";
import { DataError } from "../config/errors.ts";
import { reasonOf } from "../config/reason.ts";
import { sha256 } from "../config/sha256.ts";
import { type Manifest, MANIFEST_VERSION, manifestSchema } from "./manifest.ts";

/**
 * Reads a manifest from its text.
 *
 * @param text JSON.
 * @param options `where` names the source in messages; relative paths start at `folder`.
 * @returns The manifest, all paths absolute.
 * @throws {DataError} If the text is no JSON, of another version, or a field is wrong.
 */
export function parseManifest(
  text: string,
  options: { readonly where: string; readonly folder: string },
): Manifest {
  const { where, folder } = options;
  const value = parseJson(text, where);
  const version = (value as { gppyManifest?: unknown } | null)?.gppyManifest;
  if (version !== MANIFEST_VERSION) {
    throw new DataError(
      `Cannot read manifest "${where}": gppyManifest is ${JSON.stringify(version) ?? "absent"}, ` +
        `this program reads ${MANIFEST_VERSION}`,
      { details: { file: where } },
    );
  }
  const parsed = manifestSchema.safeParse(value);
  if (!parsed.success) {
    throw new DataError(`Cannot read manifest "${where}": ${z.prettifyError(parsed.error)}`, {
      details: { file: where },
    });
  }
  return mapPaths(parsed.data, (path) => resolve(folder, path));
}

/**
 * Reads a manifest file.
 *
 * @param path The file.
 * @returns The manifest, all paths absolute.
 * @throws {DataError} If it cannot be read or is not a manifest.
 */
export async function readManifest(path: string): Promise<Manifest> {
  let text: string;
  try {
    text = await Deno.readTextFile(path);
  } catch (cause) {
    throw new DataError(`Cannot read manifest "${path}": ${reasonOf(cause)}`, {
      cause,
      details: { file: path },
    });
  }
  return parseManifest(text, { where: path, folder: dirname(absolutePath(path)) });
}

/**
 * Encodes a manifest as JSON, the keys in the order of the schema.
 *
 * @param manifest Absolute paths.
 * @param folder Where the manifest will stand; paths become relative to it. `null` keeps them absolute.
 * @returns The text, ending in a newline.
 */
export function encodeManifest(manifest: Manifest, folder: string | null): string {
  const placed = folder === null
    ? manifest
    : mapPaths(manifest, (path) => isAbsolute(path) ? relative(folder, path) || "." : path);
  return JSON.stringify(manifestSchema.parse(placed), null, 2) + "\n";
}

/**
 * Writes a manifest: to a temporary name, flushed, renamed. Its presence is the commit.
 *
 * @param path The file; its folder is made if needed.
 * @param manifest Absolute paths.
 * @throws {DataError} If the folder cannot be written to.
 */
export async function writeManifest(path: string, manifest: Manifest): Promise<void> {
  const target = absolutePath(path);
  const folder = dirname(target);
  const part = join(folder, `.${basename(target)}.part`);
  try {
    await Deno.mkdir(folder, { recursive: true });
    {
      using file = await Deno.open(part, { write: true, create: true, truncate: true });
      const bytes = new TextEncoder().encode(encodeManifest(manifest, folder));
      for (let at = 0; at < bytes.length;) at += await file.write(bytes.subarray(at));
      await file.sync();
    }
    await Deno.rename(part, target);
  } catch (cause) {
    throw new DataError(`Cannot write manifest "${path}": ${reasonOf(cause)}`, {
      cause,
      details: { file: path },
    });
  }
}

/** Size in bytes and SHA-256 in hexadecimal digits. */
export interface FileDigest {
  /** Size of the file. */
  readonly bytes: number;
  /** In hexadecimal digits. */
  readonly sha256: string;
}

/**
 * Digest of a file, read in pieces of 4 MiB.
 *
 * @param path The file.
 * @returns Size in bytes and SHA-256 in hexadecimal digits.
 */
export async function digestFile(path: string): Promise<FileDigest> {
  const hash = createHash("sha256");
  using file = await Deno.open(path);
  const length = Math.min(4 << 20, (await file.stat()).size + 1);
  let [buffer, other] = [new Uint8Array(length), new Uint8Array(length)];
  let bytes = 0;
  for (let n = await file.read(buffer); n !== null;) {
    const next = file.read(other); // while this is added up
    hash.update(buffer.subarray(0, n));
    bytes += n;
    n = await next;
    [buffer, other] = [other, buffer];
  }
  return { bytes, sha256: hash.digest("hex") };
}

/**
 * Digest of a value: SHA-256 of its JSON text.
 *
 * @param value Anything JSON can hold; the order of keys counts.
 * @returns Hexadecimal digits.
 */
export async function digestValue(value: unknown): Promise<string> {
  return await sha256(JSON.stringify(value));
}

function parseJson(text: string, where: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    const state = text.trim() === "" ? "it is empty" : (cause as Error).message;
    throw new DataError(`Cannot read manifest "${where}": ${state}`, {
      cause,
      details: { file: where },
    });
  }
}

function mapPaths(manifest: Manifest, map: (path: string) => string): Manifest {
  return {
    ...manifest,
    night: {
      ...manifest.night,
      source: map(manifest.night.source),
      work: map(manifest.night.work),
    },
    products: manifest.products.map((product) => ({ ...product, path: map(product.path) })),
    left: manifest.left.map((left) =>
      left.path === undefined ? left : { ...left, path: map(left.path) }
    ),
  };
}
