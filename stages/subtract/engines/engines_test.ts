import assert from "node:assert/strict";
import { UsageError } from "../../../config/errors.ts";
import { runTool } from "../../../external/run_tool.ts";
import { type Image, readImage } from "../../../fits/image.ts";
import { LazyCompute } from "../../../gpu/lazy_compute.ts";
import { clippedStats } from "../../../sky/stats.ts";
import type { NewProduct } from "../../stage.ts";
import { testContext } from "../../testing.ts";
import { type Fixture, type FixtureOptions, makeFixture } from "../_stage_fixture.ts";
import { subtract } from "../mod.ts";
import { STAND_IN, withHotpants } from "./_hotpants_program.ts";

async function run(
  flags: Record<string, unknown>,
  options: FixtureOptions & { readonly hotpants?: string },
  test: (
    made: readonly NewProduct[],
    fixture: Fixture,
    left: readonly { readonly message: string }[],
  ) => Promise<void>,
): Promise<void> {
  const base = await Deno.makeTempDir({ prefix: "gppy-engines-" });
  const compute = new LazyCompute({ device: "cpu" });
  try {
    const fixture = await makeFixture(base, options);
    const tools = options.hotpants === undefined
      ? {}
      : { tools: await withHotpants(base, options.hotpants) };
    const { context, left } = testContext({ ...fixture, stage: "subtract", compute, ...tools });
    const outcome = await subtract.run(subtract.params.parse(flags), context);
    await test(outcome.products, fixture, left);
  } finally {
    compute[Symbol.dispose]();
    await Deno.remove(base, { recursive: true });
  }
}

function differenceOf(made: readonly NewProduct[]): NewProduct {
  return made.find(({ kind }) => kind === "difference")!;
}

function attemptsOf(made: readonly NewProduct[]) {
  const attempts = differenceOf(made)["attempts"] as Record<string, unknown>[];
  return attempts.map(({ engine, verdict }) => [engine, verdict]);
}

Deno.test("subtract --engine zogy passes every gate and finds a transient at its flux", async () => {
  const transients = [{ x: 300, y: 420, flux: 6000 }];
  const options = { offsetArcsec: 8, rotationDeg: 0.4, scale: 0.8, transients };
  await run({ engine: "zogy" }, options, async (made, _fixture, left) => {
    assert.deepEqual(left, []);
    const difference = differenceOf(made);
    assert.deepEqual(difference.gates!.filter(({ verdict }) => verdict !== "pass"), []);
    const { data, width, header } = await readImage(difference.path);
    assert.equal(header.text("SUBENG"), "zogy");
    assert.equal(header.text("CONVSIDE"), "both");
    // Whitening sharpens the 4 px of the stack.
    const fwhm = header.number("PSFFWHM")!;
    assert.ok(fwhm > 2.5 && fwhm < 4.2, `${fwhm}`);
    assert.ok(made.some(({ role }) => role === "psf"), "the PSF of the difference is drawn");
    let sum = 0;
    for (let k = 0; k < 361; k++) sum += data[(411 + Math.floor(k / 19)) * width + 291 + k % 19]!;
    assert.ok(Math.abs(sum / 6000 - 0.97) < 0.08, `${sum}`);
  });
});

Deno.test("subtract --decorrelate --score --psf writes all beside the difference, and fitsverify accepts them", async () => {
  const flags = { engine: "native", decorrelate: true, score: true, psf: true };
  await run(flags, { size: 500, offsetArcsec: 40 }, async (made, fixture) => {
    const of = (id: string) =>
      made.find((product) => product.id === `${fixture.stackId}.subt${id}`)!;
    assert.equal(of(".decorr").kind, "decorrelated");
    assert.equal(of(".decorr.weight").of, of(".decorr").id);
    assert.equal(of(".score").kind, "score");
    assert.equal(of(".psf").role, "psf");
    requireStamps(await readImage(of(".psf").path));
    const white = await readImage(of(".decorr").path);
    const weight = await readImage(of(".decorr.weight").path);
    const score = await readImage(of(".score").path);
    assert.equal(white.header.boolean("DECORR"), true);
    assert.equal(white.header.text("DCFROM"), "kernel");
    assert.ok(Math.abs(white.header.number("PSFFWHM")! - 3.9) < 0.4);
    assert.equal(score.header.text("BUNIT"), "sigma");
    const known = white.data.map((value, i) => value * Math.sqrt(weight.data[i]!))
      .filter((_, i) => weight.data[i]! > 0);
    assert.ok(Math.abs(clippedStats(known).sigma - 1) < 0.05);
    assert.ok(Math.abs(clippedStats(score.data.filter((value) => value !== 0)).sigma - 1) < 0.1);
    for (const product of made.filter(({ path }) => path.endsWith(".fits"))) {
      await runTool("fitsverify", ["-q", product.path], {});
    }
  });
});

/** Each of 5 × 5 stamps holds a PSF of 4 px: its peak in the middle, all but a hundredth of its light. */
function requireStamps({ data, width, header }: Image): void {
  const side = header.number("PSFSIDE")!;
  assert.equal(width, side * header.number("PSFNX")!);
  assert.equal(header.number("PSFSTEPX"), 100);
  for (let k = 0; k < 25; k++) {
    const left = side * (k % 5), top = side * Math.floor(k / 5);
    let sum = 0, peak = -1, at = 0;
    for (let i = 0; i < side * side; i++) {
      const value = data[(top + Math.floor(i / side)) * width + left + i % side]!;
      sum += value;
      if (value > peak) [peak, at] = [value, i];
    }
    assert.equal(at, (side * side - 1) / 2);
    assert.ok(sum > 0.98 && sum < 1.002, `stamp ${k}: ${sum}`);
  }
}

Deno.test("subtract --engine auto goes on when HOTPANTS does badly, and keeps both verdicts", async () => {
  await run({ engine: "auto" }, { size: 500, hotpants: STAND_IN }, async (made) => {
    assert.deepEqual(attemptsOf(made), [["hotpants", "fail"], ["native", "pass"]]);
    const { header } = await readImage(differenceOf(made).path);
    assert.equal(header.text("SUBENG"), "native");
    const text = header.toText().replace(/\n/g, " ");
    assert.match(text, /gppy subtract: hotpants: fail, /);
    assert.match(text, /gppy subtract: native: pass/);
  });
});

Deno.test("subtract --engine auto goes on when HOTPANTS ends with an error, and keeps what it said", async () => {
  const hotpants = "#!/bin/sh\necho 'no stamps' >&2\nexit 3\n";
  await run({ engine: "auto" }, { size: 500, hotpants }, (made) => {
    assert.deepEqual(attemptsOf(made), [["native", "pass"], ["hotpants", "fail"]]);
    const [, failed] = differenceOf(made)["attempts"] as Record<string, unknown>[];
    assert.equal(failed!["error"], "ExternalToolError");
    return Promise.resolve();
  });
});

Deno.test("subtract gives HOTPANTS the noise that a crowded sky has without its stars", async () => {
  const shares: number[] = [];
  const weights: number[] = [];
  const crowded = { size: 500, stars: 12_000, hotpants: STAND_IN };
  for (const engine of ["native", "hotpants"]) {
    await run({ engine, pictures: false }, crowded, async (made) => {
      shares.push(Number(differenceOf(made).measured!["noiseShare"]));
      const { path } = made.find(({ kind }) => kind === "weight")!;
      const { data } = await readImage(path);
      weights.push(clippedStats(data.filter((weight) => weight > 0)).median);
    });
  }
  assert.ok(shares[0]! < 0.8, `${shares}`);
  assert.equal(shares[1], shares[0]);
  // the stand-in's kernel is 1.25, which leaves a little more noise than the fitted one
  assert.ok(weights[1]! / weights[0]! > 0.4 && weights[1]! / weights[0]! < 1, `${weights}`);
});

Deno.test("subtract --convolve preconvolve says so in the header, and will not decorrelate", async () => {
  const flags = { convolve: "preconvolve", decorrelate: true, score: true };
  await run(flags, { size: 500, referenceFwhmPx: 4.4 }, async (made, fixture, left) => {
    const { header } = await readImage(differenceOf(made).path);
    assert.equal(header.text("SUBENG"), "native");
    assert.equal(header.text("CONVSIDE"), "both");
    assert.ok(Math.abs(header.number("PRECONV")! - 4) < 0.3);
    assert.ok(Math.abs(header.number("PSFFWHM")! - 6.09) < 0.3);
    assert.deepEqual(differenceOf(made).gates!.filter(({ verdict }) => verdict !== "pass"), []);
    assert.ok(made.some(({ id }) => id === `${fixture.stackId}.subt.score`));
    assert.deepEqual(left.map(({ message }) => message.slice(0, 45)), [
      "Cannot decorrelate a preconvolved difference:",
    ]);
  });
  const other = { convolve: "preconvolve", engine: "zogy" };
  await assert.rejects(run(other, { size: 300 }, () => Promise.resolve()), UsageError);
});

Deno.test("subtract says how wide sources are where the science frame was convolved", async () => {
  const flags = { engine: "native", convolve: "science" };
  await run(flags, { size: 400, referenceFwhmPx: 5 }, async (made) => {
    const { header } = await readImage(differenceOf(made).path);
    assert.ok(Math.abs(header.number("PSFFWHM")! / 5 - 1) < 0.1, `${header.number("PSFFWHM")}`);
  });
  await run({ ...flags, convolve: "reference" }, { size: 400 }, async (made) => {
    const { header } = await readImage(differenceOf(made).path);
    assert.equal(header.number("PSFFWHM"), undefined);
  });
});

Deno.test("subtract takes regions as columns x rows alone", () => {
  assert.equal(subtract.params.parse({ regions: "3x2" }).regions, "3x2");
  assert.throws(() => subtract.params.parse({ regions: "3,2" }));
  assert.throws(() => subtract.params.parse({ regions: "0x2" }));
});
