import assert from "node:assert/strict";
import fc from "fast-check";
import { PlaneIndex } from "./plane_index.ts";

const value = fc.oneof(
  { weight: 9, arbitrary: fc.double({ min: -50, max: 50, noNaN: true }) },
  { weight: 1, arbitrary: fc.constantFrom(NaN, 0, 1e6, -1e6) },
);
const points = fc.array(fc.tuple(value, value), { maxLength: 60 });

Deno.test("PlaneIndex finds the points within its radius, and no others", () => {
  const radius = fc.oneof(fc.double({ min: 0, max: 20, noNaN: true }), fc.constant(3e6));
  const place = fc.double({ min: -60, max: 60, noNaN: true });
  fc.assert(
    fc.property(points, radius, place, place, (all, radius, x, y) => {
      const index = new PlaneIndex(all.map(([x]) => x), all.map(([, y]) => y), radius);
      const expected = all.flatMap(([px, py], i) => {
        return (px - x) ** 2 + (py - y) ** 2 <= radius ** 2 ? [i] : [];
      });
      assert.deepEqual(index.within(x, y).sort((a, b) => a - b), expected);
    }),
    { numRuns: 300 },
  );
});

Deno.test("PlaneIndex of one point, of equal ones and of none", () => {
  assert.deepEqual(new PlaneIndex([], [], 1).within(0, 0), []);
  assert.deepEqual(new PlaneIndex([NaN], [1], 1).within(0, 1), []);
  assert.deepEqual(new PlaneIndex([2, 2], [3, 3], 0).within(2, 3), [0, 1]);
  // a distance whose square is 0 is no distance
  assert.deepEqual(new PlaneIndex([0, -5e-323], [0, 0], 0).within(0, 0).sort(), [0, 1]);
});
