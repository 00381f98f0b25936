import assert from "node:assert/strict";
import { GpuError } from "../config/errors.ts";
import { type Compute, openCompute } from "./compute.ts";
import { CpuBackend } from "./cpu_backend.ts";
import { describeAdapter, requestAdapter, withErrorScopes } from "./device.ts";
import { decode } from "./kernels/decode/decode.ts";
import { backendTest, TEST_WEBGPU } from "./testing.ts";
import { WebgpuBackend } from "./webgpu_backend.ts";

const BYTES = { bitpix: 8, bscale: 1, bzero: 0 } as const;

/** Decodes a strip of bytes and asserts that each pixel is right. */
async function assertDecodes(
  compute: Compute,
  width: number,
  rows: number,
  signal?: AbortSignal,
): Promise<void> {
  const raw = Uint8Array.from({ length: width * rows }, (_, i) => i * 7);
  const values = new Float32Array(raw.length);
  await decode(compute, raw, values, { ...BYTES, width, ...(signal && { signal }) });
  assert.ok(values.every((value, i) => value === raw[i]));
}

function webgpuBackend(compute: Compute): WebgpuBackend {
  assert.ok(compute.backend instanceof WebgpuBackend);
  return compute.backend;
}

backendTest("a job may need more than 65 535 workgroups", async (compute) => {
  await assertDecodes(compute, 2111, 2111);
});

backendTest("jobs called at once all come out right", async (compute) => {
  await Promise.all([1, 7, 130, 4].map((rows) => assertDecodes(compute, 97, rows)));
});

backendTest("jobs called at once see what those before them have made", async (compute) => {
  using lent = compute.allocate(97 * 130 * 4);
  const raw = Uint8Array.from({ length: 97 * 130 * 4 }, (_, i) => i % 200);
  for (const middle of [lent.bytes, new Uint8Array(raw.length)]) {
    middle.fill(0);
    const halfway = new Float32Array(middle.buffer, middle.byteOffset, middle.length / 4);
    const values = new Float32Array(raw.length / 4);
    const first = { width: 97, bitpix: -32, bscale: 1, bzero: 1 } as const;
    await Promise.all([
      decode(compute, raw, halfway, first),
      decode(compute, middle, values, { ...first, bzero: 0 }),
    ]);
    const view = new DataView(raw.buffer);
    const swapped = new DataView(new ArrayBuffer(4));
    values.forEach((value, i) => {
      swapped.setFloat32(0, Math.fround(view.getFloat32(4 * i) + 1), true);
      assert.ok(Object.is(value, swapped.getFloat32(0)), `pixel ${i}`);
    });
  }
});

backendTest("an aborted job rejects with the reason and the next one works", async (compute) => {
  const reason = new DOMException("Interrupted", "AbortError");
  const controller = new AbortController();
  const work = assertDecodes(compute, 3000, 3000, controller.signal);
  controller.abort(reason);
  await assert.rejects(work, (error) => error === reason);
  assert.equal(compute.bytesInUse, 0);
  await assertDecodes(compute, 10, 10);
});

backendTest("a kernel without the entry point fails, and the next job works", async (compute) => {
  const { DECODE } = await import("./kernels/decode/decode.ts");
  const pass = { kernel: DECODE, entry: "nothing", slots: [0] };
  const slots = [{ role: "temporary", rowBytes: 4 }] as const;
  const run = compute.backend.run({ label: "nothing", width: 1, rows: 1, slots, passes: [pass] });
  await assert.rejects(run, GpuError);
  assert.equal(compute.bytesInUse, 0);
  await assertDecodes(compute, 10, 10);
});

backendTest(
  "allocate() lends memory that jobs use, and counts it until it is back",
  async (compute) => {
    {
      using input = compute.allocate(100);
      using output = compute.allocate(400);
      input.bytes.fill(9);
      const values = new Float32Array(output.bytes.buffer, output.bytes.byteOffset, 100);
      await decode(compute, input.bytes, values, { ...BYTES, width: 10 });
      assert.ok(values.every((value) => value === 9));
      assert.ok(compute.bytesInUse >= 500);
    }
    assert.equal(compute.bytesInUse, 0);
  },
);

Deno.test("the cpu backend copies by strips when memory is short, and says when there is none", async () => {
  const cpu = { threads: 2, memoryBytes: 3 << 20 };
  using compute = await openCompute({ device: "cpu", cpu });
  await assertDecodes(compute, 1000, 2000);
  assert.throws(
    () => compute.allocate(4 << 20),
    (error) => error instanceof GpuError && error.details.outOfMemory === true,
  );
  assert.equal(compute.bytesInUse, 0);
});

Deno.test("a closed cpu backend refuses work and ends its threads", async () => {
  const backend = new CpuBackend({ threads: 1 });
  backend.close();
  backend.close();
  const run = backend.run({ label: "late", width: 1, rows: 1, slots: [], passes: [] });
  await assert.rejects(run, /Cannot run 'late'/);
});

Deno.test("auto never takes a software adapter", async () => {
  const adapter = await requestAdapter();
  const real = adapter !== undefined && !describeAdapter(adapter).software;
  using compute = await openCompute({ cpu: { threads: 1 } });
  assert.equal(compute.backend.kind, real ? "webgpu" : "cpu");
  assert.match(compute.device, real ? /^webgpu \(/ : /^cpu \(1 thread\)$/);
});

Deno.test({
  name: "a lost device is asked for once more, then the cpu backend takes over",
  ignore: !TEST_WEBGPU,
  fn: async () => {
    using compute = await openCompute({ device: "webgpu", cpu: { threads: 1 } });
    await assertDecodes(compute, 50, 50);
    webgpuBackend(compute).device.destroy();
    await assertDecodes(compute, 50, 50);
    assert.equal(compute.backend.kind, "webgpu");
    webgpuBackend(compute).device.destroy();
    await assertDecodes(compute, 50, 50);
    assert.equal(compute.backend.kind, "cpu");
    assert.equal(compute.events.length, 2);
    assert.match(compute.device, /^webgpu .*, then webgpu .*, then cpu \(1 thread\)$/);
    assert.equal(compute.bytesInUse, 0);
  },
});

Deno.test({
  name: "a device lost while a job runs leaves the job's result right",
  ignore: !TEST_WEBGPU,
  fn: async () => {
    using compute = await openCompute({ device: "webgpu", webgpu: { bindingBytes: 1 << 20 } });
    const { device } = webgpuBackend(compute);
    const work = assertDecodes(compute, 3000, 3000);
    setTimeout(() => device.destroy(), 20);
    await work;
    assert.equal(compute.bytesInUse, 0);
  },
});

Deno.test({
  name: "short of memory the strips are halved, and at one row the cpu backend takes over",
  ignore: !TEST_WEBGPU,
  fn: async () => {
    using compute = await openCompute({ device: "webgpu", cpu: { threads: 1 } });
    const backend = webgpuBackend(compute);
    limitBuffers(backend.device, 100_000);
    await assertDecodes(compute, 500, 300);
    assert.equal(compute.backend, backend);
    assert.ok(compute.events.every((text) => text.includes("ran short of GPU memory")));
    assert.ok(compute.events.length > 0);
    limitBuffers(backend.device, 0);
    await assertDecodes(compute, 70, 3);
    assert.equal(compute.backend.kind, "cpu");
    assert.equal(backend.bytesInUse, 0);
  },
});

/** Makes a device refuse buffers beyond a size, as if its memory were full. */
function limitBuffers(device: GPUDevice, limit: number): void {
  const create = GPUDevice.prototype.createBuffer.bind(device);
  device.createBuffer = (descriptor) => {
    if (descriptor.size <= limit) return create(descriptor);
    throw new GpuError("no memory", { details: { outOfMemory: true } });
  };
}

Deno.test({
  name: "withErrorScopes() throws what WebGPU keeps quiet about",
  ignore: !TEST_WEBGPU,
  fn: async () => {
    const backend = await WebgpuBackend.open();
    const usage = GPUBufferUsage.MAP_READ | GPUBufferUsage.MAP_WRITE | GPUBufferUsage.STORAGE;
    const work = () => void backend.device.createBuffer({ size: 16, usage });
    await assert.rejects(
      withErrorScopes(backend.device, "a bad buffer", work),
      (error) => error instanceof GpuError && error.details.kind === "validation",
    );
    assert.equal(await withErrorScopes(backend.device, "fine", () => 7), 7);
    backend.close();
  },
});
