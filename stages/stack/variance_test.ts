import assert from "node:assert/strict";
import { join } from "node:path";
import { FitsHeader } from "../../fits/header.ts";
import { writeImage } from "../../fits/image.ts";
import { LazyCompute } from "../../gpu/lazy_compute.ts";
import type { ResampleKernel } from "../../gpu/kernels/resample/kernel_table.ts";
import { tanWcs } from "../../sky/wcs.ts";
import { testProduct } from "../testing.ts";
import { normal } from "./_synthetic_frames.ts";
import { combineFrames, type CombineOptions } from "./combine/combine.ts";
import type { StackFrame } from "./frames/frames.ts";
import type { Grid } from "./frames/grid.ts";
import { NoiseBlocks } from "./noise/noise_blocks.ts";
import { flatSky } from "./frames/sky_model.ts";

const SIZE = { width: 128, height: 128 };
const PLACE = { raDeg: 150, decDeg: -40, scaleArcsec: 0.5 };
const RIM_PX = 12;
const SIGMAS = [4, 5, 7];

/** Frames that are shifted by parts of a pixel, and turned when asked to. */
function placeFrames(path: string, turned: boolean): StackFrame[] {
  return SIGMAS.map((sigma, i) => ({
    product: testProduct({ id: `f${i}`, kind: "frame", path: `${path}.${i}.fits` }),
    header: FitsHeader.from({}),
    wcs: tanWcs({
      ...{ ...PLACE, ...SIZE, rotationDeg: turned ? 7 * i : 0 },
      raDeg: PLACE.raDeg + i * 0.31 / 3600,
      decDeg: PLACE.decDeg + i * 0.23 / 3600,
    }),
    ...SIZE,
    ...{ maskPath: undefined, gainEAdu: 1, readNoiseE: 0, saturationAdu: Infinity },
    ...{ airmass: undefined, skySigmaAdu: sigma, scale: 1, scaledBy: "none" as const },
    background: { ...flatSky(0), globalLevel: 0, globalSigma: sigma },
  }));
}

/** Scatter of the pulls of many realisations, the noise that is predicted, and its correlation. */
async function scatterOf(
  method: CombineOptions["method"],
  kernel: ResampleKernel,
  options: { readonly turned: boolean; readonly scaleArcsec?: number; readonly rounds: number },
) {
  const folder = await Deno.makeTempDir({ prefix: "gppy-variance-" });
  try {
    using compute = new LazyCompute({ device: "cpu", cpu: { threads: 2 } });
    const frames = placeFrames(join(folder, "f"), options.turned);
    const scaleArcsec = options.scaleArcsec ?? PLACE.scaleArcsec;
    const grid: Grid = { wcs: tanWcs({ ...PLACE, ...SIZE, scaleArcsec }), ...SIZE };
    const random = normal(11);
    const blocks = new NoiseBlocks(options.rounds * SIZE.width * SIZE.height);
    let [squares, count, variance] = [0, 0, 0];
    for (let round = 0; round < options.rounds; round++) {
      for (const [i, { product }] of frames.entries()) {
        const data = new Float32Array(SIZE.width * SIZE.height);
        for (let k = 0; k < data.length; k++) data[k] = SIGMAS[i]! * random();
        await writeImage(product.path, { ...SIZE, data });
      }
      const strips = combineFrames(frames, grid, {
        ...{ method, kernel, clipSigma: 6, clipRelative: 0, background: "none" },
        weights: SIGMAS.map((sigma) => method === "median" ? 1 : 1 / sigma ** 2),
        compute: await compute.get(),
        signal: new AbortController().signal,
      });
      for await (const { data, mask, weight, firstRow } of strips) {
        blocks.add(data, mask, SIZE.width);
        for (let k = 0; k < data.length; k++) {
          const [x, y] = [k % SIZE.width, firstRow + Math.floor(k / SIZE.width)];
          const inside = Math.min(x, y, SIZE.width - 1 - x, SIZE.height - 1 - y) >= RIM_PX;
          if (!inside || !(weight[k]! > 0)) continue;
          squares += data[k]! ** 2 * weight[k]!;
          variance += 1 / weight[k]!;
          count++;
        }
      }
    }
    return {
      pull: Math.sqrt(squares / count),
      noise: Math.sqrt(variance / count),
      correlation: blocks.factor,
    };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

for (const turned of [false, true]) {
  const frames = turned ? "shifted and turned" : "shifted";
  Deno.test(`the variance plane predicts the scatter of 200 realisations of 3 ${frames} frames to 2 %`, async () => {
    const { pull } = await scatterOf("mean", "lanczos3", { turned, rounds: 200 });
    assert.ok(Math.abs(pull - 1) < 0.02, `pulls scatter by ${pull}`);
  });
}

Deno.test("the variance plane holds for other kernels, other pixels and clipped means", async () => {
  const cases = [
    ["clipped-mean", "lanczos2", 0.5],
    ["clipped-mean", "lanczos4", 0.5],
    ["mean", "bilinear", 0.5],
    ["mean", "lanczos3", 0.65],
    ["mean", "lanczos3", 0.35],
  ] as const;
  for (const [method, kernel, scaleArcsec] of cases) {
    const { pull } = await scatterOf(method, kernel, { turned: true, scaleArcsec, rounds: 25 });
    assert.ok(Math.abs(pull - 1) < 0.025, `${method}, ${kernel}, ${scaleArcsec}″: ${pull}`);
  }
});

Deno.test("noise of pixels times the noise correlation is the noise of large areas", async () => {
  const { noise, correlation } = await scatterOf("mean", "lanczos3", { turned: true, rounds: 60 });
  // over large areas interpolation takes no noise away: it is that of the frames' weighted mean
  const expected = SIGMAS.reduce((sum, sigma) => sum + sigma ** -2, 0) ** -0.5;
  assert.ok(noise < 0.97 * expected, `${noise} of ${expected} ADU`);
  assert.ok(Math.abs(noise * correlation / expected - 1) < 0.03, `${noise * correlation} ADU`);
});
