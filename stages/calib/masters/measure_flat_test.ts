import assert from "node:assert/strict";
import { readImage } from "../../../fits/image.ts";
import { DETECTOR, rawNight, writeCalibrations } from "../_raw_night.ts";

Deno.test("calib leaves a flat with another gradient out of the master and says why", async () => {
  await using night = await rawNight();
  await writeCalibrations(night);
  const flat = { type: "FLAT", exposureS: 80, filter: "r" } as const;
  const even = DETECTOR.flat(50, 80, 20000);
  await night.write({ ...flat, name: "F8", pixel: (x, y) => even(x, y) * (1 + 0.08 * y / 30) });
  await night.write({ ...flat, name: "F9", pixel: even });
  const { products, left } = await night.run();
  assert.deepEqual(left.map(({ id, error }) => [id, error]), [["F8", "Gate"]]);
  assert.match(left[0]!.message, /its illumination differs by [3-5]\.\d % from that of the others/);
  const { header } = await readImage(products.find(({ id }) => id === "20240423-nr")!.path);
  assert.equal(header.number("NCOMBINE"), 6);
});
