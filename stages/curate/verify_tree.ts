/**
 * Checks a processed tree: index, files and manifests against each other.
 *
 * @module
 */

import { join, relative } from "node:path";
import { GppyError } from "../../config/errors.ts";
import type { Manifest, Product } from "../manifest.ts";
import { readManifest } from "../manifest_file.ts";
import { readRetired } from "../retired.ts";
import type { IndexRow } from "./obscore.ts";
import { csvOf, INDEX_FILES, TreeIndex } from "./tree_index.ts";
import {
  type ExpectedFile,
  type Problem,
  verifyFiles,
  type VerifyOptions,
  type VerifyReport,
} from "./verify_files.ts";

/** Files of SQLite beside the index while somebody writes. */
const PASSING = /^index\.sqlite-(journal|wal|shm)$/;

/**
 * Checks a processed tree: every row of the index against its file and the manifest it
 * came from, every file against the index, the CSV export against the index.
 *
 * @param tree The tree.
 * @param options How thoroughly.
 * @returns Every fault, by file.
 * @throws {DataError} If the tree has no index that can be opened.
 */
export async function verifyTree(tree: string, options: VerifyOptions): Promise<VerifyReport> {
  const { rows, problems } = readIndex(tree);
  const expected = rows.map((row) => expectedOf(tree, row));
  const report = await verifyFiles(expected, options);
  problems.push(...report.problems, ...await strangers(tree, rows));
  problems.push(...await compareCsv(tree, rows), ...await compareManifests(tree, rows));
  return { ...report, problems: sorted(problems) };
}

/**
 * Checks a manifest: every file that it lists, and that the index of the processed tree
 * knows what of it lies there.
 *
 * @param path The manifest.
 * @param tree The processed tree.
 * @param options How thoroughly.
 * @returns Every fault, by file.
 * @throws {DataError} If the manifest cannot be read.
 */
export async function verifyManifest(
  path: string,
  tree: string,
  options: VerifyOptions,
): Promise<VerifyReport> {
  const manifest = await readManifest(path);
  const retired = await readRetired(manifest.night.work);
  const expected: ExpectedFile[] = [];
  for (const product of manifest.products) {
    const { bytes, sha256 } = product;
    const entry = retired.get(product.path);
    const gone = entry?.sha256 === sha256 && !await isThere(product.path);
    // What was removed after it was curated is checked where it stands now, if it is the same.
    if (gone && entry.curatedSha256 !== sha256) continue;
    const own = !["raw", "master", "reference"].includes(product.kind);
    expected.push({ path: gone ? entry.curated : product.path, bytes, sha256, own });
  }
  const report = await verifyFiles(expected, options);
  const inTree = manifest.products.filter((product) => isInside(product.path, tree));
  const problems = [...report.problems];
  if (inTree.length > 0) {
    const { rows, problems: faults } = readIndex(tree);
    problems.push(...faults, ...missingRows(tree, inTree, rows));
  }
  return { ...report, problems: sorted(problems) };
}

function readIndex(tree: string): { rows: IndexRow[]; problems: Problem[] } {
  using index = new TreeIndex(tree, { readOnly: true });
  const path = join(tree, INDEX_FILES.database);
  const problems = index.check().map((what) => ({ path, what }));
  return { rows: index.rows(), problems };
}

function expectedOf(tree: string, row: IndexRow): ExpectedFile {
  return {
    path: join(tree, String(row.access_url)),
    bytes: Number(row.bytes),
    sha256: String(row.sha256),
    own: true,
  };
}

/** Files that the index does not know, and what a transfer that was cut off left. */
async function strangers(tree: string, rows: readonly IndexRow[]): Promise<Problem[]> {
  const known = new Set<string>([
    ...rows.map((row) => String(row.access_url)),
    ...Object.values(INDEX_FILES),
  ]);
  const problems: Problem[] = [];
  for await (const path of filesBelow(tree)) {
    const name = relative(tree, path);
    if (known.has(name) || PASSING.test(name)) continue;
    const isPart = /(^|\/)\.[^/]+\.part$/.test(name);
    const what = isPart ? "was left by a transfer that was cut off" : "is not in the index";
    problems.push({ path, what });
  }
  return problems;
}

async function compareCsv(tree: string, rows: readonly IndexRow[]): Promise<Problem[]> {
  const path = join(tree, INDEX_FILES.csv);
  try {
    if (await Deno.readTextFile(path) === csvOf(rows)) return [];
    return [{ path, what: `differs from ${INDEX_FILES.database}` }];
  } catch (error) {
    return [{ path, what: `cannot be read: ${(error as Error).message}` }];
  }
}

/** Each manifest that the index names and that is still there must agree with it. */
async function compareManifests(tree: string, rows: readonly IndexRow[]): Promise<Problem[]> {
  const problems: Problem[] = [];
  for (const path of new Set(rows.map((row) => String(row.manifest)))) {
    if (!await isThere(path)) continue; // nights need not keep their work folders
    let manifest: Manifest;
    try {
      manifest = await readManifest(path);
    } catch (error) {
      if (!(error instanceof GppyError)) throw error;
      problems.push({ path, what: error.message });
      continue;
    }
    const inTree = manifest.products.filter((product) => isInside(product.path, tree));
    problems.push(...missingRows(tree, inTree, rows));
  }
  return problems;
}

/** Products in the tree that the index does not know, or knows differently. */
function missingRows(
  tree: string,
  products: readonly Product[],
  rows: readonly IndexRow[],
): Problem[] {
  const byPath = new Map(rows.map((row) => [join(tree, String(row.access_url)), row]));
  return products.flatMap(({ path, sha256, id }) => {
    const row = byPath.get(path);
    if (row === undefined) {
      return [{ path, what: `is in the manifest as "${id}", not in the index` }];
    }
    if (row.sha256 === sha256) return [];
    return [{ path, what: "the manifest and the index promise different content" }];
  });
}

async function* filesBelow(folder: string): AsyncGenerator<string> {
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    const path = join(folder, name);
    if (isDirectory) yield* filesBelow(path);
    else yield path;
  }
}

async function isThere(path: string): Promise<boolean> {
  try {
    return (await Deno.stat(path)).isFile;
  } catch {
    return false;
  }
}

function isInside(path: string, folder: string): boolean {
  return path.startsWith(`${folder}/`);
}

function sorted(problems: readonly Problem[]): Problem[] {
  const unique = new Map(problems.map((problem) => [`${problem.path}\n${problem.what}`, problem]));
  return [...unique.values()].sort((a, b) => a.path < b.path ? -1 : a.path > b.path ? 1 : 0);
}
