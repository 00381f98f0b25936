import assert from "node:assert/strict";
import { join } from "node:path";
import { DataError } from "../config/errors.ts";
import { FitsHeader } from "../fits/header.ts";
import { writeTables } from "../fits/table.ts";
import {
  countStamps,
  hotpantsKernelAt,
  readHotpantsKernels,
  readHotpantsRegions,
} from "./hotpants_report.ts";

Deno.test("readHotpantsRegions() takes numbers that stand in cards as text", () => {
  const header = FitsHeader.from({
    NREGION: 3,
    REGION00: "[1:512,1:1024]",
    CONVOL00: "TEMPLATE",
    KSUM00: "1.2500",
    X2NRM00: "0.9871",
    REGION02: "[513:1024,1:1024]",
    CONVOL02: "IMAGE",
    KSUM02: "0.8000",
  });
  assert.deepEqual(readHotpantsRegions(header), [
    { x: [0, 511], y: [0, 1023], convolved: "template", kernelSum: 1.25, chi2: 0.9871 },
    { x: [512, 1023], y: [0, 1023], convolved: "science", kernelSum: 0.8, chi2: null },
  ]);
});

Deno.test("readHotpantsRegions() of a header without such cards gives none", () => {
  assert.deepEqual(readHotpantsRegions(FitsHeader.from({})), []);
});

const GAUSSIANS = { NGAUSS: 2, DGAUSS1: 1, SGAUSS1: 0.8, DGAUSS2: 2, SGAUSS2: 2 };

async function withTable(
  coefficients: readonly number[],
  test: (path: string) => Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "gppy-hotpants-" });
  try {
    const path = join(folder, "difference.fits");
    await writeTables(path, [{
      name: "ConvolutionKernelInformation",
      columns: [{ name: "Region 00", data: Float64Array.from(coefficients) }],
      header: FitsHeader.from({ ...GAUSSIANS, FWKERN: 11, CKORDER: 1, BGORDER: 1 }),
    }]);
    await test(path);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("readHotpantsKernels() reads the table of -hki, and the kernel sums to its first coefficient", async () => {
  // 3 + 6 functions: the sum, then 8 blocks of 3 coefficients, then 3 of the background.
  const blocks = Array.from({ length: 24 }, (_, k) => Math.sin(k) / 10);
  await withTable([0, 1.25, ...blocks, 5, 6, 7], async (path) => {
    const [kernel] = await readHotpantsKernels(path);
    assert.equal(kernel!.coefficients.length, 25);
    const even = hotpantsKernelAt(kernel!, 0.3, -0.6);
    // Odd functions sum to zero, even ones lose the first: only that one has a sum.
    assert.ok(Math.abs(even.reduce((a, b) => a + b, 0) - 1.25) < 1e-12);
    const expected = (dx: number, dy: number) => {
      const line = (sigma: number, p: number) => {
        const f = (x: number) => Math.exp((-x * x) / (2 * sigma * sigma)) * x ** p;
        const sum = Array.from({ length: 11 }, (_, i) => f(i - 5)).reduce((a, b) => a + b, 0);
        return { f, sum };
      };
      const orders = [[0.8, 0, 0], [0.8, 0, 1], [0.8, 1, 0], [2, 0, 0], [2, 0, 1], [2, 0, 2]];
      orders.push([2, 1, 0], [2, 1, 1], [2, 2, 0]);
      const base = line(0.8, 0).f(dx) * line(0.8, 0).f(dy) / line(0.8, 0).sum ** 2;
      let sum = 1.25 * base;
      orders.slice(1).forEach(([sigma, p, q], n) => {
        const x = line(sigma!, p!), y = line(sigma!, q!);
        const isEven = p! % 2 === 0 && q! % 2 === 0;
        const value = x.f(dx) * y.f(dy) / (isEven ? x.sum * y.sum : 1) - (isEven ? base : 0);
        const [c, cy, cx] = blocks.slice(3 * n, 3 * n + 3);
        sum += (c! + cy! * -0.6 + cx! * 0.3) * value;
      });
      return sum;
    };
    for (const [dx, dy] of [[0, 0], [1, -2], [-4, 3]] as const) {
      assert.ok(Math.abs(even[(dy + 5) * 11 + dx + 5]! - expected(dx, dy)) < 1e-12);
    }
  });
});

Deno.test("readHotpantsKernels() refuses a table that is too short, and names file and column", async () => {
  await withTable([0, 1, 2], async (path) => {
    await assert.rejects(readHotpantsKernels(path), (error: unknown) => {
      assert.ok(error instanceof DataError);
      assert.match(error.message, /Region 00 holds 2 coefficients, and 25/);
      return true;
    });
  });
});

Deno.test("countStamps() counts what is no comment", () => {
  const list = "#   X    Y\nimage;box(10,20,31,31) # color=green\n  40  50\n#   X    Y\n 1 2\n\n";
  assert.equal(countStamps(list), 3);
});
