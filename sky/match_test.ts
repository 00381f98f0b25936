import assert from "node:assert/strict";
import fc from "fast-check";
import { separationDeg } from "./angle.ts";
import { crossMatch, matchPixels } from "./match.ts";

const ra = fc.oneof(
  fc.double({ min: 0, max: 360, noNaN: true }),
  fc.double({ min: 0, max: 0.01, noNaN: true }),
  fc.double({ min: 359.99, max: 360, noNaN: true }),
);
const dec = fc.oneof(
  fc.double({ min: -90, max: 90, noNaN: true }),
  fc.double({ min: 89.99, max: 90, noNaN: true }),
  fc.double({ min: 0, max: 0.01, noNaN: true }),
);
const places = fc.array(fc.tuple(ra, dec), { maxLength: 40 });

/** All pairs by brute force, closest first, each position once. */
function bruteForce(
  a: readonly (readonly [number, number])[],
  b: readonly (readonly [number, number])[],
  radiusArcsec: number,
): string[] {
  const pairs = a.flatMap(([raDeg, decDeg], i) =>
    b.map(([ra2, dec2], j) => ({
      i,
      j,
      distance: separationDeg({ raDeg, decDeg }, { raDeg: ra2, decDeg: dec2 }) * 3600,
    }))
  ).filter(({ distance }) => distance <= radiusArcsec).sort((p, q) => p.distance - q.distance);
  const used = [new Set<number>(), new Set<number>()] as const;
  return pairs.flatMap(({ i, j }) => {
    if (used[0].has(i) || used[1].has(j)) return [];
    used[0].add(i);
    used[1].add(j);
    return [`${i}-${j}`];
  }).sort();
}

const columns = (list: readonly (readonly [number, number])[]) => ({
  raDeg: list.map(([value]) => value),
  decDeg: list.map(([, value]) => value),
});

Deno.test("crossMatch() finds what brute force finds, across 0h and at the poles", () => {
  fc.assert(fc.property(places, places, (a, b) => {
    const found = crossMatch(columns(a), columns(b), 20);
    const expected = bruteForce(a, b, 20);
    // Ties in distance may be broken either way; only their number is fixed.
    if (new Set(b.map(String)).size === b.length && new Set(a.map(String)).size === a.length) {
      assert.equal(found.length, expected.length);
    }
    for (const { i, j, distanceArcsec } of found) {
      const [p, q] = [a[i]!, b[j]!];
      const apart = separationDeg({ raDeg: p[0], decDeg: p[1] }, { raDeg: q[0], decDeg: q[1] });
      assert.ok(Math.abs(apart * 3600 - distanceArcsec) < 1e-6 && distanceArcsec <= 20 + 1e-6);
    }
  }));
});

Deno.test("crossMatch() recovers a shuffled, jittered list whole", () => {
  const a = Array.from({ length: 500 }, (_, i) => [(i * 137.508) % 360, (i * 0.36) - 90] as const);
  const b = a.map(([x, y]) => [x + 1e-5, Math.min(90, y + 1e-5)] as const).reverse();
  const found = crossMatch(columns(a), columns(b), 1);
  assert.equal(found.length, 500);
  assert.ok(found.every(({ i, j }) => i + j === 499));
});

Deno.test("matchPixels() gives each position one partner, the closest", () => {
  const found = matchPixels([0, 1, 50], [0, 0, 50], [0.9, 100], [0, 100], 2);
  assert.deepEqual(found.map(({ i, j }) => [i, j]), [[1, 0]]);
  assert.ok(Math.abs(found[0]!.distancePx - 0.1) < 1e-12);
});

Deno.test("positions that are NaN match nothing, and empty lists give no pairs", () => {
  assert.deepEqual(matchPixels([NaN, 1], [1, 1], [NaN, 1], [1, 1], 1).map(({ i, j }) => [i, j]), [[
    1,
    1,
  ]]);
  assert.deepEqual(crossMatch({ raDeg: [NaN], decDeg: [1] }, { raDeg: [1], decDeg: [NaN] }, 9), []);
  assert.deepEqual(crossMatch({ raDeg: [], decDeg: [] }, { raDeg: [], decDeg: [] }, 9), []);
});
