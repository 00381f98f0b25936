import assert from "node:assert/strict";
import { basename, join } from "node:path";
import { toolSet } from "../../external/run_tool.ts";
import { scanFits } from "../../fits/file.ts";
import { DATA, hasData } from "../../tests/run_program.ts";
import type { Product } from "../manifest.ts";
import { digestFile } from "../manifest_file.ts";
import { filesBelow, frame, product, run, siteOf, text, withFolder } from "./_testing.ts";
import { headerText } from "./headers.ts";
import { folderName, shelfOf } from "./layout.ts";
import { versioned } from "./transfer.ts";

Deno.test("curate lays the tree out by object, unit and filter, with its shelves", async () => {
  await withFolder(async (base) => {
    const site = await siteOf(base);
    const image = await frame(base, "calib_a");
    const products = [
      image,
      await product(await text(base, "calib_a.phot.cat", "# 1 X\n"), {
        id: "calib_a.phot.cat",
        kind: "catalogue",
      }),
      await product(await text(base, "calib_a.zp.png", "p"), { id: "zp", kind: "picture" }),
      await product(await text(base, "t.transient.cat", "t"), { id: "t", kind: "transients" }),
      await product(await text(base, "t.reg", "r"), { id: "r", kind: "regions" }),
      await product(await text(base, "s1.png", "s"), { id: "s1", kind: "stamp" }),
      await product(await text(base, "s1.fits", "f"), { id: "s1f", kind: "stamp" }),
    ];
    const { outcome, left } = await run(site, base, products);
    assert.deepEqual(left, []);
    const home = join(site.paths.processed, "T09614", "7DT07", "m600");
    assert.deepEqual((await filesBelow(home)).map((path) => path.slice(home.length + 1)), [
      "calib_a.fits",
      "header/calib_a.header",
      "phot/calib_a.phot.cat",
      "phot/calib_a.zp.png",
      "transient/fits_image/s1.fits",
      "transient/png_image/s1.png",
      "transient/t.reg",
      "transient/t.transient.cat",
    ]);
    assert.equal(outcome.metrics.linked, 7);
    for (const made of outcome.products) assert.ok(made.path.startsWith(home), made.path);
    const [original, curated] = [
      await Deno.stat(image.path),
      await Deno.stat(join(home, "calib_a.fits")),
    ];
    assert.equal(original.ino, curated.ino);
  });
});

Deno.test("curate takes what is made of a difference along, with its headers", async () => {
  await withFolder(async (base) => {
    const site = await siteOf(base);
    const images = await Promise.all(
      (["difference", "decorrelated", "score"] as const).map(async (kind) => {
        const image = await frame(base, `calib_a.${kind}`);
        return { ...image, kind, ...(kind === "difference" ? {} : { of: "calib_a.difference" }) };
      }),
    );
    const { outcome, left } = await run(site, base, images);
    assert.deepEqual(left, []);
    const home = join(site.paths.processed, "T09614", "7DT07", "m600");
    assert.deepEqual((await filesBelow(home)).map((path) => path.slice(home.length + 1)), [
      ...["calib_a.decorrelated.fits", "calib_a.difference.fits", "calib_a.score.fits"],
      ...["decorrelated", "difference", "score"].map((kind) => `header/calib_a.${kind}.header`),
    ]);
    assert.equal(outcome.metrics.linked, 3);
  });
});

Deno.test("curate again does nothing, and nothing again from the manifest it made", async () => {
  await withFolder(async (base) => {
    const site = await siteOf(base);
    const products = [await frame(base, "calib_a"), await frame(base, "calib_b", 50)];
    const first = await run(site, base, products, { mode: "copy" });
    const second = await run(site, base, products, { mode: "copy" });
    assert.equal(second.outcome.metrics.unchanged, 2);
    assert.equal(second.outcome.metrics.copied, 0);
    const made = first.outcome.products.filter(({ kind }) => kind === "frame");
    const third = await run(site, base, made as Product[], { mode: "move" });
    assert.equal(third.outcome.metrics.unchanged, 2);
    for (const { path } of made) assert.ok((await Deno.stat(path)).isFile);
  });
});

Deno.test("curate gives a different file of one name a new version and says so", async () => {
  await withFolder(async (base) => {
    const site = await siteOf(base);
    const first = await frame(base, "calib_a");
    await run(site, base, [first], { mode: "move" });
    const changed = await frame(base, "calib_a", 41);
    const { outcome } = await run(site, base, [changed], { mode: "move" });
    assert.equal(outcome.metrics.versioned, 1);
    const made = outcome.products.find(({ kind }) => kind === "frame")!;
    assert.equal(basename(made.path), "calib_a.v2.fits");
    assert.equal(made["version"], 2);
    const home = join(site.paths.processed, "T09614", "7DT07", "m600");
    assert.equal((await digestFile(join(home, "calib_a.fits"))).sha256, first.sha256);
    assert.equal((await digestFile(join(home, "calib_a.v2.fits"))).sha256, changed.sha256);
    await assert.rejects(Deno.stat(changed.path), Deno.errors.NotFound);
    const again = await run(site, base, [{ ...changed }], { mode: "move" });
    assert.equal(again.outcome.metrics.unchanged, 1);
  });
});

Deno.test("curate --on-conflict fail leaves the file behind and both files as they are", async () => {
  await withFolder(async (base) => {
    const site = await siteOf(base);
    const first = await frame(base, "calib_a");
    await run(site, base, [first], { mode: "copy" });
    const changed = await frame(base, "calib_a", 41);
    const { left } = await run(site, base, [changed], { mode: "copy", onConflict: "fail" });
    assert.equal(left.length, 1);
    assert.match(left[0]!.message, /holds a different file/);
    assert.deepEqual(left[0]!.products, []);
    const replaced = await run(site, base, [changed], { mode: "copy", onConflict: "replace" });
    assert.equal(replaced.outcome.metrics.replaced, 1);
    const place = replaced.outcome.products.find(({ kind }) => kind === "frame")!.path;
    assert.equal((await digestFile(place)).sha256, changed.sha256);
  });
});

Deno.test("curate keeps no copy of a file that is not what the manifest has", async () => {
  await withFolder(async (base) => {
    const site = await siteOf(base);
    const image = await frame(base, "calib_a");
    await Deno.writeTextFile(image.path, "damaged", { append: true });
    const { left } = await run(site, base, [image], { mode: "move" });
    assert.match(left[0]!.message, /not what the manifest has/);
    assert.deepEqual(await filesBelow(site.paths.processed), []);
    assert.ok((await Deno.stat(image.path)).isFile);
  });
});

Deno.test("curate takes only the kinds it is told to, and leaves behind what has no object", async () => {
  await withFolder(async (base) => {
    const site = await siteOf(base);
    const image = await frame(base, "calib_a");
    const homeless = { ...await frame(base, "calib_b"), object: undefined } as unknown;
    const catalogue = await product(await text(base, "a.cat", ""), {
      id: "a.cat",
      kind: "catalogue",
    });
    const { outcome, left } = await run(site, base, [image, homeless as Product, catalogue], {
      kinds: ["frame"],
      headers: "none",
    });
    assert.equal(outcome.products.length, 1);
    assert.match(left[0]!.message, /its object is unknown/);
  });
});

Deno.test("the header snapshot is the same from imhead and without it", async () => {
  await withFolder(async (base) => {
    const image = await frame(base, "calib_a");
    const tools = toolSet({ signal: new AbortController().signal });
    const native = await headerText(image.path, "native", tools);
    assert.equal(await headerText(image.path, "imhead", tools), native);
    assert.match(native, /^SIMPLE {2}= {20}T/);
    assert.match(native, /\nEND\n$/);
  });
});

for (const name of hasData("") ? realFolders() : []) {
  Deno.test(`the header snapshots of real frames are the same from both: ${name}`, async () => {
    const tools = toolSet({ signal: new AbortController().signal });
    let compared = 0;
    for (const path of await filesBelow(join(DATA, name))) {
      if (!/\.fits?(\.fz)?$/i.test(path) || !await hasImage(path)) continue;
      const [native, imhead] = [
        await headerText(path, "native", tools),
        await headerText(path, "imhead", tools),
      ];
      assert.equal(native, imhead, path);
      if (++compared === 12) break;
    }
  });
}

function realFolders(): string[] {
  return [...Deno.readDirSync(DATA)].filter(({ isDirectory }) => isDirectory)
    .map(({ name }) => name).sort();
}

async function hasImage(path: string): Promise<boolean> {
  const units = await scanFits(path).catch(() => []);
  return units.some(({ kind }) => kind === "image" || kind === "compressed-image");
}

Deno.test("names of versions and folders are what users expect", () => {
  assert.equal(versioned("/a/b.com.fits", 3), "/a/b.com.v3.fits");
  assert.equal(folderName("NGC 253/A"), "NGC 253_A");
  assert.equal(folderName(".."), "_.");
  const picture = { id: "p", kind: "picture", path: "/x.png", stage: "detect" } as Product;
  assert.equal(shelfOf(picture), "transient");
});
