/** Undersampled frames of a field that drifts by 23′ and turns by a degree, against Tycho-2. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { readHeader } from "../fits/file.ts";
import { FitsHeader } from "../fits/header.ts";
import { updateHeader } from "../fits/update_header.ts";
import { median } from "../sky/stats.ts";
import { setWcs, wcsFromHeader } from "../sky/wcs.ts";
import type { Manifest } from "../stages/manifest.ts";
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

const DATASET = "exotic-hatp32";

testNight("Drifting frames are placed by Tycho-2 and stacked", DATASET, async (night, t) => {
  const frames = await copyWithWcs(night);
  await Deno.mkdir(join(night.base, "ref_scamp"), { recursive: true });
  const tycho = join(DATA, DATASET, "derived", "tycho2_ref_ldac.cat");
  await Deno.copyFile(tycho, join(night.base, "ref_scamp", "HATP-32.cat"));
  const limits = ["--distort-degree", "3", "--crossid-radius-arcsec", "8"];
  const astrom = ["astrom", frames, "--unit", "CECILIA", ...limits];
  const solved = await night.manifest("astrom.json", astrom, 10);
  await t.step("residuals are those of SCAMP by hand", () => checkResiduals(solved));

  const stack = ["stack", join(night.folder, "astrom.json"), "--gap-s", "3600"];
  const manifest = await night.manifest("stack.json", stack, 0);
  await t.step("local times with an offset became UTC, odd names one object", () => {
    const [first] = imagesOf(manifest, "frame", "astrom");
    assert.equal(first?.dateObs, "2017-12-20T01:33:43.317");
    assert.equal(manifest.night.date, "2017-12-19");
    assert.equal(only(imagesOf(manifest, "stack")).object, "HATP-32");
  });
  await t.step("the stack is deep where frames overlap", () => checkStack(manifest));
  await t.step(
    "stacks of parts of the night differ by the noise that their weights tell",
    async () => {
      const stack = only(imagesOf(manifest, "stack"));
      const placed = join(night.folder, "astrom.json");
      const one = await noiseBetween(night, placed, stack, (index) => index === 0);
      const half = await noiseBetween(night, placed, stack, (index) => index % 2 === 0);
      // one pixel is 5″ and holds most of a star: what is left of stars comes on top
      for (const { pull } of [one, half]) assert.ok(pull > 0.95 && pull < 1.15, `pull ${pull}`);
      const fall = half.differenceAdu / one.differenceAdu;
      assert.ok(fall > 0.45 && fall < 0.6, `falls to ${fall}`);
    },
  );
  await t.step("every file written passes fitsverify", () => checkFits(manifest));
});

/** The frames have no WCS; astrometry.net's, which came with them, is the first guess. */
async function copyWithWcs(night: NightFolder): Promise<string> {
  const folder = join(night.folder, "2017-12-19");
  await Deno.mkdir(folder);
  const source = join(DATA, DATASET, "HatP32Dec202017");
  for (const { name } of Deno.readDirSync(source)) {
    const cards = join(DATA, DATASET, "derived", name.replace("FITS", "wcs.txt"));
    const lines = (await Deno.readTextFile(cards)).split("\n").map((line) => line.padEnd(80));
    const wcs = wcsFromHeader(FitsHeader.parse(new TextEncoder().encode(lines.join(""))))!;
    await updateHeader(join(source, name), join(folder, name), (header) => {
      setWcs(header, wcs);
    });
  }
  return folder;
}

function checkResiduals(manifest: Manifest): void {
  const frames = imagesOf(manifest, "frame", "astrom");
  assert.equal(frames.length, 17, manifest.left.map(({ message }) => message).join("\n"));
  const [group] = manifest.stages[0]?.metrics.groups as { internalRmsArcsec: number[] }[];
  for (const rms of group!.internalRmsArcsec) assert.ok(rms < 0.27, `internal ${rms}″`);
  const external = median(frames.map(({ measured }) => Number(measured.astromRmsArcsec)));
  assert.ok(external < 0.45, `external ${external}″`);
  const left = only(manifest.left);
  assert.match(left.message, /"HATP-32171220024512": .*rms 0\.5\d*, wanted < 0\.5/);
}

async function checkStack(manifest: Manifest): Promise<void> {
  const stack = only(imagesOf(manifest, "stack"));
  assert.equal(stack.from.length, 17);
  assert.equal(stack.exposureS, 17 * 60);
  const header = await readHeader(stack.path);
  assert.ok(Math.abs(header.requireNumber("EGAIN") - 17 * 15) < 20, "gain of obs.dat, summed");
  const wcs = wcsFromHeader(header)!;
  assert.ok(Math.abs(wcs.pixelScaleArcsec - 5.16) < 0.01, `${wcs.pixelScaleArcsec}″ a pixel`);
  const frames = imagesOf(manifest, "frame", "astrom");
  const single = median(await Promise.all(frames.map(({ path }) => skyNoiseAdu(path, 150))));
  const stacked = await skyNoiseAdu(stack.path, 200);
  // In pixels of 5″ the sky of the stack is made of faint stars, so it falls by less than √17.
  assert.ok(single / stacked > 2, `${single} ADU became ${stacked} ADU`);
}
