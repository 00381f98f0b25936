import assert from "node:assert/strict";
import { join } from "node:path";
import { openImage, writeImage } from "../../../fits/image.ts";
import { bit, writeMask } from "../../../sky/mask.ts";
import { clippedStats } from "../../../sky/stats.ts";
import { normal } from "../_synthetic_frames.ts";
import { pixelNoise } from "./pixel_noise.ts";

const SIZE = { width: 400, height: 300 };
const NOISE = 4;

async function noiseOf(
  paint: (data: Float32Array, mask: Uint16Array) => void,
): Promise<{ noise: number; scatter: number }> {
  const folder = await Deno.makeTempDir({ prefix: "gppy-noise-" });
  try {
    const random = normal(7);
    const data = Float32Array.from(
      { length: SIZE.width * SIZE.height },
      (_, i) => 200 + 0.1 * (i % SIZE.width) + NOISE * random(),
    );
    const mask = new Uint16Array(data.length);
    paint(data, mask);
    await writeImage(join(folder, "a.fits"), { ...SIZE, data });
    await writeMask(join(folder, "a.mask.fits"), { ...SIZE, data: mask });
    using image = await openImage(join(folder, "a.fits"));
    using planes = await openImage(join(folder, "a.mask.fits"));
    const noise = await pixelNoise(image, planes, { excluded: bit("BAD") });
    return { noise, scatter: clippedStats(data).sigma };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("pixelNoise() tells the noise in a field where faint stars cover the sky", async () => {
  const random = normal(8);
  const { noise, scatter } = await noiseOf((data) => {
    for (let star = 0; star < 2500; star++) {
      const [x0, y0] = [Math.abs(random()) * 200 % 400, Math.abs(random()) * 150 % 300];
      const peak = 20 * Math.abs(random());
      for (let y = Math.max(0, Math.ceil(y0 - 8)); y < Math.min(SIZE.height, y0 + 8); y++) {
        for (let x = Math.max(0, Math.ceil(x0 - 8)); x < Math.min(SIZE.width, x0 + 8); x++) {
          data[y * SIZE.width + x]! += peak * Math.exp(-((x - x0) ** 2 + (y - y0) ** 2) / 8);
        }
      }
    }
  });
  assert.ok(scatter > 2.5 * NOISE, `the sky scatters by ${scatter}`);
  assert.ok(Math.abs(noise / NOISE - 1) < 0.05, `noise ${noise}`);
});

Deno.test("pixelNoise() is right to 2 % on empty sky with a gradient, and ignores masked pixels", async () => {
  const { noise } = await noiseOf((data, mask) => {
    for (let i = 0; i < data.length; i += 11) {
      data[i] = 5e4;
      mask[i] = bit("BAD");
    }
  });
  assert.ok(Math.abs(noise / NOISE - 1) < 0.02, `noise ${noise}`);
});

Deno.test("pixelNoise() is not known where everything is masked", async () => {
  assert.ok(Number.isNaN((await noiseOf((_, mask) => void mask.fill(bit("BAD")))).noise));
});
