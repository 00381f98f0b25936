import assert from "node:assert/strict";
import { join } from "node:path";
import { exitCodeFor } from "../../cli/commands/stage.ts";
import { EXIT_CODES } from "../../config/errors.ts";
import { type Image, readImage, writeImage } from "../../fits/image.ts";
import { LazyCompute } from "../../gpu/lazy_compute.ts";
import { bit, readMask, writeMask } from "../../sky/mask.ts";
import type { Product } from "../manifest.ts";
import { testContext } from "../testing.ts";
import { type Fixture, type FixtureOptions, makeFixture } from "./_stage_fixture.ts";
import { subtract } from "./mod.ts";

const SIZE = 400;

interface BadPair {
  readonly options?: FixtureOptions;
  /** Changes both files before the stage sees them. */
  readonly spoil?: Spoil;
}

type Spoil = (science: Image, reference: Image, mask: Uint16Array) => void;

/** Runs the stage on a pair that was spoilt. */
async function runOn({ options = {}, spoil }: BadPair) {
  const base = await Deno.makeTempDir({ prefix: "gppy-bad-pair-" });
  try {
    const fixture = await makeFixture(base, { size: SIZE, stars: 120, ...options });
    if (spoil) await spoilFiles(fixture, spoil);
    using compute = new LazyCompute({ device: "cpu" });
    const { context, left } = testContext({ ...fixture, stage: "subtract", compute });
    const outcome = await subtract.run(subtract.params.parse({ engine: "native" }), context);
    return { outcome, left };
  } finally {
    await Deno.remove(base, { recursive: true });
  }
}

async function spoilFiles(fixture: Fixture, spoil: Spoil) {
  const [stack, stackMask] = fixture.products;
  const paths = [
    stack!.path,
    join(fixture.site.paths.references, "m600", "ref_7DT_T09614_m600_20240101.fits"),
  ] as const;
  const [science, reference] = [await readImage(paths[0]), await readImage(paths[1])];
  const mask = await readMask(stackMask!.path);
  spoil(science, reference, mask.data);
  await writeMask(stackMask!.path, mask);
  await writeImage(paths[0], science);
  await writeImage(paths[1], reference);
}

/** What each bad pair leaves behind: the class of the error and what its message says. */
const BAD_PAIRS: readonly (readonly [string, BadPair, string, RegExp])[] = [
  ["no overlap", { options: { offsetArcsec: 2000 } }, "DataError", /covers 0\.0 % of the frame/],
  [
    "two stars only",
    { options: { stars: 2 } },
    "DataError",
    /Cannot subtract: fewer than 3 stars to measure the PSF of/,
  ],
  [
    "a science frame that is saturated all over",
    { spoil: (_, __, mask) => mask.fill(bit("SAT")) },
    "DataError",
    /Cannot subtract ".*": (no sky to measure|every pixel)/,
  ],
  [
    "a reference that is saturated all over",
    { spoil: (_, reference) => reference.header.set("SATURATE", 50) },
    "DataError",
    /Cannot subtract ".*": (no sky to measure|every pixel)/,
  ],
  [
    "a reference of another filter",
    { spoil: (_, reference) => reference.header.set("FILTER", "m400") },
    "DataError",
    /its FILTER is "m400", the frame's "m600"/,
  ],
  [
    "a science frame of NaN",
    { spoil: (science) => science.data.fill(NaN) },
    "DataError",
    /calib_.*fits": it has no pixel with data/,
  ],
  [
    "a reference of NaN",
    { spoil: (_, reference) => reference.data.fill(NaN) },
    "DataError",
    /ref_.*fits": it has no pixel with data/,
  ],
];

for (const [what, pair, error, message] of BAD_PAIRS) {
  Deno.test(`subtract leaves a pair with ${what} behind, and says so`, async () => {
    const { outcome, left } = await runOn(pair);
    assert.deepEqual(outcome.products, []);
    assert.equal(left.length, 1);
    assert.equal(left[0]!.error, error);
    assert.match(left[0]!.message, message);
    assert.equal(exitCodeFor(left), EXIT_CODES.partial);
  });
}

Deno.test("subtract takes a pair whose skies lie below zero as any other", async () => {
  const { outcome, left } = await runOn({
    spoil: (science, reference) => {
      for (let i = 0; i < science.data.length; i++) science.data[i]! -= 700;
      for (let i = 0; i < reference.data.length; i++) reference.data[i]! -= 400;
    },
  });
  assert.deepEqual(left, []);
  const made = outcome.products.find(({ kind }) => kind === "difference") as Product;
  assert.deepEqual(made.gates.filter(({ verdict }) => verdict === "fail"), []);
  assert.ok(Math.abs(Number(made.measured["pullSigma"]) - 1) < 0.05);
});
