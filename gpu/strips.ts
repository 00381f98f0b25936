/**
 * Cutting jobs into strips that fit.
 *
 * @module
 */

import { inputRows, type Slot, slotRows, type StripJob } from "./job.ts";

/** Bytes of a slot on a device, where every plane begins at a word. */
export function deviceBytes(job: StripJob, slot: Slot): number {
  return (slot.planes ?? 1) * devicePlaneBytes(job, slot);
}

/** Bytes of one plane of a slot on a device. */
export function devicePlaneBytes(job: StripJob, slot: Slot): number {
  return Math.ceil(slotRows(job, slot) * slot.rowBytes / 4) * 4;
}

/** What a device can hold. */
export interface DeviceRoom {
  /** Bytes of one array. */
  readonly bindingBytes: number;
  /** Bytes of all arrays of a job. */
  readonly totalBytes: number;
}

/**
 * The rows that a strip may have at most.
 *
 * @param job The whole job.
 * @param room What the device holds.
 * @returns At least 1, even where that is too much.
 */
export function fittingRows(job: StripJob, room: DeviceRoom): number {
  let low = 1;
  let high = job.rows;
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (fits(job, middle, room)) low = middle;
    else high = middle - 1;
  }
  return low;
}

function fits(job: StripJob, rows: number, room: DeviceRoom): boolean {
  const halo = job.halo ?? 0;
  const strip = { ...job, rows, top: halo, bottom: halo };
  let total = 0;
  for (const slot of job.slots) {
    const bytes = deviceBytes(strip, slot);
    if (bytes > room.bindingBytes) return false;
    total += slot.role === "output" || slot.role === "sum" ? 2 * bytes : bytes;
  }
  return total <= room.totalBytes;
}

/**
 * Cuts a job into strips of at most so many rows, each with as much halo as there is.
 *
 * The strips' arrays are views of the job's.
 *
 * @param job The whole job.
 * @param rows Rows of a strip.
 * @returns The strips, from the top.
 */
export function cutJob(job: StripJob, rows: number): StripJob[] {
  if (rows >= job.rows) return [job];
  const strips: StripJob[] = [];
  for (let first = 0; first < job.rows; first += rows) {
    strips.push(cutStrip(job, first, Math.min(rows, job.rows - first)));
  }
  return strips;
}

function cutStrip(job: StripJob, first: number, rows: number): StripJob {
  const halo = job.halo ?? 0;
  const above = (job.top ?? 0) + first;
  const below = inputRows(job) - above - rows;
  const top = Math.min(halo, above);
  const bottom = Math.min(halo, below);
  const slots = job.slots.map((slot) => {
    if (slot.bytes === undefined || slot.role === "table" || slot.role === "sum") return slot;
    const from = slot.role === "output" ? first : above - top;
    const planeBytes = slot.planeBytes ?? slotRows(job, slot) * slot.rowBytes;
    return { ...slot, planeBytes, bytes: slot.bytes.subarray(from * slot.rowBytes) };
  });
  return { ...job, rows, top, bottom, slots };
}

/**
 * The bytes of one plane of a slot.
 *
 * @param job The strip.
 * @param slot One with bytes.
 * @param plane Which.
 */
export function planeOf(job: StripJob, slot: Slot, plane: number): Uint8Array {
  const bytes = slotRows(job, slot) * slot.rowBytes;
  const start = plane * (slot.planeBytes ?? bytes);
  return slot.bytes!.subarray(start, start + bytes);
}

/** Sets the counters of a job to zero, as its first strip expects them. */
export function clearCounters(job: StripJob): void {
  for (const slot of job.slots) if (slot.role === "sum") slot.bytes?.fill(0);
}

/** Adds the counters of a strip to those of the job, as words. */
export function addCounters(to: Uint8Array, from: Uint8Array): void {
  const sums = new Uint32Array(to.buffer, to.byteOffset, to.byteLength >> 2);
  const counts = new Uint32Array(from.buffer, from.byteOffset, sums.length);
  for (let i = 0; i < sums.length; i++) sums[i]! += counts[i]!;
}
