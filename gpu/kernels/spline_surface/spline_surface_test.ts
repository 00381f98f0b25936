import assert from "node:assert/strict";
import { backendTest } from "../../testing.ts";
import { laySurface, type SplineNodes } from "./spline_surface.ts";

/** Nodes of any values: what they stand for is the formula below. */
function someNodes(columns: number, rows: number, meshPx: number): SplineNodes {
  const size = [1000, 30, 20, 4];
  const nodes = Float32Array.from(
    { length: columns * rows * 4 },
    (_, i) => size[i % 4]! * (1 + Math.sin(i * i)),
  );
  return { columns, rows, meshPx, nodes };
}

/** A piece of a spline between two knots (Press et al., Numerical Recipes, 3.3.3), knots one apart. */
function between(b: number, k0: number, k1: number, bend0: number, bend1: number): number {
  const a = 1 - b;
  return a * k0 + b * k1 + (a ** 3 - a) * bend0 + (b ** 3 - b) * bend1;
}

/** The definition, in float64: along y in the columns beside the pixel, then along x. */
function oracle({ columns, rows, meshPx, nodes }: SplineNodes, x: number, y: number): number {
  const place = (p: number) => (p + 0.5) / meshPx - 0.5;
  const piece = (p: number, n: number) => Math.max(0, Math.min(n - 2, Math.floor(place(p))));
  const [column, row] = [piece(x, columns), piece(y, rows)];
  const node = (i: number, j: number, k: number) =>
    nodes[4 * (Math.min(j, rows - 1) * columns + Math.min(i, columns - 1)) + k]!;
  const down = (i: number, k: number) =>
    between(
      place(y) - row,
      node(i, row, k),
      node(i, row + 1, k),
      node(i, row, k + 1),
      node(i, row + 1, k + 1),
    );
  return between(
    place(x) - column,
    down(column, 0),
    down(column + 1, 0),
    down(column, 2),
    down(column + 1, 2),
  );
}

backendTest(
  "laySurface() gives what the formula of its pieces does, in strips, of meshes of any size",
  async (compute) => {
    const ulps = compute.backend.kind === "cpu" ? 4 : 32;
    for (
      const [columns, rows, meshPx] of [[5, 4, 16], [4, 3, 21], [1, 3, 32], [3, 1, 8], [
        1,
        1,
        64,
      ]] as const
    ) {
      const surface = someNodes(columns, rows, meshPx);
      const [width, count] = [columns * meshPx - 3, rows * meshPx - 5];
      const into = new Float32Array(width * count);
      await laySurface(compute, surface, { width, into, firstRow: 3 });
      for (let i = 0; i < into.length; i++) {
        const truth = oracle(surface, i % width, 3 + Math.floor(i / width));
        const text = `${into[i]} for ${truth} at ${i} of ${columns}×${rows}`;
        assert.ok(Math.abs(into[i]! - truth) <= ulps * 2 ** -24 * 2200, text);
      }
      const image = into.map((value, i) => i % 5 === 0 ? NaN : value + i % 3);
      const rest = new Float32Array(image.length);
      await laySurface(compute, surface, { width, into: rest, firstRow: 3, image });
      for (let i = 0; i < image.length; i++) {
        const apart = Math.abs(rest[i]! - (image[i]! - into[i]!));
        assert.ok(
          i % 5 === 0 ? Number.isNaN(rest[i]) : apart <= ulps * 2 ** -24 * 2200,
          `${apart}`,
        );
      }
    }
  },
  { bindingBytes: 3000 },
);
