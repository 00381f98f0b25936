import assert from "node:assert/strict";
import { join } from "node:path";
import { openCompute } from "../../../gpu/compute.ts";
import { removeCosmicRays } from "../../../gpu/kernels/cosmic_rays/cosmic_rays.ts";
import { readImage } from "../../../fits/image.ts";
import { bit, readMask } from "../../../sky/mask.ts";
import { DETECTOR, rawNight, scatter, writeCalibrations } from "../_raw_night.ts";
import { cleanRays } from "./clean_rays.ts";
import type { LightStrip } from "./reduce_light.ts";

const WIDTH = 64;
const HEIGHT = 500;

/** A sky of 800 ADU with tracks across the places where it is cut. */
function rayField(): LightStrip {
  const values = new Float32Array(WIDTH * HEIGHT);
  for (let i = 0; i < values.length; i++) {
    values[i] = 800 + 3 * scatter(1, i % WIDTH, Math.floor(i / WIDTH));
  }
  for (let y = 5; y < HEIGHT - 5; y++) values[y * WIDTH + (y * 7) % WIDTH]! += y % 9 ? 0 : 3000;
  for (let y = 190; y < 215; y++) values[y * WIDTH + 30] = 5000;
  return { firstRow: 0, values, mask: new Uint16Array(values.length) };
}

async function* cutInStrips({ values, mask }: LightStrip, rows: number) {
  for (let firstRow = 0; firstRow < HEIGHT; firstRow += rows) {
    const [from, to] = [firstRow * WIDTH, Math.min(HEIGHT, firstRow + rows) * WIDTH];
    yield await Promise.resolve({
      firstRow,
      values: values.slice(from, to),
      mask: mask.slice(from, to),
    });
  }
}

Deno.test("cleanRays() gives the same however the light is cut", async () => {
  using compute = await openCompute({ device: "cpu" });
  const field = rayField();
  const detector = { gainEAdu: 1, readNoiseE: 5 };
  const whole = await removeCosmicRays(compute, { width: WIDTH, ...field }, {
    ...detector,
    ...{ bit: bit("CR"), ignoreBits: bit("BAD", "SAT", "NO_DATA"), iterations: 4 },
  });
  assert.ok(whole.pixels > 50);
  for (const [strip, rows] of [[7, 30], [128, 100], [HEIGHT, HEIGHT]] as const) {
    const size = { width: WIDTH, height: HEIGHT, rows };
    const values: number[] = [];
    const mask: number[] = [];
    for await (
      const part of cleanRays(cutInStrips(field, strip), { ...size, ...detector, compute })
    ) {
      assert.equal(part.firstRow * WIDTH, mask.length);
      values.push(...part.values);
      mask.push(...part.mask);
    }
    assert.deepEqual(Float32Array.from(values), whole.values);
    const both = bit("CR", "INTRP");
    assert.deepEqual(mask, [...whole.mask].map((bits) => bits === 0 ? 0 : both));
  }
});

Deno.test("calib marks and fills cosmic rays when asked, and else leaves them in", async () => {
  await using night = await rawNight();
  await writeCalibrations(night);
  const light = DETECTOR.light(40, 120, 3000);
  const pixel = (x: number, y: number) => light(x, y) + (x === 10 && y === 12 ? 9000 : 0);
  await night.write({ name: "L1", type: "LIGHT", exposureS: 120, filter: "r", pixel });
  for (const cosmicRays of [true, false]) {
    const { products } = await night.run({ cosmicRays });
    const frame = products.find(({ kind }) => kind === "frame")!;
    const { data, width } = await readImage(frame.path);
    const mask = await readMask(join(frame.path, "..", `${frame.id}.mask.fits`));
    const at = 12 * width + 10;
    assert.equal(mask.data[at], cosmicRays ? bit("CR", "INTRP") : 0);
    assert.equal(Math.abs(data[at]! - 3000) < 100, cosmicRays, `${data[at]}`);
    assert.equal(frame.measured?.["cosmicRayPixels"], cosmicRays ? 1 : undefined);
  }
});
