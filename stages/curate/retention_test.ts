import assert from "node:assert/strict";
import { join, relative } from "node:path";
import { getLogger } from "@logtape/logtape";
import { type SmallNight, withNight } from "./_small_night.ts";
import { filesBelow } from "./_testing.ts";
import { retainNights } from "./retain_nights.ts";
import { readManifest } from "../manifest_file.ts";
import { readRetired, requireInputs } from "../retired.ts";

const OPTIONS = { log: getLogger(["gppy", "test"]), signal: new AbortController().signal };
const INTERMEDIATES = ["calib/f1.fits", "phot/f1.fits", "phot/f1.phot.cat", "stack/s1.fits"];

async function intermediates({ work }: SmallNight): Promise<string[]> {
  return (await filesBelow(work)).map((path) => relative(work, path))
    .filter((name) => !name.endsWith(".json"));
}

Deno.test("--retain all, the default, removes nothing", () =>
  withNight(async (night) => {
    await night.curate();
    assert.deepEqual(await intermediates(night), INTERMEDIATES);
  }));

Deno.test("--retain products removes what stands in the tree, and earlier forms of it", () =>
  withNight(async (night) => {
    await Deno.writeTextFile(join(night.work, "phot", "notes.txt"), "in no manifest");
    const { manifest } = await night.curate({ retain: "products" });
    assert.deepEqual(await intermediates(night), ["phot/notes.txt"]);
    assert.equal(manifest.stages.at(-1)?.metrics["removed"], 4);
    assert.ok((await Deno.stat(join(night.base, "raw", "r1.fits"))).isFile);
    for (const { path, kind } of manifest.products) {
      if (kind !== "raw") assert.ok((await Deno.stat(path)).isFile, path);
    }
    const retired = await readRetired(night.work);
    assert.deepEqual(
      [...retired.keys()].map((path) => relative(night.work, path)).sort(),
      INTERMEDIATES,
    );
  }));

Deno.test("a dry run names what would go, and removes nothing", () =>
  withNight(async (night) => {
    const { manifest } = await night.curate({ retain: "products", retainDryRun: true });
    assert.equal(manifest.stages.at(-1)?.metrics["removed"], 4);
    assert.deepEqual(await intermediates(night), INTERMEDIATES);
  }));

Deno.test("what is done stays done after its files went, and can be curated again", () =>
  withNight(async (night) => {
    const first = await night.curate({ retain: "products" });
    const second = await night.curate({ retain: "products" });
    assert.equal(second.ran, false);
    const third = await night.curate({ retain: "products" }, true);
    assert.deepEqual(third.left, []);
    assert.deepEqual(
      third.manifest.products.map(({ id, path, sha256 }) => [id, path, sha256]),
      first.manifest.products.map(({ id, path, sha256 }) => [id, path, sha256]),
    );
  }));

Deno.test("a stage whose input went does not leave the night behind, but says what to do", () =>
  withNight(async (night) => {
    await night.curate({ retain: "products" });
    const { products } = await readManifest(join(night.work, "01-calib.json"));
    const inputs = products.filter(({ kind }) => kind === "frame");
    await assert.rejects(
      requireInputs("astrom", night.work, inputs),
      /Cannot run astrom: ".*calib\/f1\.fits" was removed after curate; run .* from calib with --force/,
    );
  }));

Deno.test("nothing goes whose curated form is gone or damaged, or that is not as the manifest says", () =>
  withNight(async (night) => {
    const { manifest } = await night.curate({ mode: "copy" });
    const place = (id: string) => manifest.products.find((product) => product.id === id)!.path;
    await Deno.remove(place("s1"));
    await Deno.writeTextFile(place("f1.cat"), "# damaged\n");
    await Deno.writeTextFile(join(night.work, "calib", "f1.fits"), "changed by hand");
    const rule = { days: 0, nowMs: Date.now() + 1000 };
    const [done] = await retainNights(join(night.work, ".."), rule, { ...OPTIONS, dryRun: false });
    assert.deepEqual(
      done!.plan.kept.map(({ path, reason }) => [
        relative(night.work, path),
        reason.replace(/".*"/, "…"),
      ]).sort(),
      [
        ["calib/f1.fits", "it is not what the manifest says"],
        ["phot/f1.phot.cat", "… is not what the manifest says"],
        ["stack/s1.fits", "its product is gone from …"],
      ],
    );
    assert.deepEqual(await intermediates(night), [
      "calib/f1.fits",
      "phot/f1.phot.cat",
      "stack/s1.fits",
    ]);
  }));

Deno.test("what was not curated stays", () =>
  withNight(async (night) => {
    await night.curate({ retain: "products", kinds: ["stack"] });
    assert.deepEqual(await intermediates(night), INTERMEDIATES.slice(0, 3));
  }));

Deno.test("a link in the place of a file is not followed", () =>
  withNight(async (night) => {
    const path = join(night.work, "stack", "s1.fits");
    const elsewhere = join(night.base, "precious.fits");
    await Deno.rename(path, elsewhere);
    await Deno.symlink(elsewhere, path);
    await night.curate({ mode: "copy", retain: "products" });
    assert.ok((await Deno.stat(elsewhere)).isFile);
    assert.ok((await Deno.lstat(path)).isSymlink);
  }));

Deno.test("--retain days takes nights that were curated long ago, and no night twice", () =>
  withNight(async (night) => {
    await night.curate();
    const units = join(night.work, "..");
    const day = 86_400_000;
    const after = (days: number) => ({ days: 14, nowMs: Date.now() + days * day });
    const early = await retainNights(units, after(13.9), { ...OPTIONS, dryRun: false });
    assert.deepEqual(early, []);
    const own = { ...after(15), except: [night.work] };
    assert.deepEqual(await retainNights(units, own, { ...OPTIONS, dryRun: false }), []);
    const [late] = await retainNights(units, after(15), { ...OPTIONS, dryRun: false });
    assert.equal(late?.removed, 4);
    const [again] = await retainNights(units, after(16), { ...OPTIONS, dryRun: false });
    assert.equal(again?.removed, 0);
  }));

Deno.test("--retain days leaves a night alone that was begun again lately", () =>
  withNight(async (night) => {
    await night.curate();
    const units = join(night.work, "..");
    const rule = { days: 14, nowMs: Date.now() + 15 * 86_400_000 };
    const first = join(night.work, "01-calib.json");
    await Deno.utime(first, rule.nowMs / 1000 - 3600, rule.nowMs / 1000 - 3600);
    assert.deepEqual(await retainNights(units, rule, { ...OPTIONS, dryRun: false }), []);
    assert.deepEqual(await intermediates(night), INTERMEDIATES);
  }));

Deno.test("a night that cannot be read keeps its files, and the others' rule goes on", () =>
  withNight(async (night) => {
    await night.curate();
    const units = join(night.work, "..");
    const damaged = join(units, "2024-04-22");
    await Deno.mkdir(damaged);
    await Deno.writeTextFile(join(damaged, "03-curate.json"), "{");
    const rule = { days: 0, nowMs: Date.now() + 1000 };
    const done = await retainNights(units, rule, { ...OPTIONS, dryRun: false });
    assert.deepEqual(done.map(({ removed }) => removed), [4]);
  }));
