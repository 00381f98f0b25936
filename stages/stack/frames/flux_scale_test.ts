import assert from "node:assert/strict";
import { loadSite } from "../../../config/site.ts";
import { FitsHeader } from "../../../fits/header.ts";
import { readImage } from "../../../fits/image.ts";
import { tanWcs, wcsFromHeader } from "../../../sky/wcs.ts";
import { testContext, testProduct } from "../../testing.ts";
import { measureStar, type Star, writeFrame } from "../_synthetic_frames.ts";
import { compareStars, type StarList } from "./common_stars.ts";
import type { MeasuredFrame } from "./frames.ts";
import { leaveCloudy } from "./transparency.ts";
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

Deno.test("stack leaves cloudy frames without zero points out by their common stars", async () => {
  const asked = { minTransparency: 0.7, grid: "frames" };
  const { image, left } = await stackOf(asked);
  assert.equal(left.length, 1);
  assert.match(
    left[0]!.message,
    /_f1": transparency 0\.(6|59\d|60\d) by common stars, needed >= 0\.7/,
  );
  const { header } = image!;
  assert.equal(header.number("NCOMBINE"), 2);
  assert.match(header.toText(), /left out calib_7DT07_T1_f1: transparency 0\.\d+/);
  // what was measured for the gate scales the frames too
  assert.equal(header.text("SCALEBY"), "stars");
  assert.ok(Math.abs(header.requireNumber("FSCL002") * 0.85 - 1) < 0.005);

  const apart = await stackOf(asked, [0, 3, 400]);
  const reasons = apart.left.map(({ message }) => message).join("\n");
  assert.match(reasons, /_f1": transparency 0\.\d+ by/);
  assert.match(
    reasons,
    /_f2": transparency not to be measured, too few stars shared, needed >= 0\.7/,
  );
  const all = await stackOf({ ...asked, minTransparency: 0.5 });
  assert.deepEqual([all.left.length, all.image!.header.number("NCOMBINE")], [0, 3]);
});

Deno.test("leaveCloudy() takes zero points where all have one, and says nothing by too few stars", async () => {
  const frame = (id: string, cards: Record<string, number>, exposureS = 60) => {
    const product = { ...testProduct({ id, kind: "frame", path: `/${id}.fits` }), exposureS };
    return { product, header: FitsHeader.from(cards) } as MeasuredFrame;
  };
  const no = () => assert.fail("zero points are known");
  const known = [frame("a", { ZP_AUTO: 25 }), frame("b", { ZP_AUTO: 24.25 }, 30)];
  const judged = await leaveCloudy(known, 0.8, no);
  assert.deepEqual(judged.left, [], "half the exposure");
  const dim = await leaveCloudy([...known, frame("c", { ZP_AUTO: 24 })], 0.8, no);
  assert.equal(dim.left[0]!.reason, "transparency 0.397 by zero points, needed >= 0.8");
  const factors = (stars: number) => () => Promise.resolve([{ counts: 1, stars }, undefined]);
  const unknown = [frame("a", { ZP_AUTO: 25 }), frame("b", {})];
  assert.equal((await leaveCloudy(unknown, 0.8, factors(8))).left.length, 0);
  assert.equal((await leaveCloudy(unknown, 0.8, factors(80))).left.length, 1);
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
