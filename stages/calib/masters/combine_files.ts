/**
 * Combines many FITS files into one, strip by strip.
 *
 * @module
 */

import { setImmediate } from "node:timers/promises";
import { DataError } from "../../../config/errors.ts";
import type { FitsHeader } from "../../../fits/header.ts";
import { createImage, type ImageReader, openImage } from "../../../fits/image.ts";
import type { Compute } from "../../../gpu/compute.ts";
import {
  type CombineOptions,
  combineStrip,
  type FrameStack,
} from "../../../gpu/kernels/clip_stack/combine_strip.ts";
import { foldSums } from "../../../gpu/kernels/encode/encode.ts";
import { pipedRows, pipeStrips, type Room, StripPlaces } from "../frames/pipe_strips.ts";
import { floatsOf } from "../frames/plain_frames.ts";

/** How {@linkcode combineFiles} works. */
export interface CombineFilesOptions extends CombineOptions {
  /** Where it is computed. */
  readonly compute: Compute;
  /** Cards of the new file; none if left out. */
  readonly header?: FitsHeader;
  /** Bytes of the inputs in memory at a time, whatever their number; 48 MiB, with a GPU 192, if left out. */
  readonly memoryBytes?: number;
  /** False leaves it to the system when the file goes to the disk; true if left out. */
  readonly durable?: boolean;
  /** Given the combined values of every strip, in order; valid until it settles. */
  readonly onStrip?: (values: Float32Array, firstRow: number) => void | Promise<void>;
  /** Stops it; no file is left behind then. */
  readonly signal?: AbortSignal;
}

/**
 * What two strips take: on the processor more would not stay in its cache from the reading to the
 * computing, while every job on a GPU has its own cost.
 */
const MEMORY_BYTES = { cpu: 48 << 20, webgpu: 192 << 20 };

/**
 * Combines images of equal size pixel by pixel into a float32 image.
 *
 * While one strip is computed the next is read and the last is written. Memory does not grow with
 * the number of files: `memoryBytes` for inputs, two strips of results, and what the program is.
 *
 * @param paths The images, at most 200.
 * @param output The new file.
 * @param options Method, clipping, place of computation.
 * @throws {DataError} If an image cannot be read or is of another size than the first.
 */
export async function combineFiles(
  paths: readonly string[],
  output: string,
  options: CombineFilesOptions,
): Promise<void> {
  using images = await openAll(paths);
  const { width, height } = images;
  const { header, compute, signal, durable = true } = options;
  const spec = { width, height, durable, ...(header && { header }) };
  await using writer = await createImage(output, spec);
  const rows = stripRows(images, options.memoryBytes ?? MEMORY_BYTES[compute.backend.kind]);
  using places = new StripPlaces(compute, (room) => placeOf(images, rows, room));
  await pipeStrips<Strip, Computed>({
    read: (index) => readStrip(images, index * rows, places.at(index), signal),
    compute: async (strip, index) => {
      const computed = await computeStrip(strip, places.at(index), options);
      await options.onStrip?.(computed.values, strip.firstRow);
      return computed;
    },
    write: ({ raw, sum }) => writer.writeRowBytes(raw, sum),
  });
  signal?.throwIfAborted();
  await writer.finish();
}

interface Strip {
  readonly firstRow: number;
  readonly stack: FrameStack;
}

/** Results of a strip, in its place. */
interface Computed {
  readonly values: Float32Array;
  readonly raw: Uint8Array;
  /** Sum of the words of `raw`. */
  readonly sum: number;
}

/** Where a strip's inputs and results lie. */
interface Place {
  readonly rows: number;
  readonly input: Uint8Array;
  readonly values: Uint8Array;
  readonly raw: Uint8Array;
}

function placeOf({ width, pixelBytes, readers }: ImageSet, rows: number, room: Room): Place {
  const pixels = rows * width;
  const input = room(pixels * pixelBytes * readers.length);
  return { rows, input, values: room(pixels * 4), raw: room(pixels * 4) };
}

/** Images of one size, and whether their bytes can be taken as they are. */
class ImageSet implements Disposable {
  readonly readers: readonly ImageReader[];
  readonly width: number;
  readonly height: number;
  /** All are stored alike, so that the kernel decodes them. */
  readonly alike: boolean;

  constructor(readers: readonly ImageReader[]) {
    const first = readers[0]!;
    this.readers = readers;
    this.width = first.width;
    this.height = first.height;
    const layout = layoutKey(first);
    this.alike = readers.every((reader) => layoutKey(reader) === layout);
    const odd = readers.find(({ width, height }) => width !== this.width || height !== this.height);
    if (odd === undefined) return;
    throw new DataError(
      `Cannot combine '${odd.path}': it is ${odd.width}×${odd.height}, ` +
        `'${first.path}' is ${this.width}×${this.height}`,
      { details: { file: odd.path, width: odd.width, height: odd.height } },
    );
  }

  /** Bytes of a pixel in memory. */
  get pixelBytes(): number {
    return this.alike ? Math.abs(this.readers[0]!.bitpix) / 8 : 4;
  }

  [Symbol.dispose](): void {
    for (const reader of this.readers) reader.close();
  }
}

function layoutKey({ layout: { bitpix, bscale, bzero, blank } }: ImageReader): string {
  return [bitpix, bscale, bzero, blank].join(" ");
}

async function openAll(paths: readonly string[]): Promise<ImageSet> {
  if (paths.length === 0) throw new DataError("Cannot combine images: there are none");
  const readers: ImageReader[] = [];
  try {
    for (const path of paths) readers.push(await openImage(path));
    return new ImageSet(readers);
  } catch (error) {
    for (const reader of readers) reader.close();
    throw error;
  }
}

function stripRows({ readers, width, height, pixelBytes }: ImageSet, memoryBytes: number): number {
  return pipedRows(height, memoryBytes, 2 * readers.length * width * pixelBytes);
}

/** Reads the same rows of all images; nothing after the last row. */
async function readStrip(
  images: ImageSet,
  firstRow: number,
  place: Place,
  signal: AbortSignal | undefined,
): Promise<Strip | undefined> {
  signal?.throwIfAborted();
  const { readers, width, height, pixelBytes } = images;
  const rows = Math.min(place.rows, height - firstRow);
  if (rows <= 0) return undefined;
  const planeBytes = place.rows * width * pixelBytes;
  const bytes = place.input;
  for (const [k, reader] of readers.entries()) {
    const plane = bytes.subarray(k * planeBytes, k * planeBytes + rows * width * pixelBytes);
    if (images.alike) await reader.readRowBytes(firstRow, rows, plane);
    else await reader.readRows(firstRow, rows, floatsOf(plane));
    await setImmediate(); // lets the writing of the last strip go on
  }
  const layout = images.alike ? { layout: readers[0]!.layout } : {};
  return {
    firstRow,
    stack: { frames: readers.length, width, rows, bytes, planeBytes, ...layout },
  };
}

async function computeStrip(
  { stack }: Strip,
  place: Place,
  { compute, signal, ...options }: CombineFilesOptions,
): Promise<Computed> {
  const bytes = stack.rows * stack.width * 4;
  const values = floatsOf(place.values.subarray(0, bytes));
  const raw = place.raw.subarray(0, bytes);
  const sums = new Uint32Array(stack.rows * 2);
  await combineStrip(compute, stack, { value: values, encoded: { raw, sums } }, options, signal);
  return { raw, sum: foldSums(sums), values };
}
