/**
 * Real nights through the command line: what the tests of them share.
 *
 * @module
 */

import assert from "node:assert/strict";
import { basename, join } from "node:path";
import { openCompute } from "../gpu/compute.ts";
import { measureBackground } from "../sky/background.ts";
import { bit } from "../sky/mask.ts";
import { clippedStats, median } from "../sky/stats.ts";
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

/** Two stacks of the same field, and the noise that is left between them. */
export interface HalfNoise {
  /** Clipped scatter of their difference, ADU. */
  readonly differenceAdu: number;
  /** The same in units of what their weights predict. */
  readonly pull: number;
}

/**
 * Stacks frames apart from all others of a manifest, and both parts on the grid of another stack.
 *
 * @param night Where to.
 * @param manifest File of a manifest of placed frames.
 * @param whole A stack whose grid both take.
 * @param isOfFirst Whether the frame of this number, by time, goes into the first stack.
 * @returns What is left between the two.
 */
export async function noiseBetween(
  night: NightFolder,
  manifest: string,
  whole: Product,
  isOfFirst: (index: number) => boolean,
): Promise<HalfNoise> {
  const frames = imagesOf(await readManifest(manifest), "frame", "astrom")
    .filter(({ id }) => whole.from.includes(id)).toSorted((a, b) => a.mjd! - b.mjd!);
  const work = await Deno.makeTempDir({ dir: night.folder });
  const lists: string[] = [];
  for (const first of [true, false]) {
    const chosen = frames.filter((_, index) => isOfFirst(index) === first);
    lists.push(join(work, `${first}.txt`));
    await Deno.writeTextFile(lists.at(-1)!, chosen.map(({ id }) => `${id}\n`).join(""));
  }
  const options = ["--lists", lists.join(","), "--grid-header", whole.path, "--scale", "stars"];
  const args = ["stack", manifest, ...options, "--work", work];
  const made = await night.manifest(`${basename(work)}.json`, args, 0);
  const [one, other] = imagesOf(made, "stack", "stack");
  return await compareStacks(one!.path, other!.path);
}

/** Noise between two stacks where no sample was masked, without what spreads over 64 px. */
async function compareStacks(one: string, other: string): Promise<HalfNoise> {
  const read = async (path: string) => ({
    image: await readImage(path),
    weight: await readImage(path.replace(/\.fits$/, ".weight.fits")),
    mask: await readImage(path.replace(/\.fits$/, ".mask.fits")),
  });
  const [a, b] = [await read(one), await read(other)];
  const { width } = a.image;
  const difference = a.image.data.map((value, i) => value - b.image.data[i]!);
  const usable = a.mask.data.map((planes, i) =>
    ((planes | b.mask.data[i]!) & ~bit("CLIPPED")) === 0 &&
      b.image.data[i]! < faint(b, i)
      ? 1
      : 0
  );
  const sky = difference.map((value, i) => usable[i] ? value : NaN);
  levelCells(sky, width);
  const pulls = sky.map((value, i) =>
    value / Math.sqrt(1 / a.weight.data[i]! + 1 / b.weight.data[i]!)
  );
  return {
    differenceAdu: clippedStats(sky, { sigma: 4 }).sigma,
    pull: clippedStats(pulls, { sigma: 4 }).sigma,
  };
}

/** Takes the median off each cell of 64 px; those with little in them become NaN. */
function levelCells(sky: Float32Array, width: number): void {
  const cell = (i: number) => Math.floor(i / width / 64) * width + Math.floor((i % width) / 64);
  const cells = Map.groupBy(sky.keys(), cell);
  for (const places of cells.values()) {
    const values = places.map((i) => sky[i]!).filter((value) => !Number.isNaN(value));
    const level = values.length < 100 ? NaN : median(values);
    for (const i of places) sky[i]! -= level;
  }
}

/** Six times the noise of a pixel: brighter ones are stars. */
function faint({ weight }: { readonly weight: { readonly data: Float32Array } }, i: number) {
  return 6 / Math.sqrt(weight.data[i]!);
}

/** Every FITS file that a manifest's stages made must satisfy fitsverify. */
export async function checkFits(manifest: Manifest): Promise<void> {
  for (const { path, stage } of manifest.products) {
    if (stage === "ingest" || !path.endsWith(".fits")) continue;
    assert.equal(await fitsverify(path), "", path);
  }
}
