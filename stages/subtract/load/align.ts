/**
 * Brings a reference onto the grid of the science frame.
 *
 * @module
 */

import { DataError } from "../../../config/errors.ts";
import type { FitsHeader } from "../../../fits/header.ts";
import { bytesOf, rowNumbers, table } from "../../../gpu/job.ts";
import { type FixedMesh, fixedMesh } from "../../../gpu/kernels/resample/fixed_mesh.ts";
import {
  type CoordinateMesh,
  coordinateMesh,
  sourceRows,
} from "../../../gpu/kernels/resample/mesh.ts";
import { kernelReach } from "../../../gpu/kernels/resample/resample.ts";
import { markGaps } from "../../../gpu/kernels/mark_gaps/mark_gaps.ts";
import {
  kernelWeights,
  prepareRows,
  resamplePass,
  type SourceRows,
  sourceSlots,
} from "../../../gpu/kernels/resample/resample_rows.ts";
import { bit } from "../../../sky/mask.ts";
import { type Wcs, wcsFromHeader } from "../../../sky/wcs.ts";
import { gapPlanes, type HeldImage, type LoadContext } from "./load.ts";
import { SharedArrays } from "../shared_arrays.ts";

/** A reference on the science grid. */
export interface AlignedReference {
  readonly image: HeldImage;
  /** Its inverse variance there, if it has some: `[height, width]`, in any unit. */
  readonly weight?: Float32Array<ArrayBufferLike> | undefined;
  /** Whether pixels were resampled; false when the grids were the same. */
  readonly resampled: boolean;
  /** Fraction of the science frame that the reference covers. */
  readonly coverage: number;
}

/** Size of a grid, px. */
interface Size {
  readonly width: number;
  readonly height: number;
}

/** Two grids whose corners and middle agree so well are one. */
const SAME_GRID_PX = 0.01;
/** Rows of the science grid that are made at once. */
const STRIP_ROWS = 256;
/** Filled before resampling, so that they do not ring; they stay masked all the same. */
const REPAIRED = bit("BAD", "NO_DATA", "CR", "STREAK");
/** A gap is filled from usable pixels up to this far. */
const REPAIR_REACH_PX = 8;
/** Kernels may read, never write, so far beyond the last row. */
const MARGIN_BYTES = 64;

/**
 * Whether a reference lies on the grid of a science frame.
 *
 * @param reference Header of the reference.
 * @param science Header of the science frame, whose WCS is the grid.
 * @param sizes Sizes of both.
 * @returns The map from the science frame to the reference; undefined when they are one grid.
 * @throws {DataError} If the grids differ and either has no WCS.
 */
export function mapToReference(
  reference: FitsHeader,
  science: FitsHeader,
  sizes: { readonly reference: Size; readonly science: Size },
): CoordinateMesh | undefined {
  const from = wcsFromHeader(reference), to = wcsFromHeader(science);
  const { width, height } = sizes.science;
  const sameSize = sizes.reference.width === width && sizes.reference.height === height;
  if (sameSize && (from === undefined || to === undefined || sameGrid(from, to, sizes.science))) {
    return undefined;
  }
  if (from === undefined || to === undefined) {
    const lacking = from === undefined ? reference.where : science.where;
    throw new DataError(
      `Cannot align the reference "${reference.where}": no WCS in "${lacking}"`,
      { details: { file: lacking } },
    );
  }
  return coordinateMesh((x, y) => {
    const [raDeg, decDeg] = to.pixelToSky(x, y);
    return from.skyToPixel(raDeg, decDeg);
  }, { width, height });
}

/** Whether two maps give the same places at the corners and in the middle. */
function sameGrid(a: Wcs, b: Wcs, size: Size): boolean {
  const [right, top] = [size.width - 1, size.height - 1];
  const places = [[0, 0], [right, 0], [0, top], [right, top], [right / 2, top / 2]] as const;
  return places.every(([x, y]) => {
    const [raDeg, decDeg] = b.pixelToSky(x, y);
    const [ax, ay] = a.skyToPixel(raDeg, decDeg);
    return Math.hypot(ax - x, ay - y) < SAME_GRID_PX;
  });
}

/**
 * Resamples a reference (flux conserved) onto the grid of a science frame with
 * its mask; what the reference does not cover is NaN and NO_DATA.
 *
 * @param reference The reference on its own grid.
 * @param mesh From {@linkcode mapToReference}.
 * @param size Size of the science frame, px.
 * @param context Where to.
 * @param kernel Interpolation: weights must not ring.
 * @returns The reference on that grid.
 */
export async function resampleReference(
  reference: HeldImage,
  mesh: CoordinateMesh,
  size: Size,
  context: LoadContext,
  kernel: "lanczos3" | "bilinear" = "lanczos3",
): Promise<HeldImage> {
  const { width, height } = size;
  const data = context.arrays.floats(width * height);
  const mask = context.arrays.words(width * height);
  const fixed = fixedMesh(mesh);
  const reach = { height: reference.height, reach: kernelReach(kernel) };
  let known = 0;
  for (let firstRow = 0; firstRow < height; firstRow += STRIP_ROWS) {
    context.signal.throwIfAborted();
    const target = { firstRow, rows: Math.min(STRIP_ROWS, height - firstRow) };
    const part = [firstRow * width, (firstRow + target.rows) * width] as const;
    const wanted = sourceRows(mesh, target, reach);
    using arrays = new SharedArrays(context.compute);
    const source = await readyRows(reference, wanted, fixed, { ...context, arrays });
    known += await resampleStrip(source, { ...target, width, kernel }, {
      values: data.subarray(...part),
      mask: mask.subarray(...part),
    }, { ...context, arrays });
  }
  const coverage = known / (width * height);
  return { ...reference, width, height, data, mask, coverage };
}

/** Rows of the reference without gaps. */
async function readyRows(
  reference: HeldImage,
  { firstRow, rows }: { readonly firstRow: number; readonly rows: number },
  mesh: FixedMesh,
  { compute, arrays, signal }: LoadContext,
): Promise<SourceRows> {
  const { width } = reference;
  const none = new Uint8Array(0);
  if (rows === 0) return { pixels: none, mask: none, width, firstRow, rows, mesh, scale: 1 };
  const part = [firstRow * width, (firstRow + rows) * width] as const;
  const ready = {
    pixels: arrays.bytes(rows * width * 4 + MARGIN_BYTES).subarray(0, rows * width * 4),
    mask: arrays.bytes(rows * width * 2 + MARGIN_BYTES).subarray(0, rows * width * 2),
  };
  const columns = (width >> 12) + 2,
    nodes = new Float32Array(columns * ((reference.height >> 12) + 2));
  const raw = {
    ...{ width, firstRow, rows, swapPixels: false, swapMask: false },
    pixels: bytesOf(reference.data.subarray(...part)),
    mask: bytesOf(reference.mask.subarray(...part)),
  };
  await prepareRows(compute, raw, ready, {
    background: { shift: 12, columns, nodes },
    repair: REPAIRED,
    noData: bit("NO_DATA"),
    saturated: bit("SAT"),
    saturationAdu: Infinity,
    reachPx: REPAIR_REACH_PX,
  }, signal);
  return { ...ready, width, firstRow, rows, mesh, scale: 1 };
}

/** Resamples and marks what has no value; gives how many pixels have one. */
async function resampleStrip(
  source: SourceRows,
  target: {
    readonly firstRow: number;
    readonly rows: number;
    readonly width: number;
    readonly kernel: "lanczos3" | "bilinear";
  },
  into: {
    readonly values: Float32Array<ArrayBufferLike>;
    readonly mask: Uint16Array<ArrayBufferLike>;
  },
  { compute, arrays, signal }: LoadContext,
): Promise<number> {
  const { width, rows, firstRow, kernel } = target;
  const values = arrays.bytes(rows * width * 4), masks = arrays.bytes(rows * width * 2);
  const at = { source: 0, rows: 3, kernel: 4, values: 5, masks: 6 };
  if (source.rows > 0) {
    await compute.run({
      ...{ label: "resample the reference", width, rows },
      slots: [
        ...sourceSlots(source, target),
        rowNumbers(firstRow, rows),
        table(kernelWeights(kernel)),
        { role: "output", rowBytes: width * 4, bytes: values },
        { role: "output", rowBytes: width * 2, bytes: masks },
      ],
      passes: [resamplePass(source, target, { kernel, ringing: bit("SAT"), plane: 0, at })],
    }, signal);
  } else {
    new Float32Array(values.buffer, values.byteOffset, rows * width).fill(NaN);
    masks.fill(0);
  }
  const stored = { width, rows, pixels: values, mask: masks };
  return await markGaps(compute, stored, gapPlanes(Infinity), into, signal);
}
