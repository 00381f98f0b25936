import assert from "node:assert/strict";
import { readImage } from "../../fits/image.ts";
import { LazyCompute } from "../../gpu/lazy_compute.ts";
import { TEST_WEBGPU } from "../../gpu/testing.ts";
import { WebgpuBackend } from "../../gpu/webgpu_backend.ts";
import { readMask } from "../../sky/mask.ts";
import { testContext } from "../testing.ts";
import { makeFixture } from "./_stage_fixture.ts";
import { subtract } from "./mod.ts";

/** What a subtraction wrote. */
interface Written {
  readonly difference: Float32Array;
  readonly weight: Float32Array;
  /** σ. */
  readonly score: Float32Array;
  readonly mask: Uint16Array;
}

/** Subtracts one pair on a device, which must not fail on the way. */
async function subtractOn(device: "cpu" | "webgpu"): Promise<Written> {
  const base = await Deno.makeTempDir({ prefix: "gppy-devices-" });
  using lazy = new LazyCompute({ device, cpu: { threads: 2 } });
  const compute = await lazy.get();
  const { backend } = compute;
  try {
    const options = { size: 512, stars: 150, rotationDeg: 0.3, scale: 0.8 };
    const transients = [{ x: 300, y: 420, flux: 6000 }];
    const fixture = await makeFixture(base, { ...options, transients });
    const { context, left } = testContext({ ...fixture, stage: "subtract", compute: lazy });
    const params = subtract.params.parse({ engine: "native", score: true });
    const { products } = await subtract.run(params, context);
    assert.deepEqual([left, compute.events, compute.bytesInUse], [[], [], 0]);
    const pathOf = (ending: string) => products.find(({ path }) => path.endsWith(ending))!.path;
    return {
      difference: (await readImage(pathOf(".subt.fits"))).data,
      weight: (await readImage(pathOf(".weight.fits"))).data,
      score: (await readImage(pathOf(".score.fits"))).data,
      mask: (await readMask(pathOf(".mask.fits"))).data,
    };
  } finally {
    await Deno.remove(base, { recursive: true });
    lazy[Symbol.dispose]();
    // llvmpipe does not bear it that the process ends while it clears up
    if (backend instanceof WebgpuBackend) await backend.device.lost;
  }
}

Deno.test({
  name: "subtract makes the same difference, weight, score and mask on a GPU as on the processor",
  ignore: !TEST_WEBGPU,
  fn: async () => {
    const cpu = await subtractOn("cpu"), gpu = await subtractOn("webgpu");
    let farthest = 0, loudest = 0, others = 0;
    cpu.weight.forEach((weight, i) => {
      const away = Math.abs(gpu.difference[i]! - cpu.difference[i]!);
      farthest = Math.max(farthest, away * Math.sqrt(weight));
      loudest = Math.max(loudest, Math.abs(gpu.score[i]! - cpu.score[i]!));
      // a signal of just one σ has photons or none, and a plane just reaches a pixel or not
      const isOther = Math.abs(gpu.weight[i]! - weight) > 1e-3 * weight;
      if (isOther || gpu.mask[i] !== cpu.mask[i]) others++;
    });
    assert.ok(farthest < 0.02, `difference: ${farthest} σ`);
    assert.ok(loudest < 0.02, `score: ${loudest} σ`);
    assert.ok(others <= 10, `weight or mask: ${others} pixels`);
  },
});
