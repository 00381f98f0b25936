import assert from "node:assert/strict";
import { join } from "node:path";
import { writeImage } from "../../../fits/image.ts";
import { syntheticPair } from "../_synthetic_pair.ts";
import { hotpantsEngine, planesOf } from "./hotpants.ts";
import { hotpantsSettings, substampText } from "./hotpants_settings.ts";
import { varianceIn } from "../noise.ts";
import { bit } from "../../../sky/mask.ts";
import { kernelAt } from "../../../gpu/kernels/convolve_varying/kernel_field.ts";
import { type AlignedPair, collectStrips, type Engine } from "../pair.ts";
import { STAND_IN, withHotpants } from "./_hotpants_program.ts";

/** All that follows the order of the kernel on the command line. */
const COMMAND_END = "-ko 1 -bgo 2 -ng 3 6 0.562 4 1.124 2 2.247 -fi 1e-30 -fin 0 -hki -v 1";

async function withStandIn(
  script: string,
  test: (base: string, pair: AlignedPair, engine: Engine) => Promise<void>,
) {
  const base = await Deno.makeTempDir({ prefix: "gppy-hotpants-" });
  try {
    await Deno.mkdir(join(base, "scratch"));
    const tools = await withHotpants(base, script);
    const { pair } = syntheticPair({ size: 200, seed: 4, stars: 90 });
    await writeImage(join(base, "science.fits"), { ...size(pair), data: pair.science.data });
    await writeImage(join(base, "reference.fits"), { ...size(pair), data: pair.reference.data });
    const onDisk = {
      ...pair,
      science: { ...pair.science, path: join(base, "science.fits"), saturationAdu: 60000 },
      reference: { ...pair.reference, path: join(base, "reference.fits") },
    };
    await test(base, onDisk, hotpantsEngine({ tools, scratch: join(base, "scratch") }));
  } finally {
    await Deno.remove(base, { recursive: true });
  }
}

function size({ width, height }: AlignedPair) {
  return { width, height };
}

Deno.test("the HOTPANTS engine hands over images, masks, noise, substamps and limits", async () => {
  await withStandIn(STAND_IN, async (base, pair, engine) => {
    assert.ok(await engine.available());
    const result = await engine.run(pair);
    const made = await collectStrips(result, pair);
    const args = JSON.parse(await Deno.readTextFile(join(base, "log.json"))) as string[];
    const of = (flag: string, count = 1) => {
      const at = args.indexOf(flag);
      assert.ok(at >= 0, `${flag} is missing in ${args.join(" ")}`);
      return args.slice(at + 1, at + 1 + count).join(" ");
    };
    assert.equal(of("-c"), "t");
    assert.equal(of("-n"), "i");
    assert.equal(of("-iu"), "60000");
    assert.equal(of("-il"), "420");
    assert.equal(of("-tl"), "120");
    assert.equal(of("-ig"), "2");
    assert.equal(of("-ng", 7), "3 6 0.562 4 1.124 2 2.247");
    assert.deepEqual([of("-nrx"), of("-nry")], ["1", "1"]);
    assert.equal(result.convolvedSide, "reference");
    assert.equal(result.kernel.sum, 1.25);
    assert.ok(Number.isNaN(made.difference[3]!), "filled pixels have no data");
    assert.ok(Number.isNaN(made.variance[3]!), "nor a variance");
    assert.deepEqual(args.slice(args.indexOf("-ko")), COMMAND_END.split(" "));
    const { offered, used, clipped, chi2, conditionNumber } = result.kernel;
    assert.deepEqual({ offered, used, clipped, chi2, conditionNumber }, {
      ...{ offered: pair.stars.length, used: 3, clipped: 1, chi2: 0.9, conditionNumber: null },
    });
    assert.equal(result.mask![2 * 200], bit("EDGE"));
    assert.equal(result.mask![50 * 200 + 50], bit("SUSPECT"));
    assert.equal(result.mask![60 * 200 + 60], bit("BAD", "SAT"));
    assert.ok(Math.abs(kernelAt(result.field!, 20, 180)[12]! - 1.25) < 1e-9, "kernel read back");
    const i = 100 * 200 + 50;
    const expected = pair.science.data[i]! - 1.25 * pair.reference.data[i]!;
    assert.ok(Math.abs(made.difference[i]! - expected) < 1e-3);
    const pixel = { left: 50, top: 100, width: 1, height: 1 };
    const variance = varianceIn(pair.science, pair, pixel)[0]! +
      1.25 ** 2 * varianceIn(pair.reference, pair, pixel)[0]!;
    assert.ok(Math.abs(made.variance[i]! / variance - 1) < 1e-5);
  });
});

Deno.test("planesOf() gives up only what HOTPANTS gives up", () => {
  assert.equal(planesOf(0), 0);
  assert.equal(planesOf(0x20 | 0x80 | 0x02), 0);
  assert.equal(planesOf(0x8000 | 0x10 | 0x08), bit("BAD", "NO_DATA"));
});

Deno.test("hotpantsSettings() takes regions, orders and stamps that the stars and the field carry", () => {
  const { pair } = syntheticPair({ size: 200, seed: 4 });
  const [star] = pair.stars;
  const stars = (count: number) => Array.from({ length: count }, () => star!);
  const of = (size: number, count: number, regions?: readonly [number, number]) => {
    const options = regions === undefined ? {} : { regions };
    const settings = hotpantsSettings(
      { ...pair, width: size, height: size, stars: stars(count) },
      options,
    );
    const { regionsX, regionsY, stampsX, kernelOrder } = settings;
    return [regionsX, regionsY, stampsX, kernelOrder];
  };
  assert.deepEqual(of(4000, 300), [1, 1, 20, 3]);
  assert.deepEqual(of(1000, 60), [1, 1, 11, 2]);
  assert.deepEqual(of(200, 20), [1, 1, 2, 1]);
  assert.deepEqual(of(6000, 300, [3, 2]), [3, 2, 20, 2]);
});

Deno.test("the HOTPANTS engine convolves the science frame when that is the sharper", () => {
  const { pair } = syntheticPair({ size: 200, seed: 4, scienceFwhmPx: 3, referenceFwhmPx: 4 });
  assert.equal(hotpantsSettings(pair, {}).convolve, "i");
  assert.equal(hotpantsSettings(pair, { convolve: "reference" }).convolve, "t");
});

Deno.test("substampText() counts pixels from one", () => {
  const { pair } = syntheticPair({ size: 200, seed: 4 });
  const stars = [{ x: 0, y: 9.5, snr: 50, fluxRatio: 1 }];
  assert.equal(substampText({ ...pair, stars }), "1.00 10.50\n");
});

Deno.test("a HOTPANTS that fails gives an error that carries what it said", async () => {
  await withStandIn(
    "#!/bin/sh\necho 'no good stamps' >&2\nexit 3\n",
    async (_base, pair, engine) => {
      await assert.rejects(engine.run(pair), (error: unknown) => {
        assert.equal((error as Error).name, "ExternalToolError");
        return true;
      });
    },
  );
});
