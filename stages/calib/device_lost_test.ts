import assert from "node:assert/strict";
import { join } from "node:path";
import { getLogger } from "@logtape/logtape";
import { readImage } from "../../fits/image.ts";
import type { Compute } from "../../gpu/compute.ts";
import { LazyCompute } from "../../gpu/lazy_compute.ts";
import { TEST_WEBGPU } from "../../gpu/testing.ts";
import { WebgpuBackend } from "../../gpu/webgpu_backend.ts";
import { readMask } from "../../sky/mask.ts";
import { ingest } from "../ingest.ts";
import type { Manifest } from "../manifest.ts";
import { resolveParameters } from "../parameters.ts";
import { runStage } from "../runner.ts";
import { DETECTOR, type RawNight, rawNight, writeCalibrations } from "./_raw_night.ts";
import { calib } from "./mod.ts";

const LIGHTS = 4;

async function makeNight(): Promise<RawNight> {
  const night = await rawNight();
  await writeCalibrations(night);
  for (let k = 0; k < LIGHTS; k++) {
    const pixel = DETECTOR.light(40 + k, 120, 3000);
    const dateObs = `2024-04-23T02:53:1${k}`;
    const spec = { type: "LIGHT", exposureS: 120, filter: "r", dateObs, pixel } as const;
    await night.write({ name: `L${k}`, ...spec });
  }
  return night;
}

/** Runs the stage as a command would; `before` is called before every frame. */
async function run(
  night: RawNight,
  device: "cpu" | "webgpu",
  before: (compute: Compute) => void,
): Promise<Manifest> {
  using lazy = new LazyCompute({ device, cpu: { threads: 2 } });
  const compute = await lazy.get();
  const shared = {
    ...{ site: night.site, log: getLogger("test"), signal: new AbortController().signal },
    progress: (_done: number, _all: number, what: string) => {
      if (what.startsWith("L")) before(compute);
    },
  };
  const work = join(night.root, device);
  const found = await ingest([night.raw], { ...shared, as: "raw", unit: "7DT07", work });
  const manifest = { ...found, night: { ...found.night, date: "2024-04-23" } };
  const parameters = resolveParameters(calib, {
    flags: { weight: true, masterVariance: true },
    environment: {},
    config: {},
  });
  const result = await runStage({ stage: calib, manifest, parameters, ...shared, compute: lazy });
  assert.deepEqual(result.left, []);
  assert.equal(compute.bytesInUse, 0);
  return result.manifest;
}

/** A GPU computes in float32, the processor in part in float64. */
function near(x: number, y: number): boolean {
  return Object.is(x, y) || Math.abs(x - y) <= 1e-4 + 1e-5 * Math.abs(y);
}

async function assertSame(found: Manifest, wanted: Manifest): Promise<void> {
  const made = (manifest: Manifest) => manifest.products.filter(({ stage }) => stage === "calib");
  assert.deepEqual(made(found).map(({ id }) => id), made(wanted).map(({ id }) => id));
  for (const [k, product] of made(found).entries()) {
    const other = made(wanted)[k]!;
    for (const [key, value] of Object.entries(other.measured)) {
      const measured = product.measured[key];
      if (typeof value !== "number") assert.equal(measured, value);
      else assert.ok(near(Number(measured), value), `${key}: ${measured} for ${value}`);
    }
    if (product.kind === "mask") {
      assert.deepEqual((await readMask(product.path)).data, (await readMask(other.path)).data);
      continue;
    }
    const [a, b] = [(await readImage(product.path)).data, (await readImage(other.path)).data];
    assert.ok(a.every((value, i) => near(value, b[i]!)), `${product.id} differs`);
  }
}

Deno.test({
  name: "calib gives the same when the device is destroyed on the way, and the manifest says so",
  ignore: !TEST_WEBGPU,
  fn: async () => {
    await using night = await makeNight();
    await using other = await makeNight();
    const wanted = await run(night, "cpu", () => {});
    let frames = 0;
    const found = await run(other, "webgpu", ({ backend }) => {
      // after the masters and the first light, and again after the third
      if (++frames % 4 === 3 && backend instanceof WebgpuBackend) backend.device.destroy();
    });
    await assertSame(found, wanted);
    assert.match(
      found.stages[0]!.device,
      /^webgpu \(.*\), then webgpu \(.*\), then cpu \(2 threads\)$/,
    );
    assert.equal(wanted.stages[0]!.device, "cpu (2 threads)");
  },
});
