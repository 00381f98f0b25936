import assert from "node:assert/strict";
import { join } from "node:path";
import { readImage, writeImage } from "../../../fits/image.ts";
import { readMask } from "../../../sky/mask.ts";
import { DETECTOR, type RawNight, rawNight, writeCalibrations } from "../_raw_night.ts";

async function prepare(night: RawNight): Promise<void> {
  await writeCalibrations(night);
  const light = DETECTOR.light(40, 120, 3000);
  const pixel = (x: number, y: number) => x === 9 && y === 8 ? 55000 : light(x, y);
  await night.write({ name: "L1", type: "LIGHT", exposureS: 120, filter: "r", pixel });
}

/** Stores frames anew as float32, so that they are not read as the others are. */
async function storeAsFloats(night: RawNight, names: readonly string[]): Promise<void> {
  for (const name of names) {
    const path = join(night.raw, `${name}.fits`);
    await writeImage(path, await readImage(path));
  }
}

Deno.test("calib gives the same whether the kernels or the strips of the stage do the work", async () => {
  for (const combine of ["median", "clipped-mean"] as const) {
    await using alike = await rawNight();
    await using mixed = await rawNight();
    await prepare(alike);
    await prepare(mixed);
    await storeAsFloats(mixed, ["B0", "D0", "F0", "L1"]);
    const params = { combine, flatCombine: "clipped-median" } as const;
    const [a, b] = [await alike.run(params), await mixed.run(params)];
    assert.deepEqual([a.left, b.left], [[], []]);
    assert.equal(a.products.length, b.products.length);
    for (const [k, product] of a.products.entries()) {
      const other = b.products[k]!;
      assert.equal(product.id, other.id);
      if (product.kind === "mask") {
        assert.deepEqual((await readMask(product.path)).data, (await readMask(other.path)).data);
        continue;
      }
      const { data } = await readImage(product.path);
      const found = (await readImage(other.path)).data;
      for (let i = 0; i < data.length; i++) {
        const near = Math.abs(data[i]! - found[i]!) <= 1e-4 + 1e-5 * Math.abs(data[i]!);
        assert.ok(near || Object.is(data[i], found[i]), `${product.id} ${data[i]} ${found[i]}`);
      }
    }
  }
});
