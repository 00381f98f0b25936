import assert from "node:assert/strict";
import { join } from "node:path";
import { readImage } from "../../fits/image.ts";
import { bit, readMask } from "../../sky/mask.ts";
import { median } from "../../sky/stats.ts";
import { DETECTOR, rawNight, writeCalibrations } from "./_raw_night.ts";

const LIGHT = { type: "LIGHT", exposureS: 120, filter: "r" } as const;
const ID = "calib_7DT07_T09614_20240423_025312_r_120";

Deno.test("calib takes bias, scaled dark and flat out and masks hot, dead and saturated pixels", async () => {
  await using night = await rawNight();
  await writeCalibrations(night);
  await night.write({ ...LIGHT, name: "L1", pixel: DETECTOR.light(40, 120, 3000) });
  const { products, left, metrics } = await night.run();
  assert.deepEqual(left, []);
  assert.deepEqual(metrics, { masters: 3, lights: 1, calibrated: 1, borrowed: 0, refused: 0 });
  const light = products.find(({ kind }) => kind === "frame")!;
  assert.equal(light.id, ID);
  const { data, header, width } = await readImage(light.path);
  assert.ok(Math.abs(median(data) - 3000) < 3, `level ${median(data)}`);
  for (const [x, y] of [[0, 0], [39, 29], [12, 20]] as const) {
    assert.ok(Math.abs(data[y * width + x]! - 3000) < 30);
  }
  const mask = await readMask(join(light.path, "..", `${ID}.mask.fits`));
  const planes = (x: number, y: number) => mask.data[y * width + x];
  assert.equal(planes(5, 7), bit("BAD", "INTRP"));
  assert.equal(planes(30, 3), bit("BAD", "INTRP"));
  assert.equal(planes(20, 15), bit("SAT"));
  assert.equal(mask.data.filter((value) => value !== 0).length, 3);
  assert.ok(Math.abs(data[7 * width + 5]! - 3000) < 30, "a hot pixel is filled");
  assert.equal(header.number("EGAIN"), 0.25);
  assert.equal(header.number("DARKSCAL"), 2);
  assert.equal(header.text("FLATNAME"), "20240423-nr.fits");
  assert.equal(header.text("BIASNAME"), "20240423-zero.fits");
  assert.equal(header.text("DARKNAME"), "60-20240423-dark.fits");
});

Deno.test("calib borrows missing masters from the nearest earlier night and says so", async () => {
  await using night = await rawNight();
  await writeCalibrations(night);
  await night.run({}, "2024-04-20");
  await night.run({}, "2024-04-21");
  await night.run({}, "2024-04-25");
  for await (const { name } of Deno.readDir(night.raw)) await Deno.remove(join(night.raw, name));
  await night.write({ ...LIGHT, name: "L1", pixel: DETECTOR.light(40, 120, 3000) });
  const { products, left, metrics } = await night.run();
  assert.deepEqual(left, []);
  assert.equal(metrics.borrowed, 1);
  const light = products.find(({ kind }) => kind === "frame")!;
  const { header } = await readImage(light.path);
  assert.equal(header.text("BIASNAME"), "20240421-zero.fits");
  assert.deepEqual(
    (light.measured as Record<string, unknown>)["borrowed"],
    "20240421-zero 60-20240421-dark 20240421-nr",
  );
  const history = header.cards.filter(({ keyword }) => keyword === "HISTORY")
    .map(({ value, comment }) => `${value ?? ""}${comment}`).join("\n");
  assert.match(history, /borrowed flat 20240421-nr of night 20240421/);
});

Deno.test("calib leaves lights behind when there is no bias anywhere, and says why", async () => {
  await using night = await rawNight();
  await night.write({ ...LIGHT, name: "L1", pixel: DETECTOR.light(40, 120, 3000) });
  const { products, left } = await night.run();
  assert.equal(products.length, 0);
  assert.equal(left.length, 1);
  assert.equal(left[0]?.error, "DataError");
  assert.match(left[0].message, /Cannot calibrate "L1": no bias for 7DT07 in this night nor/);
});

Deno.test("calib leaves behind only the lights of a filter without a flat", async () => {
  await using night = await rawNight();
  await writeCalibrations(night);
  await night.write({ ...LIGHT, name: "L1", pixel: DETECTOR.light(40, 120, 3000) });
  await night.write({ ...LIGHT, name: "L2", filter: "m600", pixel: DETECTOR.light(41, 120, 3000) });
  const { metrics, left } = await night.run();
  assert.equal(metrics.calibrated, 1);
  assert.deepEqual(left.map(({ id }) => id), ["L2"]);
  assert.match(left[0]!.message, /no flat in m600/);
});

Deno.test("calib leaves a frame of another size behind and names both sizes", async () => {
  await using night = await rawNight();
  await writeCalibrations(night);
  const size = { width: 20, height: 10 };
  await night.write({ ...LIGHT, name: "L1", pixel: DETECTOR.light(40, 120, 3000) });
  await night.write({ ...LIGHT, ...size, name: "L2", pixel: DETECTOR.light(41, 120, 3000) });
  await night.write({ ...size, name: "B9", type: "BIAS", pixel: DETECTOR.bias(9) });
  const { metrics, left } = await night.run();
  assert.equal(metrics.calibrated, 1);
  assert.deepEqual(left.map(({ id }) => id).sort(), ["B9", "L2"]);
  for (const { message } of left) assert.match(message, /20×10 px.*40×30 px/);
});

Deno.test("calib leaves the second of two frames behind that give one name", async () => {
  await using night = await rawNight();
  await writeCalibrations(night);
  await night.write({ ...LIGHT, name: "L1", pixel: DETECTOR.light(40, 120, 3000) });
  await night.write({ ...LIGHT, name: "L2", pixel: DETECTOR.light(41, 120, 3000) });
  const { metrics, left } = await night.run();
  assert.equal(metrics.calibrated, 1);
  assert.match(left[0]!.message, /"L2": "L1" gives the same name "calib_7DT07_T09614_20240423/);
});

Deno.test("calib makes no master from too few frames and goes on with a borrowed one", async () => {
  await using night = await rawNight();
  await writeCalibrations(night);
  await night.run({}, "2024-04-20");
  for (const k of [2, 3, 4]) await Deno.remove(join(night.raw, `F${k}.fits`));
  await night.write({ ...LIGHT, name: "L1", pixel: DETECTOR.light(40, 120, 3000) });
  const { metrics, left } = await night.run();
  assert.equal(metrics.calibrated, 1);
  assert.equal(metrics.borrowed, 1);
  assert.equal(left[0]?.error, "Gate");
  assert.match(left[0].message, /Cannot make a flat in r from 2 frames: at least 3 are needed/);
});

Deno.test("calib leaves a dark or saturated flat out of the master and goes on", async () => {
  await using night = await rawNight();
  await writeCalibrations(night);
  const flat = { type: "FLAT", exposureS: 80, filter: "r" } as const;
  await night.write({ ...flat, name: "F8", pixel: DETECTOR.flat(50, 80, 20) });
  await night.write({ ...flat, name: "F9", pixel: () => 65535 });
  const { products, left } = await night.run();
  assert.deepEqual(left.map(({ id }) => id).sort(), ["F8", "F9"]);
  const master = products.find(({ id }) => id === "20240423-nr")!;
  const { header } = await readImage(master.path);
  assert.equal(header.number("NCOMBINE"), 5);
});

Deno.test("calib without any dark marks lights as degraded, or leaves them behind if asked", async () => {
  await using night = await rawNight();
  await writeCalibrations(night);
  for (let k = 0; k < 5; k++) await Deno.remove(join(night.raw, `D${k}.fits`));
  await night.write({ ...LIGHT, name: "L1", pixel: DETECTOR.light(40, 120, 3000) });
  const { products } = await night.run();
  const light = products.find(({ kind }) => kind === "frame")!;
  assert.equal((light.gates as { verdict: string }[])[0]?.verdict, "degraded");
  const strict = await night.run({ needDark: true });
  assert.match(strict.left[0]!.message, /no dark of 120 s/);
});

Deno.test("calib drops stale regions and applies the site's corrections of cards", async () => {
  await using night = await rawNight();
  await writeCalibrations(night);
  const cards = { TRIMSEC: "[1:9000,1:9000]", BIASSEC: "[1:10,1:10]", IMAGETYP: "Light Frame" };
  await night.write({ ...LIGHT, name: "L1", cards, pixel: DETECTOR.light(40, 120, 3000) });
  const { products } = await night.run();
  const light = products.find(({ kind }) => kind === "frame")!;
  const { header, width } = await readImage(light.path);
  assert.equal(width, 40);
  assert.ok(!header.has("TRIMSEC") && !header.has("BIASSEC"));
  assert.equal(header.text("IMAGETYP"), "LIGHT");
});

Deno.test("calib keeps frames of other gain settings apart", async () => {
  await using night = await rawNight();
  for (let k = 0; k < 3; k++) {
    await night.write({ name: `B${k}`, type: "BIAS", cards: { GAIN: 0 }, pixel: () => 100 });
    await night.write({ name: `C${k}`, type: "BIAS", cards: { GAIN: 2750 }, pixel: () => 500 });
  }
  const { products } = await night.run();
  const masters = products.filter(({ kind, role }) => kind === "master" && role === undefined);
  const levels = await Promise.all(
    masters.map(async ({ path }) => (await readImage(path)).data[0]),
  );
  assert.deepEqual(levels.sort(), [100, 500]);
  assert.notEqual(masters[0]?.path, masters[1]?.path);
});

Deno.test("calib marks pixels beyond linearity as SUSPECT, by MAXLIN where a frame has it", async () => {
  await using night = await rawNight();
  await writeCalibrations(night);
  const bright = (x: number, y: number) =>
    x === 3 && y === 4 ? 55000 : x === 8 && y === 9 ? 45000 : DETECTOR.light(40, 120, 3000)(x, y);
  await night.write({ ...LIGHT, name: "L1", pixel: bright });
  await night.write({ ...LIGHT, name: "L2", object: "M", cards: { MAXLIN: 40000 }, pixel: bright });
  const { products } = await night.run();
  const masks = products.filter(({ kind }) => kind === "mask");
  const planes = await Promise.all(masks.map(async ({ path }) => {
    const { data, width } = await readMask(path);
    return [data[4 * width + 3], data[9 * width + 8], data[15 * width + 20]];
  }));
  assert.deepEqual(planes, [[128, 0, 2], [128, 128, 2]]);
});
