import assert from "node:assert/strict";
import { openCompute } from "../../../gpu/compute.ts";
import { interpolate } from "../../../gpu/kernels/interpolate/interpolate.ts";
import { bit } from "../../../sky/mask.ts";
import { scatter } from "../_raw_night.ts";
import type { LightStrip } from "./reduce_light.ts";
import { repairLight } from "./repair_light.ts";

const [WIDTH, HEIGHT] = [61, 57];
const BAD = bit("BAD");

/** A light with bad pixels, a bad column and a bad corner. */
function light(): Omit<LightStrip, "firstRow"> {
  const values = Float32Array.from(
    { length: WIDTH * HEIGHT },
    (_, i) => 500 + 10 * scatter(1, i % WIDTH, Math.floor(i / WIDTH)),
  );
  const mask = Uint16Array.from(values, (_, i) => {
    const [x, y] = [i % WIDTH, Math.floor(i / WIDTH)];
    return x === 20 || (x < 30 && y > 50) || scatter(2, x, y) > 1.6 ? BAD : 0;
  });
  return { values, mask };
}

/** Strips that lie in the same place one after the other, as those of a stage do. */
async function* cut({ values, mask }: Omit<LightStrip, "firstRow">, rows: number) {
  const place = { values: new Float32Array(rows * WIDTH), mask: new Uint16Array(rows * WIDTH) };
  for (let firstRow = 0; firstRow < HEIGHT; firstRow += rows) {
    const [from, to] = [firstRow * WIDTH, Math.min(HEIGHT, firstRow + rows) * WIDTH];
    place.values.fill(NaN).set(values.subarray(from, to));
    place.mask.set(mask.subarray(from, to));
    await Promise.resolve();
    yield {
      firstRow,
      values: place.values.subarray(0, to - from),
      mask: place.mask.subarray(0, to - from),
    };
  }
}

Deno.test("repairLight() fills what interpolate() fills of the whole light, however it is cut", async () => {
  using compute = await openCompute({ device: "cpu", cpu: { threads: 2 } });
  const { values, mask } = light();
  const whole = { values: values.slice(), mask: mask.slice() };
  await interpolate(compute, { width: WIDTH, values, mask }, whole, {
    ...{ bits: BAD, mark: bit("INTRP"), noData: bit("NO_DATA") },
  });
  assert.ok(whole.mask.some((bits) => bits === (BAD | bit("NO_DATA"))));
  const { signal } = new AbortController();
  for (const rows of [1, 2, 3, 4, 5, 9, 28, HEIGHT]) {
    const found = { values: new Float32Array(mask.length), mask: new Uint16Array(mask.length) };
    let next = 0;
    const place = { width: WIDTH, height: HEIGHT, compute, signal };
    for await (const strip of repairLight(cut({ values, mask }, rows), place)) {
      assert.equal(strip.firstRow, next);
      found.values.set(strip.values, next * WIDTH);
      found.mask.set(strip.mask, next * WIDTH);
      next += strip.mask.length / WIDTH;
    }
    assert.equal(next, HEIGHT);
    assert.deepEqual(found, whole);
    assert.equal(compute.bytesInUse, 0);
  }
});
