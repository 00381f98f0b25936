import assert from "node:assert/strict";
import { bit } from "../../../sky/mask.ts";
import { tanWcs, wcsFromHeader } from "../../../sky/wcs.ts";
import { type FrameSpec, normal, type Star, writeFrame } from "../_synthetic_frames.ts";
import { type MadeStack, runStack } from "../_run_stack.ts";
import { sortOutliers } from "./artefact_shapes.ts";

const SIZE = { width: 400, height: 360 };
const CENTRE = { raDeg: 80, decDeg: 20, scaleArcsec: 0.5 };
const STARS: readonly Star[] = Array.from({ length: 30 }, (_, i) => ({
  raDeg: CENTRE.raDeg + ((i * 53) % 170 - 85) / 3600,
  decDeg: CENTRE.decDeg + ((i * 29) % 150 - 75) / 3600,
  flux: 3000 * 1.3 ** (i % 20),
}));

const wcsOf = (index: number) =>
  tanWcs({
    ...{ ...CENTRE, ...SIZE, rotationDeg: index * 0.4 },
    raDeg: CENTRE.raDeg + (index * 37 % 7 - 3) * 1.3 / 3600,
    decDeg: CENTRE.decDeg + (index * 17 % 7 - 3) * 1.3 / 3600,
  });

type Spoil = (data: Float32Array, width: number) => void;

/** A trail with the profile of a star, fading in and out along itself, and cosmic rays. */
const trailAndRays: Spoil = (data, width) => {
  for (let y = 0; y < SIZE.height; y++) {
    for (let x = 0; x < width; x++) {
      const off = (y - 40 - 0.61 * x) / Math.hypot(1, 0.61);
      if (Math.abs(off) > 8) continue;
      const tumbling = 60 + 40 * Math.sin(x / 17);
      data[y * width + x]! += tumbling * Math.exp(-off * off / 2 / 1.5 ** 2);
    }
  }
  for (let n = 0; n < 40; n++) {
    const at = (20 + n * 67 % 330) * width + 30 + n * 131 % 340;
    for (const [step, adu] of [[0, 4000], [1, 2500], [width + 1, 900]] as const) {
      data[at + step]! += adu;
    }
  }
};

async function makeStack(
  specs: readonly Partial<FrameSpec>[],
  params: Record<string, unknown>,
  spoil?: readonly [frame: number, spoil: Spoil],
): Promise<MadeStack> {
  const folder = await Deno.makeTempDir({ prefix: "gppy-artefacts-" });
  try {
    const made = [];
    for (const [index, spec] of specs.entries()) {
      const frame = { folder, index, wcs: wcsOf(index), stars: STARS, ...SIZE, ...spec };
      const own = spoil?.[0] === index ? { paint: spoil[1] } : {};
      made.push(...await writeFrame({ ...frame, ...own }));
    }
    return await runStack(folder, made, params);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const five = Array.from({ length: 5 }, (_, i): Partial<FrameSpec> => ({ seed: 20 + i }));
const params = { combine: "artefacts", grid: "first", background: "constant" };

Deno.test("a trail and cosmic rays of one frame of five leave no residual above 1 σ", async () => {
  const clean = await makeStack(five, params);
  const dirty = await makeStack(five, params, [2, trailAndRays]);
  const alone = await makeStack([0, 1, 3, 4].map((i) => ({ ...five[i]!, wcs: wcsOf(i) })), {
    ...params,
    grid: "first",
  });
  // where the frame was spoilt, in places of the grid
  const painted = new Float32Array(SIZE.width * SIZE.height);
  trailAndRays(painted, SIZE.width);
  const grid = wcsFromHeader(dirty.image.header)!;
  const pulls: number[] = [];
  for (let y = 10; y < SIZE.height - 10; y++) {
    for (let x = 10; x < SIZE.width - 10; x++) {
      const [sx, sy] = wcsOf(2).skyToPixel(...grid.pixelToSky(x, y)).map(Math.round);
      if (!(painted[sy! * SIZE.width + sx!]! > 1)) continue;
      const i = y * SIZE.width + x;
      // what the others alone give differs from the clean stack by noise, not by a residual
      const expected = (dirty.mask[i]! & bit("CLIPPED", "REJECTED")) !== 0 ? alone : clean;
      pulls.push(
        (dirty.image.data[i]! - expected.image.data[i]!) * Math.sqrt(clean.weight[i]!),
      );
    }
  }
  assert.ok(pulls.length > 3000, `${pulls.length} spoilt pixels`);
  const mean = pulls.reduce((a, b) => a + b) / pulls.length;
  const worst = Math.max(...pulls.map(Math.abs));
  assert.ok(Math.abs(mean) < 0.05, `mean residual ${mean} σ`);
  assert.ok(worst < 1, `worst residual ${worst} σ`);
});

Deno.test("streaks are marked STREAK and CLIPPED along their whole length, faint parts too", async () => {
  const { mask, weight, image } = await makeStack(five, params, [2, trailAndRays]);
  const grid = wcsFromHeader(image.header)!;
  let [marked, length] = [0, 0];
  for (let x = 30; x < 370; x++) {
    const [gx, gy] = grid.skyToPixel(...wcsOf(2).pixelToSky(x, 40 + 0.61 * x)).map(Math.round);
    const i = gy! * SIZE.width + gx!;
    if (!(weight[i]! > 0)) continue;
    length++;
    if ((mask[i]! & bit("STREAK", "CLIPPED")) === bit("STREAK", "CLIPPED")) marked++;
  }
  assert.ok(length > 250 && marked === length, `${marked} of ${length} px`);
  assert.match(image.header.toText(), /_f2 1 streaks and \d+ spots left/);
});

Deno.test("stars of different seeing are no artefacts", async () => {
  const specs = five.map((spec, i) => ({ ...spec, sigmaPx: [1.2, 1.5, 1.3, 2.2, 1.4][i]! }));
  const { image, weight, mask } = await makeStack(specs, params);
  const plain = await makeStack(specs, { ...params, combine: "mean" });
  assert.equal(mask.filter((planes) => planes & bit("STREAK")).length, 0);
  const wcs = wcsFromHeader(image.header)!;
  let flux = 0;
  let expected = 0;
  for (const star of STARS) {
    const [x, y] = wcs.skyToPixel(star.raDeg, star.decDeg).map(Math.round);
    if (!(x! > 15 && y! > 15 && x! < SIZE.width - 15 && y! < SIZE.height - 15)) continue;
    for (let dy = -9; dy <= 9; dy++) {
      for (let dx = -9; dx <= 9; dx++) {
        const i = (y! + dy) * SIZE.width + x! + dx;
        if (!(weight[i]! > 0)) continue;
        flux += image.data[i]!;
        expected += plain.image.data[i]!;
      }
    }
  }
  assert.ok(Math.abs(flux / expected - 1) < 0.002, `flux ${flux / expected}`);
});

Deno.test("sortOutliers() joins the pieces of a line, keeps spots apart and drops lone noise", () => {
  const random = normal(3);
  const outliers = [];
  for (let x = 0; x < 200; x++) {
    if (x > 80 && x < 130) continue; // a gap
    for (const dy of [-1, 0, 1]) {
      outliers.push({ x, y: Math.round(50 + 0.3 * x) + dy, excess: 1.5 });
    }
  }
  outliers.push({ x: 20, y: 150, excess: 1.1 }, { x: 150, y: 20, excess: 5 });
  for (let i = 0; i < 40; i++) {
    const [x, y] = [Math.round(60 + 3 * random()), Math.round(200 + 3 * random())];
    if (!outliers.some((one) => one.x === x && one.y === y)) outliers.push({ x, y, excess: 2 });
  }
  const found = sortOutliers(outliers, 2);
  const [streak, ...others] = found;
  assert.deepEqual([streak?.kind, others.every(({ kind }) => kind === "spot")], ["streak", true]);
  const has = (pixels: readonly number[], x: number, y: number) =>
    pixels.some((value, i) => i % 2 === 0 && value === x && pixels[i + 1] === y);
  for (let x = 0; x < 200; x++) assert.ok(has(streak!.pixels, x, Math.round(50 + 0.3 * x)), `${x}`);
  assert.ok(others.some(({ pixels }) => has(pixels, 151, 21)));
  assert.ok(!found.some(({ pixels }) => has(pixels, 20, 150)));
});
