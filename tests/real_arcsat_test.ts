/** A raw night of a small telescope: biases, 60 s darks, flats of 76 to 83 s, a sparse field. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { readImage } from "../fits/image.ts";
import { readHeader } from "../fits/file.ts";
import { bit, readMask } from "../sky/mask.ts";
import { clippedStats, median } from "../sky/stats.ts";
import type { Manifest } from "../stages/manifest.ts";
import { parseManifest } from "../stages/manifest_file.ts";
import {
  checkFits,
  imagesOf,
  type NightFolder,
  noiseBetween,
  only,
  skyNoiseAdu,
  testNight,
} from "./_real_night.ts";
import { DATA } from "./run_program.ts";

const RAW = "arcsat-20250602-xo1b";

testNight("A raw night becomes a stack whose noise falls as √N", RAW, async (night, t) => {
  const calibrated = await night.gppy(["calib", join(DATA, RAW), "--unit", "ARCSAT"], 0);
  const astrom = ["astrom", "--reference-frame", "XO1-b_z_20250602_041008", "--no-server"];
  const limits = ["--detect-sigma", "3", "--crossid-radius-arcsec", "3", "--distort-degree", "1"];
  const solved = await night.gppy([...astrom, ...limits], 10, calibrated);
  const placed = join(night.folder, "placed.json");
  await Deno.writeTextFile(placed, solved);
  const stacked = await night.gppy(["stack", "--gap-s", "3600"], 0, solved);
  const manifest = parseManifest(stacked, { where: "stack", folder: night.folder });

  await t.step("flats of 76 to 83 s take the 60 s dark in proportion", () => checkFlat(manifest));
  await t.step("hot pixels are masked in every light", () => checkHotPixels(manifest));
  await t.step("the other target keeps apart, and has no reference", () => {
    const left = only(manifest.left.filter(({ id }) => id.startsWith("43Bet")));
    assert.match(left.message, /no reference catalogue 43Bet Com\.cat/);
    const other = only(left.products);
    assert.equal(only(imagesOf(manifest, "stack")).from.includes(other), false);
  });
  await t.step("frame 060822 matches too badly and is left behind with its reason", () => {
    const left = only(manifest.left.filter(({ id }) => id.includes("_060822_")));
    assert.equal(left.error, "Gate");
    assert.match(left.message, /Cannot trust the astrometry of .*: .*(matched stars|contrast)/);
    assert.equal(typeof left.details.astromContrast, "number");
  });
  await t.step("the other twelve are placed within a sixth of a pixel", () => {
    const frames = imagesOf(manifest, "frame", "astrom");
    assert.equal(frames.length, 12);
    for (const { id, measured } of frames) {
      assert.ok(Number(measured.astromRmsArcsec) < 0.12, `${id}: ${measured.astromRmsArcsec}″`);
      assert.ok(Number(measured.astromMatched) >= 15, `${id}: ${measured.astromMatched} stars`);
    }
  });
  await t.step("the noise falls as √N", async () => {
    const stack = only(imagesOf(manifest, "stack"));
    assert.equal(stack.from.length, 12);
    const frames = imagesOf(manifest, "frame", "astrom");
    const single = median(await Promise.all(frames.map(({ path }) => skyNoiseAdu(path, 150))));
    assert.ok(single > 15 && single < 17, `one frame: ${single} ADU`);
    const gain = single / await skyNoiseAdu(stack.path, 150) / Math.sqrt(12);
    // Interpolation itself takes off some of the noise of single pixels.
    assert.ok(gain > 0.95 && gain < 1.15, `${gain} of √12`);
  });
  await t.step(
    "stacks of parts of the night differ by the noise that their weights tell",
    async () => {
      const stack = only(imagesOf(manifest, "stack"));
      const between = (isOfFirst: (index: number) => boolean) =>
        noiseBetween(night, placed, stack, isOfFirst);
      const one = await between((index) => index === 0);
      const half = await between((index) => index % 2 === 0);
      for (const { pull } of [one, half]) assert.ok(Math.abs(pull - 1) < 0.05, `pull ${pull}`);
      // 1/√6 + 1/√6 against 1 + 1/√11, two frames of the night being clouded
      const fall = half.differenceAdu / one.differenceAdu;
      assert.ok(fall > 0.5 && fall < 0.62, `falls to ${fall}`);
    },
  );
  await t.step(
    "the trail in the first frame is found as one streak",
    () => checkTrail(night, placed),
  );
  await t.step("every file written passes fitsverify", () => checkFits(manifest));
});

/** Of 75 px, from (882, 473) of frame 041014 to its rim. */
async function checkTrail(night: NightFolder, placed: string): Promise<void> {
  const work = join(night.folder, "artefacts");
  const args = ["stack", placed, "--gap-s", "3600", "--combine", "artefacts", "--work", work];
  const made = await night.manifest("artefacts.json", [...args, "--scale", "stars"], 0);
  const { path } = only(imagesOf(made, "stack", "stack"));
  const header = await readHeader(path);
  const history = header.cards.filter(({ keyword }) => keyword === "HISTORY")
    .map(({ value, comment }) => `${value ?? ""}${comment}`).join("");
  const streaks = [...history.matchAll(/of \S+?_(\d{6})_z_60 (\d+)\s*streaks/g)]
    .filter(([, , count]) => Number(count) > 0).map(([, time, count]) => [time, count]);
  assert.deepEqual(streaks, [["041014", "1"]]);
  const { data } = await readMask(path.replace(/\.fits$/, ".mask.fits"));
  const marked = data.filter((planes) => (planes & bit("STREAK")) !== 0).length;
  assert.ok(marked > 1200 && marked < 4000, `${marked} px`);
}

async function checkFlat(manifest: Manifest): Promise<void> {
  const flat = only(imagesOf(manifest, "master").filter(({ imageType }) => imageType === "flat"));
  const header = await readHeader(flat.path);
  assert.equal(header.requireNumber("NCOMBINE"), 5);
  assert.match(header.requireText("DARKNAME"), /^60-20250602-dark/);
  const history = header.cards.filter(({ keyword }) => keyword === "HISTORY")
    .map(({ value, comment }) => `${value ?? ""}${comment}`).join("\n");
  assert.match(history, /dark x 1\.2692 for 76\.15 s/);
  assert.match(history, /dark x 1\.3782 for 82\.69 s/);
  const { data } = await readImage(flat.path);
  const { median: level, sigma } = clippedStats(data);
  assert.ok(Math.abs(level - 1) < 0.005, `level ${level}`);
  assert.ok(sigma < 0.03, `scatter ${sigma}`);
}

async function checkHotPixels(manifest: Manifest): Promise<void> {
  const dark = only(imagesOf(manifest, "master").filter(({ imageType }) => imageType === "dark"));
  const { data } = await readImage(dark.path);
  const { median: level, sigma } = clippedStats(data);
  const hot = Array.from(data.keys()).filter((i) => data[i]! > level + 20 * sigma);
  assert.ok(hot.length > 300, `${hot.length} hot pixels`);
  const masks = manifest.products.filter(({ kind, stage }) => kind === "mask" && stage === "calib");
  assert.equal(masks.length, 14);
  for (const { path } of masks) {
    const mask = await readMask(path);
    const missed = hot.filter((i) => (mask.data[i]! & bit("BAD")) === 0);
    assert.deepEqual(missed, [], path);
  }
}
