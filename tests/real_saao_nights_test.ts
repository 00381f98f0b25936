/** Frames of 14 nights of a crowded field, of seeing from 4.5 to 8 px, in one stack. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { readHeader } from "../fits/file.ts";
import { imagesOf, noiseBetween, only, testNight } from "./_real_night.ts";
import { DATA } from "./run_program.ts";

const DATASET = "saao-kb13475";

testNight("Nights of different seeing become one stack", DATASET, async (night, t) => {
  const images = join(DATA, DATASET, "Images");
  const astrom = ["astrom", images, "--unit", "SAAO", "--reference-frame", "AKB13475I0102"];
  const limits = ["--distort-degree", "1", "--position-error-arcmin", "2"];
  await night.manifest("placed.json", [...astrom, ...limits], 0);
  const placed = join(night.folder, "placed.json");
  const options = ["--gap-s", "none", "--scale", "stars", "--work", join(night.folder, "nights")];
  const made = await night.manifest("nights.json", ["stack", placed, ...options], 0);
  const stack = only(imagesOf(made, "stack", "stack"));

  await t.step("it holds all 48 frames and says when they were taken", async () => {
    assert.equal(stack.from.length, 48);
    const header = await readHeader(stack.path);
    assert.equal(header.number("NCOMBINE"), 48);
    assert.ok(header.requireNumber("MJD-END") - header.requireNumber("MJD-BEG") > 10);
  });
  await t.step("clouds and exposures are told by common stars", async () => {
    const header = await readHeader(stack.path);
    assert.equal(header.text("SCALEBY"), "stars");
    const scales = stack.from.map((_, i) =>
      header.requireNumber(`FSCL${String(i + 1).padStart(3, "0")}`)
    );
    assert.ok(Math.min(...scales) === 1 && Math.max(...scales) > 2.5, `${scales}`);
  });
  await t.step("the noise falls; what the nights differ in is left", async () => {
    const one = await noiseBetween(night, placed, stack, (index) => index === 0);
    const half = await noiseBetween(night, placed, stack, (index) => index % 2 === 0);
    const fall = half.differenceAdu / one.differenceAdu;
    // √(1/24 + 1/24) against √(1 + 1/47) of equal nights is 0.29; the PSFs of the halves differ
    assert.ok(fall > 0.29 && fall < 0.75, `falls to ${fall}`);
    // faint stars cover this sky: by its scatter alone the noise would be put four times too high
    for (const { pull } of [one, half]) assert.ok(pull > 0.9 && pull < 2, `pull ${pull}`);
  });
});
