/**
 * The arrays of a job where the processor's threads reach them.
 *
 * @module
 */

import { type Pass, type Slot, slotRows, type StripJob } from "./job.ts";
import type { Part, SharedMemory } from "./shared_memory.ts";
import { addCounters, deviceBytes, devicePlaneBytes, planeOf } from "./strips.ts";

/** The slots of a strip in the shared memory. */
export class PlacedSlots implements Disposable {
  readonly #job: StripJob;
  readonly #places: { address: number; planeBytes: number }[] = [];
  readonly #parts: (readonly [slot: Slot, part: Part])[] = [];

  /** Finds room for what does not lie in the memory. */
  constructor(job: StripJob, shared: SharedMemory) {
    this.#job = job;
    try {
      for (const slot of job.slots) this.#place(slot, shared);
    } catch (error) {
      this[Symbol.dispose]();
      throw error;
    }
  }

  #place(slot: Slot, shared: SharedMemory): void {
    const full = slotRows(this.#job, slot) * slot.rowBytes;
    const address = slot.bytes === undefined || slot.role === "sum"
      ? undefined
      : shared.addressOf(slot.bytes);
    if (address !== undefined) {
      this.#places.push({ address, planeBytes: slot.planeBytes ?? full });
      return;
    }
    const part = shared.lend(deviceBytes(this.#job, slot));
    this.#parts.push([slot, part]);
    this.#places.push({ address: part.address, planeBytes: devicePlaneBytes(this.#job, slot) });
  }

  /** Copies what is read. */
  copyIn(): void {
    for (const [slot, part] of this.#parts) {
      if (slot.role === "sum") part.bytes.fill(0);
      if (slot.role === "input" || slot.role === "table") this.#copy(slot, part, true);
    }
  }

  /** Copies what was made. */
  copyOut(): void {
    for (const [slot, part] of this.#parts) {
      if (slot.role === "output") this.#copy(slot, part, false);
      if (slot.role === "sum") addCounters(slot.bytes!, part.bytes);
    }
  }

  #copy(slot: Slot, part: Part, inward: boolean): void {
    const planeBytes = devicePlaneBytes(this.#job, slot);
    for (let plane = 0; plane < (slot.planes ?? 1); plane++) {
      const outside = planeOf(this.#job, slot, plane);
      const start = plane * planeBytes;
      const inside = part.bytes.subarray(start, start + outside.length);
      if (inward) inside.set(outside);
      else outside.set(inside);
    }
  }

  /** Writes where the slots of a pass lie, as kernels read it. */
  writePointers(pass: Pass, view: DataView): void {
    pass.slots.forEach((index, i) => {
      const { address, planeBytes } = this.#places[index]!;
      view.setUint32(8 * i, address, true);
      view.setUint32(8 * i + 4, planeBytes, true);
    });
  }

  /** Gives the room back. */
  [Symbol.dispose](): void {
    for (const [, part] of this.#parts.splice(0)) part[Symbol.dispose]();
  }
}
