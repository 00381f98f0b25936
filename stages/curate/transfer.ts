/**
 * Brings a file to its place so that it can be cut off at any instant: the place
 * holds nothing or the whole file, and the source goes only when the place holds it.
 *
 * @module
 */

import { basename, dirname, extname, join } from "node:path";
import { DataError } from "../../config/errors.ts";
import { digestFile } from "../manifest_file.ts";

/** How a file is brought to its place. */
export type TransferMode = "link" | "copy" | "move";
/** What happens when the place holds a different file. */
export type ConflictPolicy = "version" | "fail" | "replace";

/** A file to bring to its place. */
export interface Transfer {
  readonly source: string;
  /** sha256 of the source as the manifest has it. */
  readonly sha256: string;
  readonly target: string;
  readonly mode: TransferMode;
  readonly onConflict: ConflictPolicy;
}

/** What was done. */
export interface Transferred {
  /** Where the file is now. */
  readonly path: string;
  readonly action: "linked" | "copied" | "moved" | "unchanged";
  /** 2 and up when a different file held the place. */
  readonly version: number;
  /** Whether a different file was replaced. */
  readonly replaced: boolean;
}

/**
 * Brings one file to its place. Repeating it after it was done or cut off gives
 * the same state.
 *
 * @param transfer Source, place and policy.
 * @returns Where the file is now and how it got there.
 * @throws {DataError} If the source is gone or has changed, a copy differs from
 * it, or the place is taken and the policy is to fail.
 */
export async function transferFile(transfer: Transfer): Promise<Transferred> {
  const { source, target, sha256 } = transfer;
  await Deno.mkdir(dirname(target), { recursive: true });
  for (let version = 1;; version++) {
    const place = versioned(target, version);
    const state = await stateOf(place, sha256);
    if (state === "same") {
      // A run that was cut off after the file got its name leaves the temporary one.
      await removeIfThere(partOf(place));
      if (transfer.mode === "move") await removeSource(transfer, place);
      return { path: place, action: "unchanged", version, replaced: false };
    }
    if (state === "different" && transfer.onConflict === "fail") {
      throw new DataError(`Cannot curate "${source}": "${place}" holds a different file`, {
        details: { source, target: place },
      });
    }
    if (state === "different" && transfer.onConflict === "version") continue;
    const done = await put(transfer, place, state === "different");
    // Another process took the place between the look and the link: look again.
    if (done === undefined) {
      version--;
      continue;
    }
    return { path: place, action: done, version, replaced: state === "different" };
  }
}

/**
 * The name of a version: `a.fits`, `a.v2.fits`, `a.v3.fits`…
 *
 * @param path The first version.
 * @param version From 1.
 * @returns The path.
 */
export function versioned(path: string, version: number): string {
  if (version === 1) return path;
  const extension = extname(path);
  return join(dirname(path), `${basename(path, extension)}.v${version}${extension}`);
}

function partOf(place: string): string {
  return join(dirname(place), `.${basename(place)}.part`);
}

async function stateOf(place: string, sha256: string): Promise<"absent" | "same" | "different"> {
  try {
    const info = await Deno.lstat(place);
    if (!info.isFile) return "different";
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "absent";
    throw unusable(place, error);
  }
  return (await digestFile(place)).sha256 === sha256 ? "same" : "different";
}

async function put(
  transfer: Transfer,
  place: string,
  replace: boolean,
): Promise<Transferred["action"] | undefined> {
  const { source, mode } = transfer;
  const part = partOf(place);
  await removeIfThere(part);
  try {
    const linked = mode !== "copy" && await tryLink(source, part);
    if (!linked) await copyFlushed(source, part);
    await verify(part, transfer);
    if (!await claim(part, place, replace)) return undefined;
    await flushFolder(dirname(place));
    if (mode !== "move") return linked ? "linked" : "copied";
    await removeSource(transfer, place);
    return "moved";
  } finally {
    await removeIfThere(part);
  }
}

/** False when the file systems differ or know no hard links. */
async function tryLink(source: string, part: string): Promise<boolean> {
  try {
    await Deno.link(source, part);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) throw missing(source, error);
    return false;
  }
}

async function copyFlushed(source: string, part: string): Promise<void> {
  try {
    await Deno.copyFile(source, part);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) throw missing(source, error);
    throw unusable(part, error);
  }
  using file = await Deno.open(part, { read: true, write: true });
  await file.sync();
}

/** Compares what was put with what the manifest promises: a bad copy is not kept. */
async function verify(part: string, transfer: Transfer): Promise<void> {
  const { sha256 } = await digestFile(part);
  if (sha256 === transfer.sha256) return;
  throw new DataError(
    `Cannot curate "${transfer.source}": its content is not what the manifest has`,
    { details: { source: transfer.source, expected: transfer.sha256, found: sha256 } },
  );
}

/** Gives the finished file its name; without leave to replace, only when nothing has it. */
async function claim(part: string, place: string, replace: boolean): Promise<boolean> {
  if (replace) {
    await Deno.rename(part, place);
    return true;
  }
  try {
    await Deno.link(part, place);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.AlreadyExists) return false;
  }
  // No hard links here: a look and a rename, which only another curate at this instant could cross.
  if (await exists(place)) return false;
  await Deno.rename(part, place);
  return true;
}

async function removeSource(transfer: Transfer, place: string): Promise<void> {
  const { source } = transfer;
  if (source === place || !await exists(source)) return;
  const [a, b] = [await Deno.stat(source), await Deno.stat(place)];
  const oneFile = a.ino !== null && a.ino === b.ino && a.dev === b.dev;
  // The last look before the source goes: it must be the very file that now stands in the place.
  if (!oneFile && (await digestFile(source)).sha256 !== transfer.sha256) {
    throw new DataError(`Cannot remove "${source}": it changed after it was curated`, {
      details: { source, target: place },
    });
  }
  await Deno.remove(source);
}

async function flushFolder(folder: string): Promise<void> {
  try {
    using file = await Deno.open(folder);
    await file.sync();
  } catch {
    // Some file systems do not open folders; the rename is then as durable as they make it.
  }
}

async function removeIfThere(path: string): Promise<void> {
  try {
    await Deno.remove(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw unusable(path, error);
  }
}

async function exists(path: string): Promise<boolean> {
  try {
    await Deno.lstat(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw unusable(path, error);
  }
}

function missing(source: string, cause: unknown): DataError {
  return new DataError(`Cannot curate "${source}": the file is gone`, {
    details: { source },
    cause,
  });
}

function unusable(path: string, cause: unknown): DataError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new DataError(`Cannot curate to "${path}": ${reason}`, { details: { path }, cause });
}
