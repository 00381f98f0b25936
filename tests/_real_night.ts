/**
 * Real nights through the command line: what the tests of them share.
 *
 * @module
 */

import assert from "node:assert/strict";
import { join } from "node:path";
import { openCompute } from "../gpu/compute.ts";
import { measureBackground } from "../sky/background.ts";
import { clippedStats } from "../sky/stats.ts";
import { readImage } from "../fits/image.ts";
import type { Manifest, Product, ProductKind } from "../stages/manifest.ts";
import { readManifest } from "../stages/manifest_file.ts";
import { fitsverify, hasData, ROOT, runGppy } from "./run_program.ts";

/** A folder for one night, and gppy run in it. */
export interface NightFolder {
  readonly folder: string;
  /** `path_base` of the runs. */
  readonly base: string;
  /**
   * Runs gppy with the tests' site and this base; the outcome must be the expected one.
   *
   * @param args The command and its arguments.
   * @param code The exit code it must end with.
   * @param stdin A manifest piped in.
   * @returns What it printed to stdout.
   */
  gppy(args: readonly string[], code: number, stdin?: string): Promise<string>;
  /** The same, for a command that writes a manifest; `name` is its file. */
  manifest(name: string, args: readonly string[], code: number): Promise<Manifest>;
}

/**
 * Declares the test of a real night; skipped where its frames are absent.
 *
 * @param name A sentence.
 * @param data Folder below GPPY_TESTDATA.
 * @param check The test.
 */
export function testNight(
  name: string,
  data: string,
  check: (night: NightFolder, t: Deno.TestContext) => Promise<void>,
): void {
  Deno.test({
    name: `${name} (${data} of GPPY_TESTDATA)`,
    ignore: !hasData(data),
    async fn(t) {
      const folder = await Deno.makeTempDir({ prefix: "gppy-night-" });
      try {
        await check(nightIn(folder), t);
      } finally {
        await Deno.remove(folder, { recursive: true });
      }
    },
  });
}

function nightIn(folder: string): NightFolder {
  const base = join(folder, "base");
  const shared = ["--config", join(ROOT, "tests", "site"), "--base", base, "-q"];
  const gppy = async (args: readonly string[], code: number, stdin?: string) => {
    const [command = "", ...rest] = args;
    const options = stdin === undefined ? {} : { stdin };
    const ended = await runGppy([command, ...shared, ...rest], options);
    assert.equal(ended.code, code, `gppy ${args.join(" ")}\n${ended.stderr}`);
    return ended.stdout;
  };
  return {
    folder,
    base,
    gppy,
    async manifest(name, args, code) {
      const path = join(folder, name);
      await gppy([...args, "-o", path], code);
      return await readManifest(path);
    },
  };
}

/** The images of a manifest that belong to no other image and were not left behind. */
export function imagesOf(manifest: Manifest, kind: ProductKind, stage?: string): Product[] {
  const lost = new Set(manifest.left.flatMap(({ products }) => products));
  return manifest.products.filter((product) =>
    product.kind === kind && product.of === undefined && !lost.has(product.id) &&
    (stage === undefined || product.stage === stage)
  );
}

/** The one product that fits; fails when there is none or several. */
export function only<Item>(items: readonly Item[]): Item {
  assert.equal(items.length, 1);
  return items[0]!;
}

/**
 * Measures the noise of a pixel of empty sky, away from the rim.
 *
 * @param path An image.
 * @param rimPx What is left out along each side, px.
 * @returns Clipped scatter about a background of 32 px cells, ADU.
 */
export async function skyNoiseAdu(path: string, rimPx: number): Promise<number> {
  const { data, width, height } = await readImage(path);
  using compute = await openCompute({ device: "cpu" });
  (await measureBackground(compute, { width, values: data }, { meshPx: 32 })).subtract(data);
  const rows = Array.from({ length: height - 2 * rimPx }, (_, i) => rimPx + i);
  const inner = rows.flatMap((y) =>
    Array.from(data.subarray(y * width + rimPx, (y + 1) * width - rimPx))
  );
  return clippedStats(inner).sigma;
}

/** Every FITS file that a manifest's stages made must satisfy fitsverify. */
export async function checkFits(manifest: Manifest): Promise<void> {
  for (const { path, stage } of manifest.products) {
    if (stage === "ingest" || !path.endsWith(".fits")) continue;
    assert.equal(await fitsverify(path), "", path);
  }
}
