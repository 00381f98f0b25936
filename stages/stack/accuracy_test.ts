import assert from "node:assert/strict";
import { bit } from "../../sky/mask.ts";
import { tanWcs, wcsFromHeader } from "../../sky/wcs.ts";
import type { NewProduct } from "../stage.ts";
import { type FrameSpec, measureStar, type Star, writeFrame } from "./_synthetic_frames.ts";
import { type MadeStack, runStack } from "./_run_stack.ts";

const SIZE = { width: 300, height: 340 };
const CENTRE = { raDeg: 80, decDeg: 20, scaleArcsec: 0.5 };
const STARS: readonly Star[] = [[-40, -60], [30, 20], [55, -35], [-20, 70], [0, 0]].map((
  [dx = 0, dy = 0],
) => ({
  raDeg: CENTRE.raDeg + dx / 3600 / Math.cos(CENTRE.decDeg * Math.PI / 180),
  decDeg: CENTRE.decDeg + dy / 3600,
  flux: 1e6,
}));

async function makeStack(
  specs: readonly Partial<FrameSpec>[],
  params: Record<string, unknown>,
  change: (products: NewProduct[]) => Promise<void> = () => Promise.resolve(),
): Promise<MadeStack> {
  const folder = await Deno.makeTempDir({ prefix: "gppy-stack-" });
  try {
    const made: NewProduct[] = [];
    for (const [index, spec] of specs.entries()) {
      const wcs = tanWcs({ ...CENTRE, ...SIZE });
      made.push(...await writeFrame({ folder, index, wcs, stars: STARS, ...SIZE, ...spec }));
    }
    await change(made);
    return await runStack(folder, made, params);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const repeat = (count: number, spec: (index: number) => Partial<FrameSpec>) =>
  Array.from({ length: count }, (_, i) => spec(i));

for (const kernel of ["lanczos2", "lanczos3", "lanczos4"] as const) {
  Deno.test(`stack of dithered, turned and flipped frames: stars in place, flux kept, ${kernel}`, async () => {
    const specs = repeat(5, (i) => ({
      noiseAdu: 0.5,
      wcs: tanWcs({
        ...{ ...CENTRE, ...SIZE, rotationDeg: [0, 180, 3, 176, 90][i]! },
        raDeg: CENTRE.raDeg + (i - 2) * 1.3 / 3600,
        decDeg: CENTRE.decDeg + (i % 3) * 0.7 / 3600,
      }),
    }));
    const params = { combine: "mean", kernel, background: "constant", grid: "frames" };
    const { image } = await makeStack(specs, params);
    const wcs = wcsFromHeader(image.header)!;
    for (const star of STARS) {
      const [x, y] = wcs.skyToPixel(star.raDeg, star.decDeg);
      const found = measureStar(image, x, y);
      // Lanczos-2 has no flat response: its own loss
      const loss = kernel === "lanczos2" ? 3e-3 : 1e-3;
      assert.ok(Math.abs(found.flux / star.flux - 1) < loss, `flux ${found.flux / star.flux}`);
      const away = Math.hypot(found.x - x, found.y - y);
      assert.ok(away < (kernel === "lanczos2" ? 0.012 : 0.01), `${away} px`);
    }
  });
}

for (const combine of ["mean", "clipped-mean", "median"] as const) {
  Deno.test(`stack predicts the scatter of its pixels to 2 % by its weight, ${combine}`, async () => {
    for (const count of [3, 4, 9]) {
      const specs = repeat(count, (i) => ({ stars: [], noiseAdu: 4 + i / 4, seed: 50 + i }));
      const params = { combine, kernel: "nearest", background: "none", grid: "first" };
      const { image, weight } = await makeStack(specs, params);
      let [sum, squares] = [0, 0];
      for (let i = 0; i < image.data.length; i++) {
        const pull = (image.data[i]! - 100) * Math.sqrt(weight[i]!);
        sum += pull;
        squares += pull * pull;
      }
      // 102 000 pixels: their scatter is right to 0.2 %
      const scatter = Math.sqrt(squares / image.data.length - (sum / image.data.length) ** 2);
      assert.ok(Math.abs(scatter - 1) < 0.02, `pulls of ${count} frames scatter by ${scatter}`);
    }
  });
}

Deno.test("stack drops a trail and cosmic rays of one frame of five", async () => {
  const wcs = (i: number) => tanWcs({ ...CENTRE, ...SIZE, rotationDeg: i * 0.3 });
  const trail = Array.from({ length: 280 }, (_, i) => [[i, i], [i, i + 1], [i, i - 1]]).flat()
    .map(([x = 0, y = 0]) => [x + 10, y + 20, 800, bit("STREAK")] as const);
  const rays = Array.from(
    { length: 40 },
    (_, i) => [7 * i + 5, 330 - 6 * i, 5000, bit("CR")] as const,
  );
  const spoilt = [...trail, ...rays];
  const specs = repeat(5, (i) => ({ wcs: wcs(i), ...(i === 2 ? { spoilt } : {}) }));
  const params = { grid: "first", background: "none" };
  const [clean, dirty] = [
    await makeStack(specs.map(({ wcs }) => ({ wcs: wcs! })), params),
    await makeStack(specs, params),
  ];
  const turned = wcs(2);
  const grid = wcsFromHeader(dirty.image.header)!;
  let [sum, squares] = [0, 0];
  for (const [sx, sy] of spoilt) {
    const [x, y] = grid.skyToPixel(...turned.pixelToSky(sx, sy)).map(Math.round);
    const i = y! * SIZE.width + x!;
    const away = (dirty.image.data[i]! - clean.image.data[i]!) * Math.sqrt(clean.weight[i]!);
    sum += away;
    squares += away * away;
  }
  // four frames instead of five: a difference of √(1/4 − 1/5)/√(1/5) = 0.5 σ
  const residual = Math.abs(sum / spoilt.length);
  assert.ok(residual < 0.1, `residual ${residual} σ`);
  assert.ok(Math.sqrt(squares / spoilt.length) < 0.7, `${Math.sqrt(squares / spoilt.length)} σ`);
});

Deno.test("stack has no data and no weight in a gap between dithers", async () => {
  const specs = [-1, 1].map((side) => ({
    wcs: tanWcs({ ...CENTRE, ...SIZE, decDeg: CENTRE.decDeg + side * 100 / 3600 }),
    stars: [],
  }));
  const { image, mask, weight } = await makeStack(specs, { grid: "frames", background: "none" });
  const middle = Math.floor(image.height / 2) * image.width + 150;
  assert.deepEqual([image.data[middle], weight[middle], mask[middle]], [0, 0, bit("NO_DATA")]);
  const inside = 100 * image.width + 150;
  assert.ok(weight[inside]! > 0 && mask[inside] === 0);
});

Deno.test("stack goes on without a frame that is all masked, and takes unequal sizes", async () => {
  const small = { width: 200, height: 180 };
  const specs = [
    {},
    { ...small, wcs: tanWcs({ ...CENTRE, ...small }) },
    {
      spoilt: Array.from(
        { length: SIZE.width * SIZE.height },
        (_, i) => [i % SIZE.width, Math.floor(i / SIZE.width), 7, bit("BAD")] as const,
      ),
    },
  ];
  const { image, left } = await makeStack(specs, { background: "none" });
  assert.equal(image.header.number("NCOMBINE"), 2);
  assert.equal(left.length, 1);
  assert.match(left[0]!, /f2": it has no usable background/);
});

Deno.test("stack leaves a frame of zero weight behind, and single pixels of it out", async () => {
  const hole = (x: number, y: number) => x >= 100 && x < 120 && y >= 90 && y < 110;
  const specs: Partial<FrameSpec>[] = [
    {},
    { weight: () => 0 },
    {
      weight: (x, y) => hole(x, y) ? 0 : 0.04,
      paint: (data, width) => {
        for (let i = 0; i < data.length; i++) {
          if (hole(i % width, Math.floor(i / width))) data[i] = 1e4;
        }
      },
    },
  ];
  for (const engine of ["native", "swarp"]) {
    const params = { engine, combine: "mean", background: "none", grid: "first" };
    const { image, weight, mask, left } = await makeStack(specs, params);
    assert.equal(image.header.number("NCOMBINE"), 2, engine);
    assert.equal(left.length, 1);
    assert.match(left[0]!, /f1": its weight is 0 everywhere/);
    const inside = 100 * image.width + 110;
    const outside = 100 * image.width + 140;
    assert.ok(Math.abs(image.data[inside]! - 100) < 25, `${engine}: ${image.data[inside]}`);
    assert.ok(Math.abs(weight[inside]! / weight[outside]! - 0.5) < 0.02, `${weight[inside]}`);
    if (engine === "native") assert.equal(mask[inside], bit("REJECTED"));
  }
});
