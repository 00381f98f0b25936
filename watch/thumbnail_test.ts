import assert from "node:assert/strict";
import { join } from "node:path";
import { getLogger } from "@logtape/logtape";
import { decode } from "fast-png";
import { writeImage } from "../fits/image.ts";
import type { Manifest, Product } from "../stages/manifest.ts";
import { testProduct } from "../stages/testing.ts";
import { nightPictures, quickLook } from "./thumbnail.ts";

const LOG = getLogger(["gppy", "test"]);

async function withFolder(test: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "gppy-thumbnail-" });
  try {
    await test(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

function manifest(work: string, products: readonly Product[]): Manifest {
  const night = { unit: "7DT07", date: "2024-04-23", source: work, work };
  return { gppyManifest: 1, night, products: [...products], left: [], stages: [] };
}

/** Left half dark, right half bright, one column without values. */
async function writeHalves(path: string, width: number, height: number): Promise<void> {
  const data = new Float32Array(width * height).map((_, i) => {
    const x = i % width;
    return x === 0 ? NaN : (x < width / 2 ? 100 : 200) + (i * 7919) % 13;
  });
  await writeImage(path, { width, height, data });
}

Deno.test("a quick look is small, keeps the sides, and bright stays bright", () =>
  withFolder(async (folder) => {
    const path = join(folder, "s.fits");
    await writeHalves(path, 1250, 410);
    const { width, height, data, channels } = decode(await quickLook(path));
    assert.deepEqual([width, height], [417, 137]);
    const at = (x: number, y: number) => Number(data[(y * width + x) * channels]);
    assert.ok(at(50, 60) + 100 < at(400, 60), `${at(50, 60)} ${at(400, 60)}`);
  }));

Deno.test("the picture of a night is a transient's stamps, else the deepest stack", () =>
  withFolder(async (folder) => {
    const stack = (id: string, depth5: number) => {
      const path = join(folder, `${id}.fits`);
      return testProduct({ id, kind: "stack", path, measured: { depth5 } });
    };
    const stamp = (id: string, transient: boolean) =>
      testProduct({ id, kind: "stamp", path: `/x/${id}.png`, measured: { transient } });
    const stacks = [stack("a", 19), stack("b", 20)];
    await writeHalves(join(folder, "b.fits"), 60, 40); // a.fits does not even exist
    const stamps = [stamp("c", false), stamp("t", true)];
    assert.deepEqual(await nightPictures(manifest(folder, [...stacks, ...stamps]), LOG), [
      "/x/t.png",
    ]);
    const look = await nightPictures(manifest(folder, stacks), LOG);
    assert.deepEqual(look, [join(folder, "quicklook.png")]);
    assert.equal(decode(await Deno.readFile(look[0]!)).width, 60);
    assert.deepEqual(await nightPictures(manifest(folder, [stack("gone", 21)]), LOG), []);
    assert.deepEqual(await nightPictures(manifest(folder, []), LOG), []);
  }));
