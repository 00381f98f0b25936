import assert from "node:assert/strict";
import { join } from "node:path";
import { runTool } from "../../external/run_tool.ts";
import { readHeader } from "../../fits/file.ts";
import { readImage, writeImage } from "../../fits/image.ts";
import { bit, readMask, writeMask } from "../../sky/mask.ts";
import { wcsFromHeader } from "../../sky/wcs.ts";
import type { Product } from "../manifest.ts";
import type { NewProduct } from "../stage.ts";
import { testContext } from "../testing.ts";
import { type Fixture, type FixtureOptions, makeFixture } from "./_stage_fixture.ts";
import { subtract } from "./mod.ts";

async function withFixture(options: FixtureOptions, test: (fixture: Fixture) => Promise<void>) {
  const base = await Deno.makeTempDir({ prefix: "gppy-subtract-" });
  try {
    await test(await makeFixture(base, options));
  } finally {
    await Deno.remove(base, { recursive: true });
  }
}

async function run(fixture: Fixture, flags: Record<string, unknown> = {}) {
  const { context, left } = testContext({ ...fixture, stage: "subtract" });
  const outcome = await subtract.run(
    subtract.params.parse({ engine: "native", ...flags }),
    context,
  );
  return { outcome, left };
}

const TRANSIENTS = [{ x: 300, y: 420, flux: 6000 }, { x: 500.3, y: 200.6, flux: 2000 }];

Deno.test("subtract aligns a rotated reference, finds the transients and passes every gate", async () => {
  const options = { offsetArcsec: 8, rotationDeg: 0.4, scale: 0.8, transients: TRANSIENTS };
  await withFixture(options, async (fixture) => {
    const { outcome, left } = await run(fixture);
    assert.deepEqual(left, []);
    const made = outcome.products.find(({ kind }) => kind === "difference") as Product;
    assert.equal(made.id, `${fixture.stackId}.subt`);
    assert.equal(made.of, fixture.stackId);
    assert.deepEqual(made.gates.filter(({ verdict }) => verdict !== "pass"), []);
    assert.equal(made.measured["resampled"], true);
    assert.ok(Math.abs(Number(made.measured["pullSigma"]) - 1) < 0.1);
    const { data, width, header } = await readImage(made.path);
    for (const { x, y, flux } of TRANSIENTS) {
      let sum = 0;
      for (let dy = -9; dy <= 9; dy++) {
        for (let dx = -9; dx <= 9; dx++) {
          sum += data[(Math.round(y) + dy) * width + Math.round(x) + dx]!;
        }
      }
      assert.ok(Math.abs(sum / flux - 0.97) < 0.2, `${sum} of ${flux}`);
    }
    assert.equal(header.text("REFNAME"), "ref_7DT_T09614_m600_20240101.fits");
    assert.equal(header.text("SUBENG"), "native");
    assert.equal(header.number("ZP_AUTO"), 25);
    assert.ok(wcsFromHeader(header) !== undefined);
  });
});

Deno.test("subtract tells how far it is within a pair, row by row to the last", async () => {
  await withFixture({ size: 600 }, async (fixture) => {
    const { context } = testContext({ ...fixture, stage: "subtract" });
    const told: string[] = [];
    const progress = (done: number, total: number, what: string) => {
      told.push(`${what.replace(fixture.stackId, "id")} ${done}/${total}`);
    };
    const flags = { engine: "native", score: true, pictures: false };
    await subtract.run(subtract.params.parse(flags), { ...context, progress });
    assert.deepEqual(told, [
      ...["id: images 0/1", "id: native, kernel 0/600"],
      ...["id: native 512/600", "id: native 600/600"],
      ...["id: score 256/600", "id: score 512/600", "id: score 600/600"],
    ]);
  });
});

Deno.test("subtract writes companions on the grid of the stack that fitsverify accepts", async () => {
  await withFixture({ size: 500, offsetArcsec: 60 }, async (fixture) => {
    const { outcome } = await run(fixture);
    const byRole = (kind: string, role?: string) =>
      outcome.products.find((made) =>
        made.kind === kind && (role === undefined || made.role === role)
      )!;
    const mask = await readMask(byRole("mask").path);
    assert.equal(mask.width, 500);
    const weight = await readImage(byRole("weight").path);
    const difference = await readImage(byRole("difference").path);
    let missing = 0;
    mask.data.forEach((value, i) => {
      if ((value & bit("NO_DATA")) === 0) return;
      missing++;
      assert.equal(weight.data[i], 0);
      assert.equal(difference.data[i], 0);
    });
    assert.ok(missing > 0.1 * mask.data.length, `${missing} pixels outside the reference`);
    assert.ok(mask.data[10 * 500 + 300]! & bit("BAD"), "the stack's own mask is passed on");
    for (const made of outcome.products.filter(({ path }) => path.endsWith(".fits"))) {
      await runTool("fitsverify", ["-q", made.path], {});
      assert.ok((await readHeader(made.path)).text("CHECKSUM"), made.path);
    }
    assert.equal(byRole("reference").id, `${fixture.stackId}.ref`);
    assert.ok((await Deno.readFile(byRole("picture", "overview").path)).length > 1000);
    assert.ok((await Deno.readFile(byRole("picture", "kernel").path)).length > 1000);
    for await (const { name } of Deno.readDir(fixture.folder)) {
      assert.ok(!name.startsWith("."), name);
    }
  });
});

Deno.test("subtract leaves a stack without a reference behind and names the folder", async () => {
  await withFixture({ size: 300 }, async (fixture) => {
    const folder = join(fixture.site.paths.references, "m600");
    await Deno.remove(folder, { recursive: true });
    const { outcome, left } = await run(fixture);
    assert.deepEqual(outcome.products, []);
    assert.equal(left[0]!.error, "DataError");
    assert.ok(left[0]!.message.includes(folder), left[0]!.message);
  });
});

Deno.test("subtract leaves a stack behind that the reference hardly covers", async () => {
  await withFixture({ size: 400, offsetArcsec: 220 }, async (fixture) => {
    const { left } = await run(fixture);
    assert.match(left[0]!.message, /covers \d+\.\d % of the frame/);
  });
});

Deno.test("subtract leaves a starless pair behind with a clear message", async () => {
  await withFixture({ size: 300, stars: 1 }, async (fixture) => {
    const { left } = await run(fixture);
    assert.equal(left.length, 1);
    assert.match(left[0]!.message, /Cannot/);
  });
});

Deno.test("subtract --engine hotpants without the program says what to do", async () => {
  await withFixture({ size: 300 }, async (fixture) => {
    await assert.rejects(run(fixture, { engine: "hotpants" }), /not on PATH/);
  });
});

/** Runs the stage on two frames and ends it when the first pair is done. */
async function interrupt(fixture: Fixture): Promise<void> {
  const stop = new AbortController();
  const journal = join(fixture.folder, `.${fixture.stackId}.pair.json`);
  const watch = setInterval(() => {
    Deno.stat(journal).then(() => stop.abort(new Error("interrupted")), () => undefined);
  }, 5);
  const { context } = testContext({ ...fixture, stage: "subtract", signal: stop.signal });
  const params = subtract.params.parse({ engine: "native", pictures: false });
  await assert.rejects(async () => await subtract.run(params, context), /interrupted/);
  clearInterval(watch);
}

function withSecond({ products }: Fixture): NewProduct[] {
  return [...products, { ...products[0]!, id: "second" }];
}

Deno.test("subtract that was interrupted goes on behind the pairs that are done", async () => {
  await withFixture({ size: 400 }, async (fixture) => {
    const both = { ...fixture, products: withSecond(fixture) };
    await interrupt(both);
    const path = join(fixture.folder, `${fixture.stackId}.subt.fits`);
    const before = (await Deno.stat(path)).mtime;
    const { outcome, left } = await run(both, { pictures: false });
    assert.deepEqual(left, []);
    assert.equal(outcome.products.filter(({ kind }) => kind === "difference").length, 2);
    assert.deepEqual((await Deno.stat(path)).mtime, before);
    const hidden = [...Deno.readDirSync(fixture.folder)].filter(({ name }) => name.startsWith("."));
    assert.deepEqual(hidden, []);
  });
});

for (const kind of ["mask", "weight"] as const) {
  Deno.test(`subtract makes a pair again whose reference has another ${kind} than before`, async () => {
    await withFixture({ size: 400 }, async (fixture) => {
      const size = { width: 400, height: 400 };
      const name = `ref_7DT_T09614_m600_20240101.${kind}.fits`;
      const beside = join(fixture.site.paths.references, "m600", name);
      const values = new Uint16Array(size.width * size.height);
      const write = async (value: number) => {
        for (let y = 100; y < 140; y++) values.fill(value, y * 400 + 200, y * 400 + 240);
        if (kind === "mask") await writeMask(beside, { ...size, data: values });
        else await writeImage(beside, { ...size, data: Float32Array.from(values, (v) => 1 - v) });
      };
      await write(0);
      const both = { ...fixture, products: withSecond(fixture) };
      await interrupt(both);
      const read = () => readMask(join(fixture.folder, `${fixture.stackId}.subt.mask.fits`));
      const middle = 120 * 400 + 220;
      assert.equal((await read()).data[middle], 0);
      await write(1);
      await run(both, { pictures: false });
      assert.notEqual((await read()).data[middle], 0);
    });
  });
}
