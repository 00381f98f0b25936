import assert from "node:assert/strict";
import { loadSite } from "../../../config/site.ts";
import { readImage } from "../../../fits/image.ts";
import { tanWcs, wcsFromHeader } from "../../../sky/wcs.ts";
import { testContext } from "../../testing.ts";
import { measureStar, type Star, writeFrame } from "../_synthetic_frames.ts";
import { compareStars, type StarList } from "./common_stars.ts";
import { stack } from "../mod.ts";

const SIZE = { width: 320, height: 300 };
const CENTRE = { raDeg: 200, decDeg: -10 };
const STARS: readonly Star[] = Array.from({ length: 25 }, (_, i) => ({
  raDeg: CENTRE.raDeg + ((i * 61) % 140 - 70) / 3600,
  decDeg: CENTRE.decDeg + ((i * 43) % 130 - 65) / 3600,
  flux: 20_000 + 9000 * i,
}));
const SCALES = [1, 0.6, 0.85];

async function stackOf(
  params: Record<string, unknown>,
  shiftsArcsec: readonly number[] = [0, 3, -2],
) {
  const folder = await Deno.makeTempDir({ prefix: "gppy-scale-" });
  try {
    const made = [];
    for (const [index, scale] of SCALES.entries()) {
      const decDeg = CENTRE.decDeg + shiftsArcsec[index]! / 3600;
      const wcs = tanWcs({ ...CENTRE, decDeg, scaleArcsec: 0.6, rotationDeg: index, ...SIZE });
      const frame = { folder, index, wcs, stars: STARS, ...SIZE, scale, sky: 100 * scale };
      // exposures that would lead astray
      made.push(...await writeFrame({ ...frame, exposureS: 60 }));
    }
    const site = await loadSite({ base: folder, env: {} });
    const { context, left } = testContext({ products: made, inputs: ["frame"], site, folder });
    const { products } = await stack.run(stack.params.parse(params), context);
    const path = products.find(({ kind }) => kind === "stack")?.path;
    return { image: path === undefined ? undefined : await readImage(path), left };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("stack finds the transparency of frames without zero points by their common stars", async () => {
  const { image } = await stackOf({ scale: "stars", combine: "mean" });
  const header = image!.header;
  assert.equal(header.text("SCALEBY"), "stars");
  for (const [i, scale] of SCALES.entries()) {
    const found = header.requireNumber(`FSCL00${i + 1}`);
    assert.ok(Math.abs(found * scale - 1) < 0.005, `frame ${i}: ${found}`);
  }
  assert.match(header.toText(), /_f1 x 1\.6\d* by \d+ stars, share/);
  const wcs = wcsFromHeader(header)!;
  for (const star of STARS.slice(0, 5)) {
    const { flux } = measureStar(image!, ...wcs.skyToPixel(star.raDeg, star.decDeg));
    assert.ok(Math.abs(flux / star.flux - 1) < 0.02, `${flux} of ${star.flux}`);
  }
});

Deno.test("stack scales by exposures where stars are not known, and says so when they are wanted", async () => {
  const { image } = await stackOf({});
  assert.equal(image!.header.text("SCALEBY"), "exposure");
  assert.equal(image!.header.number("FSCL002"), 1);
  const { left } = await stackOf({ scale: "stars", grid: "frames" }, [0, 3, 400]);
  assert.match(left[0]!.message, /Cannot scale "calib_7DT07_T1_f2": it shares fewer than 5 stars/);
});

Deno.test("compareStars() is not led astray by variable stars, nor by frames apart", () => {
  const list = (offset: number, shiftDeg = 0): StarList => ({
    raDeg: Array.from({ length: 30 }, (_, i) => 10 + shiftDeg + i / 100),
    decDeg: Array.from({ length: 30 }, (_, i) => 5 + (i % 7) / 100),
    mag: Array.from({ length: 30 }, (_, i) => -10 + i / 10 + offset + (i === 4 ? 1.5 : 0)),
    error: new Array(30).fill(0.01),
  });
  const steady = list(0);
  const [one, half, apart] = compareStars([
    { ...steady, mag: steady.mag.map((mag, i) => i === 4 ? mag - 1.5 : mag) },
    list(2.5 * Math.log10(2)),
    list(0, 5),
  ], 2);
  assert.deepEqual(one, { counts: 1, stars: 30 });
  assert.ok(Math.abs(half!.counts - 0.5) < 1e-9, `${half!.counts}`);
  assert.equal(half!.stars, 29);
  assert.equal(apart, undefined);
});
