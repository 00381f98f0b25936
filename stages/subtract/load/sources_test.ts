import assert from "node:assert/strict";
import { openCompute } from "../../../gpu/compute.ts";
import { bit } from "../../../sky/mask.ts";
import { median } from "../../../sky/stats.ts";
import { addStar, normalNumbers, randomNumbers } from "../_synthetic_pair.ts";
import type { SourceImage } from "../../../gpu/kernels/measure_sources/measure_sources.ts";
import { findSources, type ImageSources } from "./sources.ts";
import type { SourceList } from "./stars.ts";

const SIZE = 500, SKY = 200, SIGMA = 5, GAIN = 2;

/** Stars on a grid, 50 px apart, each somewhere within its pixel. */
function gridOfStars(fwhmPx: number, stretch = 1) {
  const random = randomNumbers(3), normal = normalNumbers(4);
  const light = new Float64Array(SIZE * SIZE);
  const stars = Array.from({ length: 81 }, (_, k) => ({
    x: 50 + 50 * (k % 9) + random() - 0.5,
    y: 50 + 50 * Math.floor(k / 9) + random() - 0.5,
    flux: 3000 * 1.05 ** k,
  }));
  for (const star of stars) {
    // a row of stars is one that was drawn out
    for (let step = 0; step < stretch; step++) {
      const place = { x: star.x + 0.8 * step, y: star.y, flux: star.flux / stretch };
      addStar(light, SIZE, { ...place, fwhmPx });
    }
  }
  const data = Float32Array.from(
    light,
    (v) => SKY + v + normal() * Math.sqrt(SIGMA ** 2 + v / GAIN),
  );
  const image: SourceImage = {
    ...{ width: SIZE, height: SIZE, data, mask: new Uint16Array(SIZE * SIZE), gainEAdu: GAIN },
    ...{ skyAt: () => SKY, sigmaAt: () => SIGMA },
  };
  return { image, stars };
}

async function found(image: SourceImage): Promise<ImageSources> {
  using compute = await openCompute({ device: "cpu", cpu: { threads: 1 } });
  return await findSources(compute, image);
}

function nearest(list: SourceList, x: number, y: number): number {
  const away = Array.from(list.x, (column, i) => Math.hypot(column - x, list.y[i]! - y));
  return away.indexOf(Math.min(...away));
}

Deno.test("findSources() finds stars where they are, with their flux and width", async () => {
  for (const fwhmPx of [2.5, 4, 7]) {
    const { image, stars } = gridOfStars(fwhmPx);
    const { list, fwhmPx: width } = await found(image);
    // the Gaussian through the core of a Moffat profile is a little wider than its half maximum
    assert.ok(width / fwhmPx > 0.95 && width / fwhmPx < 1.15, `${width} of ${fwhmPx}`);
    const shares = stars.map(({ x, y, flux }) => {
      const i = nearest(list, x, y);
      const away = Math.hypot(list.x[i]! - x, list.y[i]! - y);
      const error = list.fluxError[i]! / list.flux[i]!;
      assert.ok(away < 0.05 + 1.5 * fwhmPx * error, `${away} px`);
      assert.equal(list.flags[i], 0);
      return list.flux[i]! / flux;
    });
    // of a Moffat profile of β = 3 within two of these widths
    const alpha = fwhmPx / (2 * Math.sqrt(2 ** (1 / 3) - 1));
    const expected = 1 - (1 + (2 * width / alpha) ** 2) ** -2;
    assert.ok(Math.abs(median(shares) / expected - 1) < 0.02, `${median(shares)} ${expected}`);
  }
});

Deno.test("findSources() takes little noise for a source", async () => {
  const { image, stars } = gridOfStars(4);
  const { list } = await found(image);
  const noise = Array.from(list.x).filter((x, i) =>
    stars.every((star) => Math.hypot(star.x - x, star.y - list.y[i]!) > 12)
  );
  assert.ok(noise.length <= 3, `${noise.length}`);
});

Deno.test("findSources() flags what is saturated, damaged or cut off", async () => {
  const { image, stars } = gridOfStars(4);
  const mark = (k: number, plane: number) => {
    image.mask[Math.round(stars[k]!.y) * SIZE + Math.round(stars[k]!.x)] = plane;
  };
  mark(40, bit("SAT"));
  mark(50, bit("CR"));
  for (let y = 0; y < SIZE; y++) {
    for (let x = 0; x < 3; x++) image.data[y * SIZE + x]! += 300 * Math.exp(-((y - 250) ** 2) / 6);
  }
  const { list } = await found(image);
  const flagsAt = (x: number, y: number) => list.flags[nearest(list, x, y)]!;
  assert.equal(flagsAt(stars[40]!.x, stars[40]!.y), 4);
  assert.equal(flagsAt(stars[50]!.x, stars[50]!.y), 64);
  assert.ok(flagsAt(1, 250) & 8);
});

Deno.test("findSources() knows the shape of stars that the telescope has drawn out", async () => {
  const { image } = gridOfStars(3, 8);
  const { list, fwhmPx } = await found(image);
  assert.ok(list.typicalEllipticity! > 0.3, `${list.typicalEllipticity}`);
  assert.ok(fwhmPx > 3 && fwhmPx < 8, `${fwhmPx}`);
});

Deno.test("findSources() of an image without stars has no width", async () => {
  const { image } = gridOfStars(4);
  image.data.fill(SKY);
  const { list, fwhmPx } = await found(image);
  assert.equal(list.x.length, 0);
  assert.ok(Number.isNaN(fwhmPx));
});
