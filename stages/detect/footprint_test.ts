import assert from "node:assert/strict";
import { join } from "node:path";
import { writeImage } from "../../fits/image.ts";
import { addStar, normal, uniform } from "../phot/_synthetic_sky.ts";
import { stencilOf } from "../phot/stencil.ts";
import { type Cutout, readCutouts } from "./cutouts.ts";
import { apertureSum, dipoleRatio, fractionWhere, gaussianFwhmPx } from "./footprint.ts";

const SIDE = 41;
const SEEING = 4;

function cutout(stars: readonly { x: number; y: number; flux: number }[], noise = 1): Cutout {
  const gauss = normal(uniform(3));
  const data = Float32Array.from({ length: SIDE * SIDE }, () => noise * gauss());
  for (const { x, y, flux } of stars) {
    const star = new Float32Array(SIDE * SIDE);
    const mag = -2.5 * Math.log10(Math.abs(flux));
    addStar(star, { width: SIDE, height: SIDE, fwhmPx: SEEING, zeroPointMag: 0 }, {
      ...{ x: 20 + x, y: 20 + y },
      mag,
    });
    for (let i = 0; i < data.length; i++) data[i]! += Math.sign(flux) * star[i]!;
  }
  return { x: 100, y: 100, side: SIDE, data };
}

Deno.test("a star subtracted out of place is a dipole, a new star is none", () => {
  const shifted = cutout([{ x: 0.4, y: 0, flux: 8000 }, { x: -0.4, y: 0, flux: -8000 }]);
  assert.ok(dipoleRatio(shifted, 1, 6) > 0.6);
  assert.ok(dipoleRatio(cutout([{ x: 0, y: 0, flux: 8000 }]), 1, 6) < 0.02);
  assert.ok(dipoleRatio(cutout([{ x: 0, y: 0, flux: 150 }]), 1, 6) < 0.3);
});

Deno.test("a faded star has no positive signal at all", () => {
  assert.ok(dipoleRatio(cutout([{ x: 0, y: 0, flux: -8000 }]), 1, 6) > 50);
});

Deno.test("the width of a new star is that of a star, at its place and between pixels", () => {
  for (const [x, y] of [[0, 0], [0.5, 0.5], [-0.3, 0.45]] as const) {
    const width = gaussianFwhmPx(cutout([{ x, y, flux: 5000 }]), { x, y }, SEEING);
    assert.ok(Math.abs(width / SEEING - 1.08) < 0.12, `${width} px`);
  }
});

Deno.test("a faint star keeps its width within a third", () => {
  const width = gaussianFwhmPx(cutout([{ x: 0, y: 0, flux: 130 }]), { x: 0, y: 0 }, SEEING);
  assert.ok(Math.abs(width / SEEING - 1) < 0.34, `${width} px`);
});

Deno.test("a single hit pixel is narrower than half a star", () => {
  const hit = cutout([]);
  hit.data[20 * SIDE + 20] = 500;
  assert.ok(gaussianFwhmPx(hit, { x: 0, y: 0 }, SEEING) < 0.5 * SEEING);
});

Deno.test("a source without positive signal has no width", () => {
  assert.ok(Number.isNaN(gaussianFwhmPx(cutout([], 0), { x: 0, y: 0 }, SEEING)));
});

Deno.test("fractions count covered parts of pixels, NaN and what is outside included", () => {
  const aperture = stencilOf(8);
  const half = cutout([], 0);
  for (let i = 0; i < half.data.length; i++) if (i % SIDE > 20) half.data[i] = NaN;
  const missing = fractionWhere(half, aperture, Number.isNaN);
  assert.ok(Math.abs(missing - 0.44) < 0.02, `${missing}`);
  assert.equal(fractionWhere(cutout([], 0), aperture, (value) => value === 0), 1);
  assert.ok(Number.isNaN(apertureSum(half, aperture)));
});

Deno.test("cutouts at all edges of an image that is not square show what there is", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const [width, height] = [700, 300];
    const path = join(folder, "image.fits");
    const data = Float32Array.from({ length: width * height }, (_, i) => i);
    await writeImage(path, { width, height, data });
    const places = [[0, 0], [699, 299], [350, 299], [699, 10], [-3, 20], [400, 150], [900, 150]];
    const cutouts = await readCutouts(path, places.map(([x, y]) => ({ x: x!, y: y! })), 4);
    for (const [i, { data: piece, side }] of cutouts.entries()) {
      for (let at = 0; at < side * side; at++) {
        const x = places[i]![0]! - 4 + at % side;
        const y = places[i]![1]! - 4 + Math.floor(at / side);
        const inside = x >= 0 && y >= 0 && x < width && y < height;
        const expected = inside ? y * width + x : NaN;
        assert.ok(Object.is(piece[at], expected), `${x}, ${y}: ${piece[at]}`);
      }
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
