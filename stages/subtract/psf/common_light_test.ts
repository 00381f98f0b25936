import assert from "node:assert/strict";
import { addStar, normalNumbers, randomNumbers } from "../_synthetic_pair.ts";
import { openCompute } from "../../../gpu/compute.ts";
import { measureNoise } from "../noise.ts";
import type { AlignedPair, PairImage } from "../pair.ts";
import { noiseAlone } from "./common_light.ts";

const SIZE = 512, SKY = 300, SIGMA = 8, SCALE = 1.4;

interface Field {
  /** Faint stars a pixel; their flux in the science frame is about 3 σ of it. */
  readonly density: number;
  /** Whether the noise of the science frame is that of a resampled image. */
  readonly smooth?: boolean;
}

function noiseOf(seed: number, smooth: boolean): Float32Array {
  const normal = normalNumbers(seed);
  const white = Float32Array.from({ length: SIZE * SIZE }, () => SIGMA * normal());
  if (!smooth) return white;
  // bilinear interpolation half a pixel off, in both directions
  return white.map((_, i) => {
    const right = (i + 1) % white.length, up = (i + SIZE) % white.length;
    return (white[i]! + white[right]! + white[up]! + white[(up + 1) % white.length]!) / 2;
  });
}

async function fieldOf({ density, smooth = false }: Field): Promise<AlignedPair> {
  using compute = await openCompute({ device: "cpu", cpu: { threads: 2 } });
  const quiet = new Uint8Array(SIZE * SIZE).fill(1);
  const random = randomNumbers(3);
  const stars = Array.from({ length: Math.round(density * SIZE * SIZE) }, () => {
    return { x: random() * SIZE, y: random() * SIZE, flux: 120 * random() + 40 };
  });
  const imageOf = async (fwhmPx: number, seed: number, scale: number, soft: boolean) => {
    // the reference is deeper
    const light = new Float64Array(SIZE * SIZE);
    for (const star of stars) addStar(light, SIZE, { ...star, fwhmPx, flux: star.flux / scale });
    const level = light.reduce((a, b) => a + b, 0) / light.length + SKY;
    const noise = noiseOf(seed, soft);
    const data = Float32Array.from(light, (value, i) => value + SKY + noise[i]! / scale);
    const variance = data.reduce((sum, value) => sum + (value - level) ** 2, 0) / data.length;
    const sigma = Math.sqrt(variance);
    const mask = new Uint16Array(SIZE * SIZE);
    const sky = { sky: () => level, skySigma: () => sigma };
    const parts = { width: SIZE, height: SIZE, data, mask, quiet, ...sky };
    const { correlation } = await measureNoise(compute, parts, fwhmPx);
    return {
      ...{ path: "", data, mask, fwhmPx, gainEAdu: 2 },
      ...{ skyAt: () => level, sigmaAt: () => sigma, skyAdu: level, skySigmaAdu: sigma },
      ...{ saturationAdu: Infinity, confusion: 0, correlation },
    } satisfies PairImage;
  };
  return {
    ...{ width: SIZE, height: SIZE, stars: [], scale: SCALE },
    science: await imageOf(3.4, 1, 1, smooth),
    reference: await imageOf(4.4, 2, SCALE, false),
    quiet,
  };
}

/** What the noise of a large area has over that of independent pixels, in variance. */
const excess = ({ values }: { readonly values: Float64Array }) =>
  values.reduce((a, b) => a + b, 0) - 1;

Deno.test("noiseAlone() takes unresolved stars for no correlation of the noise", async () => {
  const pair = await fieldOf({ density: 0.006 });
  const alone = noiseAlone(pair);
  for (const side of ["science", "reference"] as const) {
    const before = excess(pair[side].correlation), after = excess(alone[side]);
    assert.ok(before > 0.1, `${side}: ${before} before`);
    assert.ok(Math.abs(after) < 0.05, `${side}: ${after}, was ${before}`);
  }
});

Deno.test("noiseAlone() keeps the correlation that resampling made in one image", async () => {
  const pair = await fieldOf({ density: 0, smooth: true });
  const { science, reference } = noiseAlone(pair);
  // A quarter of each of four pixels: 1/2 along rows and columns, 1/4 along diagonals.
  assert.ok(Math.abs(excess(science) - 3) < 0.1, `${excess(science)}`);
  assert.ok(Math.abs(excess(reference)) < 0.05, `${excess(reference)}`);
  const starry = noiseAlone(await fieldOf({ density: 0.006, smooth: true })).science;
  assert.ok(Math.abs(excess(starry) - 3) < 0.25, `${excess(starry)}`);
});

Deno.test("noiseAlone() leaves a pair as it is when no bare sky is known", async () => {
  const { quiet: _quiet, ...pair } = await fieldOf({ density: 0.006 });
  assert.equal(noiseAlone(pair).science, pair.science.correlation);
});
