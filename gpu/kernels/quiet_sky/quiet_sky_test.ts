import assert from "node:assert/strict";
import { backendTest } from "../../testing.ts";
import { type Discs, markQuiet } from "./quiet_sky.ts";

/** Some numbers that a seed decides. */
function sequence(seed: number): () => number {
  let state = seed;
  return () => (state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff) / 0x7fffffff;
}

function discsIn(width: number, height: number, count: number, seed: number): Discs {
  const random = sequence(seed);
  const column = (of: () => number) => Float32Array.from({ length: count }, of);
  return {
    x: column(() => random() < 0.1 ? NaN : width * (1.4 * random() - 0.2)),
    y: column(() => height * (1.4 * random() - 0.2)),
    radius: column(() => random() < 0.05 ? 30 : 4 * random()),
  };
}

/** Width, height, discs a list. */
const FIELDS = [[1, 1, 1], [50, 70, 20], [150, 130, 60], [33, 300, 0], [9001, 5, 40]] as const;

backendTest("markQuiet() marks what lies outside of all discs", async (compute) => {
  for (const [width, height, count] of FIELDS) {
    const lists = [1, 2].map((seed) => discsIn(width, height, count, seed));
    const quiet = new Uint8Array(width * height).fill(7);
    await markQuiet(compute, { width, height }, lists, quiet);
    quiet.forEach((value, i) => {
      const x = i % width, y = Math.floor(i / width);
      const margins = lists.flatMap((list) => {
        return Array.from(list.x, (cx, k) => Math.hypot(cx - x, list.y[k]! - y) - list.radius[k]!);
      }).filter((margin) => !Number.isNaN(margin));
      const least = Math.min(Infinity, ...margins);
      // on the border rounding may decide
      if (Math.abs(least) > 1e-5) assert.equal(value, least > 0 ? 1 : 0, `${x},${y}: ${least}`);
    });
  }
}, { bindingBytes: 1 << 14 });
