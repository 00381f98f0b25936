/**
 * One strip's way through the GPU: up, through the passes, and down.
 *
 * @module
 */

import type { BufferPool } from "./buffer_pool.ts";
import { dispatchGrid } from "./dispatch.ts";
import { PARAM_WORDS, type Pass, passRows, type Slot, type StripJob, writeParams } from "./job.ts";
import { DEFAULT_WORKGROUP, type PipelineCache } from "./pipeline_cache.ts";
import { addCounters, deviceBytes, devicePlaneBytes, type DeviceRoom, planeOf } from "./strips.ts";

const STORAGE = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST | GPUBufferUsage.COPY_SRC;
const READBACK = GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST;
const UNIFORM = GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST;

/** Runs a strip that fits on the device. */
export class StripRun {
  readonly #job: StripJob;
  readonly #device: GPUDevice;
  readonly #pool: BufferPool;
  readonly #pipelines: PipelineCache;
  readonly #limit: number;
  readonly #lent: GPUBuffer[] = [];

  /** Nothing happens before {@linkcode StripRun.execute}. */
  constructor(
    job: StripJob,
    device: GPUDevice,
    pool: BufferPool,
    pipelines: PipelineCache,
    room: DeviceRoom,
  ) {
    this.#job = job;
    this.#device = device;
    this.#pool = pool;
    this.#pipelines = pipelines;
    this.#limit = room.bindingBytes;
  }

  /** Uploads, computes and downloads; to be called within error scopes. */
  async execute(): Promise<void> {
    const buffers = this.#job.slots.map((slot) => this.#upload(slot));
    const encoder = this.#device.createCommandEncoder({ label: this.#job.label });
    for (const [slot, buffer] of zip(this.#job.slots, buffers)) {
      if (slot.role === "sum") encoder.clearBuffer(buffer);
    }
    for (const pass of this.#job.passes) this.#encode(pass, buffers, encoder);
    const downloads = this.#encodeDownloads(buffers, encoder);
    this.#device.queue.submit([encoder.finish()]);
    for (const { slot, buffer, bytes } of downloads) {
      await buffer.mapAsync(GPUMapMode.READ, 0, bytes);
      this.#takeDown(slot, new Uint8Array(buffer.getMappedRange(0, bytes)));
      buffer.unmap();
    }
  }

  /** Gives all buffers back. */
  release(): void {
    for (const buffer of this.#lent.splice(0)) this.#pool.giveBack(buffer);
  }

  /** Destroys all buffers, as after a failure. */
  discard(): void {
    for (const buffer of this.#lent.splice(0)) this.#pool.discard(buffer);
  }

  #lend(bytes: number, usage: GPUBufferUsageFlags): GPUBuffer {
    const buffer = this.#pool.lend(Math.max(16, bytes), usage, this.#limit);
    this.#lent.push(buffer);
    return buffer;
  }

  #upload(slot: Slot): GPUBuffer {
    const buffer = this.#lend(deviceBytes(this.#job, slot), STORAGE);
    if (slot.role !== "input" && slot.role !== "table") return buffer;
    const planeBytes = devicePlaneBytes(this.#job, slot);
    for (let plane = 0; plane < (slot.planes ?? 1); plane++) {
      this.#write(buffer, plane * planeBytes, planeOf(this.#job, slot, plane));
    }
    return buffer;
  }

  /** Writes any number of bytes: the queue takes whole words only. */
  #write(buffer: GPUBuffer, offset: number, bytes: Uint8Array): void {
    const whole = bytes.length & ~3;
    // Deno 2.9 panics on a write of nothing
    if (whole > 0) {
      this.#device.queue.writeBuffer(buffer, offset, unshared(bytes.subarray(0, whole)));
    }
    if (whole === bytes.length) return;
    const rest = new Uint8Array(4);
    rest.set(bytes.subarray(whole));
    this.#device.queue.writeBuffer(buffer, offset + whole, rest);
  }

  #encode(pass: Pass, buffers: readonly GPUBuffer[], encoder: GPUCommandEncoder): void {
    const job = this.#job;
    const pipeline = this.#pipelines.get(pass);
    const words = new DataView(new ArrayBuffer(PARAM_WORDS * 4));
    writeParams(job, pass, words);
    const params = this.#lend(words.byteLength, UNIFORM);
    this.#device.queue.writeBuffer(params, 0, words.buffer);
    const bound = pass.slots.map((index, binding) => ({
      binding,
      resource: { buffer: buffers[index]!, size: this.#boundBytes(job.slots[index]!) },
    }));
    const uniform = {
      binding: bound.length,
      resource: { buffer: params, size: words.byteLength },
    };
    const group = this.#device.createBindGroup({
      layout: pipeline.getBindGroupLayout(0),
      entries: [...bound, uniform],
    });
    const compute = encoder.beginComputePass({ label: pass.entry });
    compute.setPipeline(pipeline);
    compute.setBindGroup(0, group);
    compute.dispatchWorkgroups(...dispatchGrid(groupsOf(job, pass)));
    compute.end();
  }

  #boundBytes(slot: Slot): number {
    return Math.max(16, Math.ceil(deviceBytes(this.#job, slot) / 4) * 4);
  }

  #encodeDownloads(
    buffers: readonly GPUBuffer[],
    encoder: GPUCommandEncoder,
  ): { slot: Slot; buffer: GPUBuffer; bytes: number }[] {
    const downloads = [];
    for (const [slot, source] of zip(this.#job.slots, buffers)) {
      if (slot.role !== "output" && slot.role !== "sum") continue;
      const bytes = Math.ceil(deviceBytes(this.#job, slot) / 4) * 4;
      const buffer = this.#lend(bytes, READBACK);
      encoder.copyBufferToBuffer(source, 0, buffer, 0, bytes);
      downloads.push({ slot, buffer, bytes });
    }
    return downloads;
  }

  #takeDown(slot: Slot, mapped: Uint8Array): void {
    if (slot.role === "sum") return addCounters(slot.bytes!, mapped);
    const planeBytes = devicePlaneBytes(this.#job, slot);
    for (let plane = 0; plane < (slot.planes ?? 1); plane++) {
      const target = planeOf(this.#job, slot, plane);
      const start = plane * planeBytes;
      target.set(mapped.subarray(start, start + target.length));
    }
  }
}

function groupsOf(job: StripJob, pass: Pass): number {
  const rows = passRows(job, pass);
  if (pass.each === "row") return rows;
  const threads = Math.ceil(rows * job.width / (pass.each ?? 1));
  return Math.ceil(threads / (pass.workgroup ?? DEFAULT_WORKGROUP));
}

/** The queue does not take shared memory. */
function unshared(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const { buffer, byteOffset, byteLength } = bytes;
  return buffer instanceof ArrayBuffer
    ? new Uint8Array(buffer, byteOffset, byteLength)
    : bytes.slice();
}

function* zip(
  slots: readonly Slot[],
  buffers: readonly GPUBuffer[],
): Generator<[Slot, GPUBuffer]> {
  for (const [i, slot] of slots.entries()) yield [slot, buffers[i]!];
}
