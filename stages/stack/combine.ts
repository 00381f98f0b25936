/**
 * Resamples frames to one grid and combines them, strip by strip.
 *
 * @module
 */

import type { HostBuffer } from "../../gpu/backend.ts";
import type { Compute } from "../../gpu/compute.ts";
import type { CombineMethod } from "../../gpu/kernels/clip_stack/clip_stack.ts";
import { type EncodedRows, foldSums } from "../../gpu/kernels/encode/encode.ts";
import {
  type JoinedRows,
  joinLayers,
  type JoinOptions,
  type JoinPlanes,
} from "../../gpu/kernels/join_layers/join_layers.ts";
import { fixedMesh } from "../../gpu/kernels/resample/fixed_mesh.ts";
import type { ResampleKernel } from "../../gpu/kernels/resample/kernel_table.ts";
import {
  type CoordinateMesh,
  coordinateMesh,
  sourceRows,
} from "../../gpu/kernels/resample/mesh.ts";
import { kernelReach } from "../../gpu/kernels/resample/resample.ts";
import type { SourceRows } from "../../gpu/kernels/resample/resample_rows.ts";
import { bit } from "../../sky/mask.ts";
import { FrameWindow, type RowRange } from "./frame_window.ts";
import { type SpoiltPixels } from "./spoilt_pixels.ts";
import { interpolationNoise } from "./interpolation_noise.ts";
import { EXCLUDED, type StackFrame } from "./frames.ts";
import type { Grid } from "./grid.ts";
import { flatSky } from "./sky_model.ts";

/** How frames are combined. */
export interface CombineOptions {
  readonly method: CombineMethod;
  readonly clipSigma: number;
  readonly clipRelative: number;
  readonly kernel: ResampleKernel;
  /** What is taken off before resampling. */
  readonly background: "mesh" | "constant" | "none";
  /** `[frames]`, shares in a mean. */
  readonly weights: readonly number[];
  /** `[frames]`, pixels that take no part besides those of the masks. */
  readonly spoilt?: readonly SpoiltPixels[];
  /** Strips above this row are left out; 0 if left out. */
  readonly fromRow?: number;
  readonly compute: Compute;
  readonly signal: AbortSignal;
}

/** Some rows of a stack. */
export interface StackStrip {
  readonly firstRow: number;
  /** `[rows, width]`, ADU; 0 where no frame has a sample. */
  readonly data: Float32Array<ArrayBufferLike>;
  /** `[rows, width]`, bit planes. */
  readonly mask: Uint16Array<ArrayBufferLike>;
  /** `[rows, width]`, inverse variance, 1/ADU²; 0 where no frame has a sample. */
  readonly weight: Float32Array<ArrayBufferLike>;
  /** What it was made of, while it is the latest strip. */
  readonly sources?: readonly SourceRows[];
  /** `data` and `weight` as their files have them, if that is known. */
  readonly encoded?: { readonly data: EncodedStrip; readonly weight: EncodedStrip };
}

/** Rows as a FITS file has them. */
export interface EncodedStrip {
  readonly raw: Uint8Array<ArrayBufferLike>;
  /** Sum of the bytes, as DATASUM has it. */
  readonly sum: number;
}

/** Bytes that windows of frames, layers and strips may take together. */
const ROOM_BYTES = 700_000_000;
const TALLEST_STRIP = 128;

const PLANES: JoinPlanes = {
  excluded: EXCLUDED,
  sat: bit("SAT"),
  noData: bit("NO_DATA"),
  clipped: bit("CLIPPED"),
  rejected: bit("REJECTED"),
};

/** A frame and where the grid lies in it. */
interface Source {
  readonly frame: StackFrame;
  readonly mesh: CoordinateMesh;
  readonly spoilt: SpoiltPixels | undefined;
  /** Variance of a pixel on the grid, ADU². */
  readonly variance: number;
}

/**
 * Combines frames on a grid. Memory does not depend on the size of the frames but for the rows that
 * a strip needs, and the strips become lower where there are many frames.
 *
 * Strips are computed while the rows for the next ones are read.
 *
 * @param frames The frames, at least one.
 * @param grid The grid of the stack.
 * @param options How.
 * @returns Strips of the stack from its first row to its last; the arrays of a strip are used again
 * for the one after the next.
 */
export async function* combineFrames(
  frames: readonly StackFrame[],
  grid: Grid,
  options: CombineOptions,
): AsyncGenerator<StackStrip> {
  const { compute, signal } = options;
  const sources = frames.map((frame, k) => sourceOf(frame, options.spoilt?.[k], grid, options));
  const height = stripHeight(sources, grid, options.kernel);
  const targets = Array.from({ length: Math.ceil(grid.height / height) }, (_, i): RowRange => ({
    firstRow: i * height,
    rows: Math.min(height, grid.height - i * height),
  })).filter(({ firstRow }) => firstRow >= (options.fromRow ?? 0));
  using open = new OpenStack();
  for (const source of sources) open.windows.push(await openWindow(source, targets, options));
  for (let i = 0; i < 2; i++) open.outputs.push(new OutputRows(compute, grid.width, height));
  const wanted = (i: number) => sources.map((source) => rowsFor(source, targets[i]!, options));
  for (const [i, target] of targets.entries()) {
    signal.throwIfAborted();
    const ranges = wanted(i);
    const next = i + 1 < targets.length ? wanted(i + 1) : undefined;
    const rows = [];
    for (const [k, window] of open.windows.entries()) {
      rows.push(await window.slideTo(ranges[k]!, signal));
      if (next) window.readAhead(next[k]!);
    }
    const output = open.outputs[i % 2]!;
    const result = output.of(target.rows);
    await joinLayers(compute, rows, result, joinOptions(sources, grid, target, options), signal);
    yield { firstRow: target.firstRow, sources: rows, ...output.strip(result) };
  }
}

/** What has to be closed. */
class OpenStack implements Disposable {
  readonly windows: FrameWindow[] = [];
  readonly outputs: OutputRows[] = [];

  [Symbol.dispose](): void {
    for (const part of [...this.windows, ...this.outputs]) part[Symbol.dispose]();
  }
}

/** Where the pixels of a grid lie in a frame. */
export function gridMesh(frame: Pick<StackFrame, "wcs">, grid: Grid): CoordinateMesh {
  return coordinateMesh((x, y) => {
    const [raDeg, decDeg] = grid.wcs.pixelToSky(x, y);
    return frame.wcs.skyToPixel(raDeg, decDeg);
  }, grid);
}

function sourceOf(
  frame: StackFrame,
  spoilt: SpoiltPixels | undefined,
  grid: Grid,
  { kernel }: CombineOptions,
): Source {
  const mesh = gridMesh(frame, grid);
  const sigma = frame.skySigmaAdu * frame.scale;
  return { frame, mesh, spoilt, variance: sigma ** 2 * interpolationNoise(mesh, frame, kernel) };
}

function rowsFor({ frame, mesh }: Source, target: RowRange, options: CombineOptions): RowRange {
  const source = { height: frame.height, reach: kernelReach(options.kernel) };
  return sourceRows(mesh, target, source);
}

/** As many rows as there is room for: a turned frame needs more of its own rows than that. */
function stripHeight(sources: readonly Source[], grid: Grid, kernel: ResampleKernel): number {
  for (let height = TALLEST_STRIP; height > 8; height /= 2) {
    let bytes = 2 * height * grid.width * 18;
    for (const { frame, mesh } of sources) {
      const middle = { firstRow: Math.floor(grid.height / 2), rows: height };
      const { rows } = sourceRows(mesh, middle, {
        height: frame.height,
        reach: kernelReach(kernel),
      });
      bytes += Math.max(rows, height) * frame.width * 12 + height * grid.width * 6;
    }
    if (bytes <= ROOM_BYTES) return height;
  }
  return 8;
}

async function openWindow(
  source: Source,
  targets: readonly RowRange[],
  options: CombineOptions,
): Promise<FrameWindow> {
  const { frame, mesh, spoilt } = source;
  const capacity = Math.max(1, ...targets.map((target) => rowsFor(source, target, options).rows));
  const { background } = frame;
  return await FrameWindow.open({
    frame,
    compute: options.compute,
    mesh: fixedMesh(mesh),
    background: options.background === "mesh"
      ? background
      : flatSky(options.background === "constant" ? background.globalLevel : 0),
    capacity,
    ...(spoilt && { spoilt }),
  });
}

function joinOptions(
  sources: readonly Source[],
  grid: Grid,
  target: RowRange,
  options: CombineOptions,
): JoinOptions {
  return {
    ...target,
    width: grid.width,
    kernel: options.kernel,
    method: options.method,
    clipSigma: options.clipSigma,
    sigmaFloor: Math.max(...sources.map(({ frame }) => frame.skySigmaAdu * frame.scale)),
    sigmaRelative: options.clipRelative,
    weights: options.weights,
    variances: sources.map(({ variance }) => variance),
    planes: PLANES,
  };
}

/** Arrays of a strip, in memory that every thread reaches. */
class OutputRows implements Disposable {
  readonly #buffers: HostBuffer[] = [];
  readonly #width: number;
  readonly #value: Uint8Array<ArrayBufferLike>;
  readonly #mask: Uint8Array<ArrayBufferLike>;
  readonly #weight: Uint8Array<ArrayBufferLike>;
  readonly #rawValue: Uint8Array<ArrayBufferLike>;
  readonly #rawWeight: Uint8Array<ArrayBufferLike>;

  constructor(compute: Compute, width: number, rows: number) {
    const allocate = (bytes: number) => {
      const buffer = compute.allocate(bytes);
      this.#buffers.push(buffer);
      return buffer.bytes;
    };
    this.#width = width;
    this.#value = allocate(rows * width * 4);
    this.#mask = allocate(rows * width * 2);
    this.#weight = allocate(rows * width * 4);
    this.#rawValue = allocate(rows * width * 4);
    this.#rawWeight = allocate(rows * width * 4);
  }

  of(rows: number): Required<JoinedRows> {
    const count = rows * this.#width;
    const encoded = (raw: Uint8Array<ArrayBufferLike>): EncodedRows => ({
      raw: raw.subarray(0, count * 4),
      sums: new Uint32Array(rows * 2),
    });
    return {
      value: new Float32Array(this.#value.buffer, this.#value.byteOffset, count),
      mask: new Uint16Array(this.#mask.buffer, this.#mask.byteOffset, count),
      weight: new Float32Array(this.#weight.buffer, this.#weight.byteOffset, count),
      encodedValue: encoded(this.#rawValue),
      encodedWeight: encoded(this.#rawWeight),
    };
  }

  strip(rows: Required<JoinedRows>): Omit<StackStrip, "firstRow"> {
    const encoded = ({ raw, sums }: EncodedRows) => ({ raw, sum: foldSums(sums) });
    return {
      data: rows.value,
      mask: rows.mask,
      weight: rows.weight,
      encoded: { data: encoded(rows.encodedValue), weight: encoded(rows.encodedWeight) },
    };
  }

  [Symbol.dispose](): void {
    for (const buffer of this.#buffers.splice(0)) buffer[Symbol.dispose]();
  }
}
