/**
 * Resamples frames to one grid and combines them, strip by strip.
 *
 * @module
 */

import { together } from "../../../config/together.ts";
import type { Compute } from "../../../gpu/compute.ts";
import type { CombineMethod } from "../../../gpu/kernels/clip_stack/clip_stack.ts";
import {
  joinLayers,
  type JoinOptions,
  type JoinPlanes,
} from "../../../gpu/kernels/join_layers/join_layers.ts";
import { fixedMesh } from "../../../gpu/kernels/resample/fixed_mesh.ts";
import type { ResampleKernel } from "../../../gpu/kernels/resample/kernel_table.ts";
import {
  type CoordinateMesh,
  coordinateMesh,
  sourceRows,
} from "../../../gpu/kernels/resample/mesh.ts";
import { kernelReach } from "../../../gpu/kernels/resample/resample.ts";
import type { SourceRows } from "../../../gpu/kernels/resample/resample_rows.ts";
import { bit } from "../../../sky/mask.ts";
import { FrameWindow, type RowRange } from "../frames/frame_window.ts";
import { type SpoiltPixels } from "../frames/spoilt_pixels.ts";
import { interpolationNoise } from "../noise/interpolation_noise.ts";
import { EXCLUDED, type StackFrame } from "../frames/frames.ts";
import type { Grid } from "../frames/grid.ts";
import { type EncodedStrip, OutputRows } from "./output_rows.ts";
import { flatSky } from "../frames/sky_model.ts";

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
  /** Whether strips tell what they were made of; then the next one is not begun before it is asked for. */
  readonly sources?: boolean;
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
  /** What it was made of, if it was asked for; holds until the next strip is. */
  readonly sources?: readonly SourceRows[];
  /** The same as the files have them, as far as that is known. */
  readonly encoded?: {
    readonly data: EncodedStrip;
    readonly mask?: EncodedStrip;
    readonly weight: EncodedStrip;
  };
}

/** Bytes that windows of frames, layers and strips may take together. */
const ROOM_BYTES = 700_000_000;
const TALLEST_STRIP = 128;
/** A strip is made while one is written and one waits for it. */
const OUTPUTS = 3;

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
 * While a strip is computed, the rows for the next one are read and the one before is yours.
 *
 * @param frames The frames, at least one.
 * @param grid The grid of the stack.
 * @param options How.
 * @returns Strips of the stack from its first row to its last; the arrays of a strip hold until the
 * one after the next is asked for.
 */
export async function* combineFrames(
  frames: readonly StackFrame[],
  grid: Grid,
  options: CombineOptions,
): AsyncGenerator<StackStrip> {
  const sources = frames.map((frame, k) => sourceOf(frame, options.spoilt?.[k], grid, options));
  const height = stripHeight(sources, grid, options.kernel);
  const targets = Array.from({ length: Math.ceil(grid.height / height) }, (_, i): RowRange => ({
    firstRow: i * height,
    rows: Math.min(height, grid.height - i * height),
  })).filter(({ firstRow }) => firstRow >= (options.fromRow ?? 0));
  using stack = new OpenStack(sources, grid, targets, options);
  await stack.open(height);
  let last: StackStrip | undefined;
  let coming: Promise<StackStrip> | undefined;
  try {
    for (const i of targets.keys()) {
      coming = stack.make(i);
      coming.catch(() => undefined); // told where it is waited for
      if (last) yield last;
      last = await coming;
      if (!options.sources) continue;
      yield last;
      last = undefined;
    }
    if (last) yield last;
  } finally {
    await coming?.catch(() => undefined);
  }
}

/** Windows on frames and rows of the stack, strip by strip. */
class OpenStack implements Disposable {
  readonly #sources: readonly Source[];
  readonly #grid: Grid;
  readonly #targets: readonly RowRange[];
  readonly #options: CombineOptions;
  readonly #windows: FrameWindow[] = [];
  readonly #outputs: OutputRows[] = [];

  constructor(
    sources: readonly Source[],
    grid: Grid,
    targets: readonly RowRange[],
    options: CombineOptions,
  ) {
    this.#sources = sources;
    this.#grid = grid;
    this.#targets = targets;
    this.#options = options;
  }

  /** Opens the frames and begins to read. */
  async open(height: number): Promise<void> {
    const { compute } = this.#options;
    for (const source of this.#sources) {
      this.#windows.push(await openWindow(source, this.#targets, this.#options));
    }
    for (let i = 0; i < OUTPUTS; i++) {
      this.#outputs.push(new OutputRows(compute, this.#grid.width, height));
    }
    this.#readAhead(0);
  }

  #rangesOf(i: number): RowRange[] {
    return this.#sources.map((source) => rowsFor(source, this.#targets[i]!, this.#options));
  }

  #readAhead(i: number): void {
    if (i >= this.#targets.length) return;
    const ranges = this.#rangesOf(i);
    for (const [k, window] of this.#windows.entries()) window.readAhead(ranges[k]!);
  }

  /** Makes a strip, once its rows are there; the one before must be made. */
  async make(i: number): Promise<StackStrip> {
    const { compute, signal } = this.#options;
    signal.throwIfAborted();
    for (const window of this.#windows) await window.arrival();
    const target = this.#targets[i]!;
    const ranges = this.#rangesOf(i);
    const slid = [];
    for (const [k, window] of this.#windows.entries()) {
      const one = window.slideTo(ranges[k]!, signal);
      slid.push(one);
      // a job may be run again on another device: then none that needs it may have begun
      if (compute.backend.kind !== "cpu") await one.ready;
    }
    const sources = slid.map(({ rows }) => rows);
    const output = this.#outputs[i % OUTPUTS]!;
    const result = output.of(target.rows);
    const options = joinOptions(this.#sources, this.#grid, target, this.#options);
    const joined = joinLayers(compute, sources, result, options, signal);
    this.#readAhead(i + 1);
    await together([...slid.map(({ ready }) => ready), joined]);
    return { firstRow: target.firstRow, sources, ...output.strip(result) };
  }

  [Symbol.dispose](): void {
    for (const part of [...this.#windows, ...this.#outputs]) part[Symbol.dispose]();
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
    let bytes = OUTPUTS * height * grid.width * 20;
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
    sigmaFloor: Math.max(...sources.map(({ frame }) => frame.background.globalSigma * frame.scale)),
    sigmaRelative: options.clipRelative,
    weights: options.weights,
    variances: sources.map(({ variance }) => variance),
    planes: PLANES,
  };
}
