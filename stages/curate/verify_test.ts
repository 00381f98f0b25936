import assert from "node:assert/strict";
import { join, relative } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { runFitsverify } from "../../external/fitsverify.ts";
import { toolSet } from "../../external/run_tool.ts";
import { type SmallNight, withNight } from "./_small_night.ts";
import { verifyManifest, verifyTree } from "./verify_tree.ts";
import type { VerifyOptions, VerifyReport } from "./verify_files.ts";

const signal = new AbortController().signal;
const THOROUGH: VerifyOptions = {
  quick: false,
  tools: toolSet({ signal }),
  signal,
  progress: () => {},
};

function faults({ base }: SmallNight, { problems }: VerifyReport): string[] {
  return problems.map(({ path, what }) => `${relative(base, path)}: ${what}`);
}

const HOME = "processed/T09614/7DT07/m600";
const inHome = (night: SmallNight, name: string) => join(night.base, HOME, name);

/** Exchanges one byte. */
async function damage(path: string, at: number): Promise<void> {
  const bytes = await Deno.readFile(path);
  bytes[at] = bytes[at]! ^ 1;
  await Deno.writeFile(path, bytes);
}

Deno.test("a tree as curate left it, and its manifest, have nothing wrong", () =>
  withNight(async (night) => {
    const { path } = await night.curate({ mode: "copy" });
    const tree = await verifyTree(night.tree, THOROUGH);
    assert.deepEqual(faults(night, tree), []);
    assert.equal(tree.files, 5); // two images, their headers, a catalogue
    assert.deepEqual(faults(night, await verifyManifest(path, night.tree, THOROUGH)), []);
  }));

Deno.test("what retention removed is no fault of any manifest of the night", () =>
  withNight(async (night) => {
    await night.curate({ retain: "products" });
    for (const name of ["01-calib.json", "02-phot.json", "03-curate.json"]) {
      const report = await verifyManifest(join(night.work, name), night.tree, THOROUGH);
      assert.deepEqual(faults(night, report), [], name);
    }
  }));

Deno.test("each kind of damage is named with its file", () =>
  withNight(async (night) => {
    await night.curate({ mode: "copy" });
    await damage(inHome(night, "f1.fits"), 5760 + 100);
    await Deno.remove(inHome(night, "phot/f1.phot.cat"));
    await Deno.truncate(inHome(night, "s1.fits"), 4000);
    await Deno.writeTextFile(inHome(night, "stranger.txt"), "?");
    await Deno.writeTextFile(inHome(night, ".s1.fits.part"), "half");
    await Deno.writeTextFile(join(night.tree, "index.csv"), "obs_id\n");
    const found = faults(night, await verifyTree(night.tree, THOROUGH));
    assert.deepEqual(found.map((line) => line.replace(/[0-9a-f]{12}…/g, "…")), [
      `${HOME}/.s1.fits.part: was left by a transfer that was cut off`,
      `${HOME}/f1.fits: has the digest … instead of …`,
      `${HOME}/f1.fits: unit 0: DATASUM is wrong`,
      `${HOME}/f1.fits: unit 0: CHECKSUM is wrong`,
      `${HOME}/phot/f1.phot.cat: is gone`,
      `${HOME}/s1.fits: has 4000 bytes instead of 14400`,
      `${HOME}/stranger.txt: is not in the index`,
      "processed/index.csv: differs from index.sqlite",
    ]);
  }));

Deno.test("--quick finds what is gone or cut short, without reading pixels", () =>
  withNight(async (night) => {
    await night.curate({ mode: "copy" });
    await damage(inHome(night, "f1.fits"), 5760 + 100);
    await Deno.truncate(inHome(night, "s1.fits"), 4000);
    const report = await verifyTree(night.tree, { ...THOROUGH, quick: true });
    assert.deepEqual(faults(night, report), [
      `${HOME}/s1.fits: has 4000 bytes instead of 14400`,
    ]);
  }));

Deno.test("index, tree and manifest are held against each other", () =>
  withNight(async (night) => {
    const { path } = await night.curate({ mode: "copy" });
    {
      using index = new DatabaseSync(join(night.tree, "index.sqlite"));
      index.exec("DELETE FROM products WHERE product_id = 's1'");
      index.exec(`UPDATE products SET sha256 = '${"0".repeat(64)}' WHERE product_id = 'f1.cat'`);
    }
    const expected = [
      `${HOME}/phot/f1.phot.cat: the manifest and the index promise different content`,
      `${HOME}/s1.fits: is in the manifest as "s1", not in the index`,
    ];
    const tree = faults(night, await verifyTree(night.tree, THOROUGH));
    for (const line of expected) assert.ok(tree.includes(line), line);
    assert.ok(tree.includes(`${HOME}/s1.fits: is not in the index`));
    const manifest = await verifyManifest(path, night.tree, THOROUGH);
    assert.deepEqual(faults(night, manifest), expected);
  }));

Deno.test("a file that breaks the standard is found by fitsverify, whatever its name", () =>
  withNight(async (night) => {
    await night.curate({ mode: "copy", headers: "none" });
    const path = inHome(night, "f1.fits");
    const bytes = await Deno.readFile(path);
    // A lower-case keyword: structure and digest can be right all the same.
    const text = new TextDecoder("latin1").decode(bytes);
    bytes.set(new TextEncoder().encode("instrume"), text.indexOf("INSTRUME"));
    const odd = inHome(night, "f 1, [odd].fits");
    await Deno.writeFile(odd, bytes);
    const wrong = await runFitsverify(THOROUGH.tools, [path, odd]);
    assert.deepEqual([...wrong.keys()], [odd]);
    assert.match(wrong.get(odd)!, /^Keyword #\d+: Name "instrume" contains char "i" which is not/);
  }));

Deno.test("a missing raw frame is named", () =>
  withNight(async (night) => {
    const { path } = await night.curate();
    await Deno.remove(join(night.base, "raw", "r1.fits"));
    const report = await verifyManifest(path, night.tree, THOROUGH);
    assert.deepEqual(faults(night, report), ["raw/r1.fits: is gone"]);
  }));

Deno.test("a tree without an index cannot be verified", () =>
  withNight(async (night) => {
    await assert.rejects(verifyTree(night.base, THOROUGH), /Cannot open the index/);
  }));
