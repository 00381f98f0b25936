import assert from "node:assert/strict";
import { decode } from "fast-png";
import { stampsPng } from "./stamps.ts";
import { tanWcs } from "./wcs.ts";

const RAMP = Float32Array.from({ length: 441 }, (_, i) => i);
const WCS = tanWcs({ raDeg: 1, decDeg: 2, scaleArcsec: 0.5, width: 21, height: 21 });

/** Pixels of the yellow of scales and arrows. */
function yellowOf(png: Uint8Array): [x: number, y: number][] {
  const { width, data, channels } = decode(png);
  assert.equal(channels, 3);
  return Array.from({ length: data.length / 3 }, (_, i) => i)
    .filter((i) => data[3 * i]! > 200 && data[3 * i + 1]! > 150 && data[3 * i + 2]! < 90)
    .map((i) => [i % width, Math.floor(i / width)]);
}

Deno.test("stampsPng() draws a triplet with titles, a scale and the directions of the sky", async () => {
  const stamps = ["Science", "Reference", "Difference"].map((title) => ({
    data: RAMP,
    size: 21,
    title,
  }));
  const orientation = WCS.jacobian(10, 10);
  const png = await stampsPng(stamps, { title: "T1 <new>", pixelScaleArcsec: 0.5, orientation });
  const { width, height, data } = decode(png);
  assert.ok(width > 3 * 240 && height > 240);
  assert.ok(new Set(data).size > 50, "the stamps show more than black and white");
  const bar = yellowOf(png).filter(([x]) => x < 120).map(([x]) => x);
  const length = 1 + Math.max(...bar) - Math.min(...bar);
  assert.ok(Math.abs(length - 2 / (21 * 0.5) * 240) <= 2, `2″ of 10.5″ are ${length} px`);
});

Deno.test("stampsPng() draws north up and east left for a WCS that has them there", async () => {
  const orientation = WCS.jacobian(10, 10);
  const yellow = yellowOf(await stampsPng([{ data: RAMP, size: 21, title: "a" }], { orientation }));
  const corner = { x: 16 + 240 - 34, y: 16 + 18 + 240 - 34 };
  const beyond = (isThere: (dx: number, dy: number) => boolean) =>
    yellow.filter(([x, y]) => isThere(x - corner.x, y - corner.y)).length;
  assert.ok(beyond((dx, dy) => dy < -8 && Math.abs(dx) < 6) > 20, "north");
  assert.ok(beyond((dx, dy) => dx < -8 && Math.abs(dy) < 6) > 20, "east");
  assert.equal(beyond((dx, dy) => dy > 8 || dx > 8), 0);
});

Deno.test("stampsPng() without marks is grey, and the stamp has its first row below", async () => {
  const stamp = { data: RAMP, size: 21, title: "a", lo: 0, hi: 440 };
  const { width, channels, data } = decode(await stampsPng([stamp], { marker: false }));
  assert.equal(channels, 1);
  const at = (x: number, y: number) => data[(16 + 18 + y) * width + 16 + x]!;
  assert.ok(at(5, 235) < 20 && at(235, 5) > 235);
});
