/**
 * Checks of single files: there, as long and with the digest that was promised, whole FITS
 * with right checksums, and to the standard.
 *
 * @module
 */

import { GppyError } from "../../config/errors.ts";
import { FITSVERIFY, runFitsverify } from "../../external/fitsverify.ts";
import type { ToolSet } from "../../external/run_tool.ts";
import { verifyChecksums } from "../../fits/checksum.ts";
import { scanFits } from "../../fits/file.ts";
import { isFitsName } from "../../fits/names.ts";
import { digestFile } from "../manifest_file.ts";
import type { Progress } from "../stage.ts";

/** What is wrong with a file. */
export interface Problem {
  /** The file, absolute. */
  readonly path: string;
  /** For the reader. */
  readonly what: string;
}

/** What came of a check. */
export interface VerifyReport {
  /** Files that were looked at. */
  readonly files: number;
  readonly bytes: number;
  readonly problems: readonly Problem[];
}

/** What a file should be. */
export interface ExpectedFile {
  readonly path: string;
  readonly bytes: number;
  readonly sha256: string;
  /** Made by gppy, so that checksums and the standard are asked for too. */
  readonly own: boolean;
}

/** How thorough a check is. */
export interface VerifyOptions {
  /** Looks at sizes and structure alone, and reads no pixels. */
  readonly quick: boolean;
  readonly tools: ToolSet;
  readonly signal: AbortSignal;
  readonly progress: Progress;
}

/**
 * Checks files; one that several ask for is read once.
 *
 * @param expected What they should be.
 * @param options How thoroughly.
 * @returns Every fault of every file.
 */
export async function verifyFiles(
  expected: readonly ExpectedFile[],
  options: VerifyOptions,
): Promise<VerifyReport> {
  const byPath = new Map(expected.map((file) => [file.path, file]));
  const problems = contradictions(expected, byPath);
  const standard: string[] = [];
  let [done, bytes] = [0, 0];
  for (const file of byPath.values()) {
    options.signal.throwIfAborted();
    options.progress(done++, byPath.size, file.path);
    const found = await faultsOf(file, options.quick);
    problems.push(...found.map((what) => ({ path: file.path, what })));
    bytes += file.bytes;
    if (found.length === 0 && file.own && isFitsName(file.path)) standard.push(file.path);
  }
  if (!options.quick && standard.length > 0 && await options.tools.has(FITSVERIFY)) {
    for (const [path, errors] of await runFitsverify(options.tools, standard)) {
      problems.push({ path, what: `fitsverify: ${errors}` });
    }
  }
  return { files: byPath.size, bytes, problems };
}

/** Two promises about one file that cannot both hold. */
function contradictions(
  expected: readonly ExpectedFile[],
  byPath: ReadonlyMap<string, ExpectedFile>,
): Problem[] {
  return expected.filter(({ path, sha256 }) => byPath.get(path)?.sha256 !== sha256)
    .map(({ path }) => ({ path, what: "two entries promise different content" }));
}

async function faultsOf(file: ExpectedFile, quick: boolean): Promise<string[]> {
  let size: number;
  try {
    const info = await Deno.stat(file.path);
    if (!info.isFile) return ["is no file"];
    size = info.size;
  } catch (error) {
    return [error instanceof Deno.errors.NotFound ? "is gone" : (error as Error).message];
  }
  if (size !== file.bytes) return [`has ${size} bytes instead of ${file.bytes}`];
  const faults = quick ? [] : await digestFaults(file);
  return isFitsName(file.path) ? [...faults, ...await fitsFaults(file, quick)] : faults;
}

async function digestFaults({ path, sha256 }: ExpectedFile): Promise<string[]> {
  try {
    const found = await digestFile(path);
    return found.sha256 === sha256
      ? []
      : [`has the digest ${found.sha256.slice(0, 12)}… instead of ${sha256.slice(0, 12)}…`];
  } catch (error) {
    return [`cannot be read: ${(error as Error).message}`];
  }
}

async function fitsFaults({ path, own }: ExpectedFile, quick: boolean): Promise<string[]> {
  try {
    if (quick) {
      await scanFits(path);
      return [];
    }
    const units = await verifyChecksums(path);
    return units.flatMap(({ hdu, checksum, datasum }) => [
      ...(datasum === false ? [`unit ${hdu}: DATASUM is wrong`] : []),
      ...(checksum === false ? [`unit ${hdu}: CHECKSUM is wrong`] : []),
      ...(own && checksum === null ? [`unit ${hdu}: has no CHECKSUM`] : []),
    ]);
  } catch (error) {
    if (!(error instanceof GppyError)) throw error;
    return [error.message];
  }
}
