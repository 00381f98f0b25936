import assert from "node:assert/strict";
import type { Galaxy } from "./scene.ts";
import { galaxyPoints, pointsFor } from "./sersic.ts";

const disk: Galaxy = {
  raDeg: 0,
  decDeg: 0,
  mag600: 18,
  temperatureK: 5000,
  sersicIndex: 1,
  radiusArcsec: 2,
  axisRatio: 0.5,
  angleRad: 0,
};

for (const sersicIndex of [1, 1.5, 4]) {
  Deno.test(`half of the light of a Sérsic ${sersicIndex} galaxy lies inside its radius`, () => {
    const points = galaxyPoints({ ...disk, sersicIndex, axisRatio: 1 }, 4000);
    let inside = 0, total = 0;
    for (let i = 0; i < points.length; i += 3) {
      total += points[i + 2]!;
      if (Math.hypot(points[i]!, points[i + 1]!) < 2) inside += points[i + 2]!;
    }
    assert.ok(Math.abs(total - 1) < 1e-9);
    // The profile ends at six radii, so that a little less than half of it is left outside.
    assert.ok(inside > 0.49 && inside < 0.58, String(inside));
  });
}

Deno.test("a disk falls off exponentially", () => {
  const points = galaxyPoints({ ...disk, axisRatio: 1 }, 40_000);
  const rings = new Float64Array(6);
  for (let i = 0; i < points.length; i += 3) {
    const ring = Math.floor(Math.hypot(points[i]!, points[i + 1]!));
    if (ring < rings.length) rings[ring]! += points[i + 2]! / (2 * ring + 1);
  }
  // b = 1.678 for an index of 1; rings of 1″ with a half-light radius of 2″.
  for (let ring = 1; ring < 5; ring++) {
    const fall = Math.log(rings[ring]! / rings[ring + 1]!);
    assert.ok(Math.abs(fall - 1.678 / 2) < 0.05, `${ring}: ${fall}`);
  }
});

Deno.test("the major axis points along the position angle, north through east", () => {
  const points = galaxyPoints({ ...disk, angleRad: Math.PI / 2 }, 500);
  let east = 0, north = 0;
  for (let i = 0; i < points.length; i += 3) {
    east += points[i]! ** 2 * points[i + 2]!;
    north += points[i + 1]! ** 2 * points[i + 2]!;
  }
  assert.ok(Math.abs(Math.sqrt(north / east) - 0.5) < 0.05);
});

Deno.test("larger galaxies are made of more points, up to a limit", () => {
  assert.ok(pointsFor(disk, 2) > pointsFor({ ...disk, radiusArcsec: 0.5 }, 2));
  assert.equal(pointsFor({ ...disk, radiusArcsec: 1000 }, 2), 4000);
});
