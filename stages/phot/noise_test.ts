import assert from "node:assert/strict";
import { join } from "node:path";
import { writeImage } from "../../fits/image.ts";
import { normal, uniform } from "./_synthetic_sky.ts";
import { depthMag, measureSkyNoise, type SkyNoise } from "./noise.ts";
import { stencilOf, sumStencil } from "./stencil.ts";

const WIDTH = 700;
const HEIGHT = 500;
const DIAMETERS = [5, 8, 14];

/** White noise of unit spread, smoothed by a square of `side` pixels: exactly known correlation. */
function correlatedNoise(side: number): Float32Array<ArrayBuffer> {
  const gauss = normal(uniform(11));
  const white = Float32Array.from({ length: WIDTH * HEIGHT }, gauss);
  const data = new Float32Array(WIDTH * HEIGHT);
  for (let y = 0; y < HEIGHT; y++) {
    for (let x = 0; x < WIDTH; x++) {
      let sum = 0;
      for (let dy = 0; dy < side; dy++) {
        for (let dx = 0; dx < side; dx++) {
          sum += white[((y + dy) % HEIGHT) * WIDTH + (x + dx) % WIDTH]!;
        }
      }
      data[y * WIDTH + x] = sum / side;
    }
  }
  return data;
}

/** Spread of the sum over an aperture of that noise, from the weights of the white pixels. */
function exactSigma(diameter: number, side: number): number {
  const stencil = stencilOf(diameter);
  const weights = new Map<string, number>();
  for (let i = 0; i < stencil.weight.length; i++) {
    for (let dy = 0; dy < side; dy++) {
      for (let dx = 0; dx < side; dx++) {
        const key = `${stencil.dx[i]! + dx},${stencil.dy[i]! + dy}`;
        weights.set(key, (weights.get(key) ?? 0) + stencil.weight[i]! / side);
      }
    }
  }
  return Math.sqrt([...weights.values()].reduce((sum, weight) => sum + weight * weight, 0));
}

async function measured(
  data: Float32Array<ArrayBuffer>,
  segments: Float32Array<ArrayBuffer> = new Float32Array(data.length),
): Promise<SkyNoise> {
  const folder = await Deno.makeTempDir();
  try {
    const image = join(folder, "image.fits");
    const subtracted = join(folder, "subtracted.fits");
    const segmentation = join(folder, "segmentation.fits");
    const size = { width: WIDTH, height: HEIGHT };
    await writeImage(image, { ...size, data: data.map((value) => value + 200) });
    await writeImage(subtracted, { ...size, data });
    await writeImage(segmentation, { ...size, data: segments }, { bitpix: 16 });
    return await measureSkyNoise({ image, subtracted, segmentation }, {
      diametersPx: DIAMETERS,
      apertures: 4000,
    });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

for (const side of [1, 2, 3]) {
  Deno.test(`the noise in apertures is exact where ${side}x${side} pixels share noise`, async () => {
    const noise = await measured(correlatedNoise(side));
    for (const [i, diameter] of DIAMETERS.entries()) {
      const ratio = noise.apertureSigmaAdu[i]! / exactSigma(diameter, side);
      assert.ok(Math.abs(ratio - 1) < 0.07, `${diameter} px: ${ratio} of the exact value`);
    }
    assert.ok(Math.abs(noise.skyAdu - 200) < 0.05);
    assert.ok(Math.abs(noise.skySigmaAdu - 1) < 0.05);
  });
}

Deno.test("the noise law stays near the exact noise between the apertures", async () => {
  const noise = await measured(correlatedNoise(2));
  const ratio = noise.sigmaAdu(stencilOf(11).areaPx) / exactSigma(11, 2);
  assert.ok(Math.abs(ratio - 1) < 0.1, `${ratio}`);
});

Deno.test("sources take no part in the noise, and large apertures without a place follow the law", async () => {
  const data = correlatedNoise(1);
  const segments = new Float32Array(data.length);
  for (let y = 0; y < HEIGHT; y++) {
    for (let x = 0; x < WIDTH; x++) {
      if (x % 12 > 1 || y % 12 > 1) continue;
      segments[y * WIDTH + x] = 1;
      data[y * WIDTH + x] = 5000;
    }
  }
  const noise = await measured(data, segments);
  assert.equal(noise.places[2], 0);
  assert.ok(noise.places[0]! > 500);
  for (const [i, diameter] of DIAMETERS.entries()) {
    const ratio = noise.apertureSigmaAdu[i]! / exactSigma(diameter, 1);
    assert.ok(Math.abs(ratio - 1) < 0.1, `${diameter} px: ${ratio} of the exact value`);
  }
});

Deno.test("a source at the 5 sigma depth has five times the noise of its aperture", () => {
  const flux = 10 ** (0.4 * (24 - depthMag(24, 31, 5)!));
  assert.ok(Math.abs(flux / 31 - 5) < 1e-9);
  assert.equal(depthMag(24, NaN, 5), null);
});

Deno.test("an aperture covers its area, and NaN inside makes its sum NaN", () => {
  for (const diameter of [2, 4.9, 7.3, 20]) {
    const area = Math.PI * diameter ** 2 / 4;
    assert.ok(Math.abs(stencilOf(diameter).areaPx / area - 1) < 0.02);
  }
  const data = new Float32Array(21 * 21).fill(1);
  const stencil = stencilOf(6);
  assert.ok(Math.abs(sumStencil(data, 21, 10, 10, stencil) - stencil.areaPx) < 1e-9);
  data[10 * 21 + 11] = NaN;
  assert.ok(Number.isNaN(sumStencil(data, 21, 10, 10, stencil)));
});
