/**
 * What the tests of curate share.
 *
 * @module
 */

import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadSite, type Site } from "../../config/site.ts";
import { FitsHeader } from "../../fits/header.ts";
import { writeImage } from "../../fits/image.ts";
import type { Product } from "../manifest.ts";
import { digestFile } from "../manifest_file.ts";
import { testContext } from "../testing.ts";
import { curate } from "./mod.ts";

/** Runs a test in a folder of its own with a work folder in it. */
export async function withFolder(test: (base: string) => Promise<void>): Promise<void> {
  const base = await Deno.makeTempDir({ prefix: "gppy-curate-" });
  try {
    await Deno.mkdir(join(base, "work"));
    await test(base);
  } finally {
    await Deno.remove(base, { recursive: true });
  }
}

/** The processed tree lies inside the test's folder. */
export function siteOf(base: string): Promise<Site> {
  return loadSite({ base, env: { GPPY_PATH_PROCESSED: join(base, "processed") } });
}

const COMMON = { unit: "7DT07", object: "T09614", filter: "m600" };

/** A product of a file, with its digest. */
export async function product(
  path: string,
  fields: Partial<Product> & Pick<Product, "id" | "kind">,
): Promise<Product> {
  const known = { from: [], measured: {}, gates: [], stage: "test", path };
  return { ...known, ...COMMON, ...await digestFile(path), ...fields };
}

/** Writes a frame to the work folder. */
export async function frame(base: string, name: string, pixels = 40): Promise<Product> {
  const path = join(base, "work", `${name}.fits`);
  const data = Float32Array.from({ length: pixels * pixels }, (_, i) => i % 97);
  const header = FitsHeader.from({ OBJECT: "O'Neil / 2", EXPTIME: 100.5, LONG: "x".repeat(60) });
  await writeImage(path, { width: pixels, height: pixels, data, header });
  return await product(path, { id: name, kind: "frame" });
}

/** Writes a text to the work folder. */
export async function text(base: string, name: string, content: string): Promise<string> {
  const path = join(base, "work", name);
  await Deno.writeTextFile(path, content);
  return path;
}

/** Runs curate on products. */
export async function run(
  site: Site,
  base: string,
  products: readonly Product[],
  flags: Record<string, unknown> = {},
) {
  const folder = join(base, "work");
  const { context, left } = testContext({ products, site, folder, stage: "curate" });
  const outcome = await curate.run(curate.params.parse({ headers: "native", ...flags }), context);
  return { outcome, left };
}

/** Every file below a folder. */
export async function filesBelow(folder: string): Promise<string[]> {
  const found: string[] = [];
  for await (const entry of Deno.readDir(folder)) {
    const path = join(folder, entry.name);
    if (entry.isDirectory) found.push(...await filesBelow(path));
    else found.push(path);
  }
  return found.sort();
}

/** Whether a folder lies on another file system than temporary files. */
export function isOtherFileSystem(folder: string): boolean {
  try {
    return Deno.statSync(folder).dev !== Deno.statSync(tmpdir()).dev;
  } catch {
    return false;
  }
}
