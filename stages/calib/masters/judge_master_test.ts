import assert from "node:assert/strict";
import { readImage } from "../../../fits/image.ts";
import type { Gate } from "../../manifest.ts";
import { DETECTOR, type RawNight, rawNight, scatter } from "../_raw_night.ts";

type Pixel = (x: number, y: number) => number;

async function biases(night: RawNight, date: string, pixel: (seed: number) => Pixel) {
  for (let k = 0; k < 5; k++) await night.write({ name: `B${k}`, type: "BIAS", pixel: pixel(k) });
  const run = await night.run({}, date);
  const master = run.products.find(({ kind, role }) => kind === "master" && role === undefined)!;
  const gates = Object.fromEntries(
    (master.gates as Gate[]).map(({ name, verdict }) => [name, verdict]),
  );
  return { ...run, master, gates, header: (await readImage(master.path)).header };
}

Deno.test("calib accepts the first master and one like the last, and compares them", async () => {
  await using night = await rawNight();
  const first = await biases(night, "2024-04-20", DETECTOR.bias);
  assert.deepEqual(first.gates, { inputs: "pass" });
  assert.equal(first.header.boolean("ACCEPTED"), true);
  const second = await biases(night, "2024-04-21", (k) => DETECTOR.bias(k + 5));
  assert.deepEqual(second.gates, {
    inputs: "pass",
    driftAdu: "pass",
    noiseRatio: "pass",
    changedFraction: "pass",
  });
  assert.deepEqual([second.left, second.metrics.refused], [[], 0]);
});

Deno.test("calib refuses a master whose level has moved and gives lights the last good one", async () => {
  await using night = await rawNight();
  await biases(night, "2024-04-20", DETECTOR.bias);
  await night.write({
    name: "L1",
    type: "LIGHT",
    exposureS: 120,
    filter: "r",
    pixel: DETECTOR.light(40, 120, 3000),
  });
  for (let k = 0; k < 5; k++) {
    const moved: Pixel = (x, y) => DETECTOR.bias(k)(x, y) + 50;
    await night.write({ name: `B${k}`, type: "BIAS", pixel: moved });
  }
  const { products, left, metrics } = await night.run({ needFlat: false });
  assert.equal(metrics.refused, 1);
  assert.match(
    left[0]!.message,
    /^Cannot use the new bias "20240423-zero": driftAdu 50.*at most 20 from 20240420-zero/,
  );
  const light = products.find(({ kind }) => kind === "frame")!;
  assert.equal((light.measured as Record<string, unknown>)["borrowed"], "20240420-zero");
  const master = products.find(({ id }) => id === "20240423-zero")!;
  assert.equal((await readImage(master.path)).header.boolean("ACCEPTED"), false);
});

Deno.test("calib refuses a master that is noisier, or has many changed pixels", async () => {
  await using night = await rawNight();
  await biases(night, "2024-04-20", DETECTOR.bias);
  const noisy = await biases(
    night,
    "2024-04-21",
    (k) => (x, y) => 500 + 6 * scatter(k, x, y),
  );
  assert.equal(noisy.gates["noiseRatio"], "fail");
  const striped = await biases(
    night,
    "2024-04-22",
    (k) => (x, y) => DETECTOR.bias(k)(x, y) + (x % 8 === 0 ? 60 : 0),
  );
  assert.deepEqual(striped.gates, {
    inputs: "pass",
    driftAdu: "pass",
    noiseRatio: "pass",
    changedFraction: "fail",
  });
});

Deno.test("calib accepts a change that lasts: a refused master of the night before agrees", async () => {
  await using night = await rawNight();
  await biases(night, "2024-04-20", DETECTOR.bias);
  const moved = (k: number): Pixel => (x, y) => DETECTOR.bias(k)(x, y) + 50;
  assert.equal((await biases(night, "2024-04-21", moved)).metrics.refused, 1);
  const again = await biases(night, "2024-04-22", (k) => moved(k + 5));
  assert.equal(again.metrics.refused, 0);
  assert.equal(again.gates["driftAdu"], "degraded");
  assert.match(again.header.text("JUDGED")!, /^a lasting change: differs from 20240420-zero/);
  const third = await biases(night, "2024-04-23", (k) => moved(k + 10));
  assert.equal(third.gates["driftAdu"], "pass");
});

Deno.test("calib compares nothing when told not to judge", async () => {
  await using night = await rawNight();
  await biases(night, "2024-04-20", DETECTOR.bias);
  for (let k = 0; k < 5; k++) {
    await night.write({ name: `B${k}`, type: "BIAS", pixel: () => 900 + k });
  }
  const { metrics, left } = await night.run({ judge: false }, "2024-04-21");
  assert.deepEqual([metrics.refused, left], [0, []]);
});
