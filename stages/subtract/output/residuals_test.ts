import assert from "node:assert/strict";
import { openCompute } from "../../../gpu/compute.ts";
import { syntheticPair } from "../_synthetic_pair.ts";
import { finishAlone } from "./_finish_alone.ts";
import { subtractNative } from "../engines/native.ts";
import { blockPull, blockResiduals, starResiduals } from "./residuals.ts";

async function subtracted(bump: number) {
  const { pair } = syntheticPair({ size: 640, seed: 4, stars: 120 });
  const compute = await openCompute({ device: "cpu", cpu: { threads: 1 } });
  try {
    const result = await subtractNative(pair, { compute });
    const quiet = new Uint8Array(640 * 640).fill(1);
    const finished = await finishAlone(pair, result, quiet, 0);
    const { difference } = finished;
    for (let y = 256; y < 320; y++) {
      for (let x = 320; x < 384; x++) difference[y * 640 + x]! += bump;
    }
    const blocks = await blockResiduals(compute, pair, finished, quiet);
    const none = await blockResiduals(compute, pair, finished, new Uint8Array(quiet.length));
    return { pair, finished, blocks, none };
  } finally {
    compute[Symbol.dispose]();
  }
}

Deno.test("blockResiduals() finds the square in which the sky is off", async () => {
  const { columns, rows, mean, spread } = (await subtracted(3)).blocks;
  assert.deepEqual([columns, rows], [10, 10]);
  const worst = mean.indexOf(Math.max(...mean.filter((value) => !Number.isNaN(value))));
  assert.equal(worst, 4 * 10 + 5);
  // 3 ADU over 64² pixels of √(8² + 8²) ADU: 17 standard errors.
  assert.ok(Math.abs(mean[worst]! - 17) < 3, `${mean[worst]}`);
  assert.ok(Math.abs(spread[4 * 10 + 2]! - 1) < 0.1);
});

Deno.test("blockPull() is about 1 for noise, and null without enough sky", async () => {
  const { blocks, none } = await subtracted(0);
  const pull = blockPull(blocks);
  assert.ok(pull !== null && pull > 0.6 && pull < 1.6, `${pull}`);
  assert.equal(blockPull(none), null);
});

Deno.test("starResiduals() sorts stars by magnitude, brightest first", async () => {
  const { pair, finished } = await subtracted(0);
  const bins = starResiduals(pair, finished, 25);
  assert.ok(bins.length >= 2);
  const stars = bins.reduce((sum, bin) => sum + bin.stars, 0);
  assert.ok(stars <= pair.stars.length && stars > 0.6 * pair.stars.length);
  for (const [k, bin] of bins.entries()) {
    assert.equal(bin.to, bin.from + 1);
    assert.ok(k === 0 || bin.from > bins[k - 1]!.from);
    assert.ok(bin.spread > 0.8 && bin.spread < 2, `${bin.spread}`);
    assert.ok(bin.powerLeft !== null && bin.powerLeft < 0.1);
  }
});
