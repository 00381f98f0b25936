/**
 * Brings a reference onto the grid of the science frame.
 *
 * @module
 */

import { DataError } from "../../config/errors.ts";
import type { FitsHeader } from "../../fits/header.ts";
import type { Image } from "../../fits/image.ts";
import { coordinateMesh } from "../../gpu/kernels/resample/mesh.ts";
import { resampleStrip } from "../../gpu/kernels/resample/resample.ts";
import { bit } from "../../sky/mask.ts";
import { type Wcs, wcsFromHeader } from "../../sky/wcs.ts";

/** An image with its mask. */
export interface MaskedImage {
  /** `[height, width]`, ADU, NaN where there is no data. */
  readonly data: Float32Array;
  /** `[height, width]`, bit planes. */
  readonly mask: Uint16Array;
}

/** A reference on the science grid. */
export interface AlignedReference extends MaskedImage {
  /** Whether pixels were resampled; false when the grids were the same. */
  readonly resampled: boolean;
  /** Fraction of the science frame that the reference covers. */
  readonly coverage: number;
}

/** Two grids whose corners and middle agree so well are one. */
const SAME_GRID_PX = 0.01;

/**
 * Resamples a reference (Lanczos, flux conserved) onto the grid of a science
 * frame with its mask; what the reference does not cover is NaN and NO_DATA.
 *
 * @param reference Reference with a WCS.
 * @param mask Its mask, of its size.
 * @param science Header of the science frame, whose NAXIS1/2 and WCS are the grid.
 * @param size Size of the science frame, px.
 * @returns The reference on that grid.
 * @throws {DataError} If the grids differ and either has no WCS.
 */
export function alignReference(
  reference: Image,
  mask: Uint16Array,
  science: FitsHeader,
  size: { readonly width: number; readonly height: number },
): AlignedReference {
  const from = wcsFromHeader(reference.header), to = wcsFromHeader(science);
  const sameSize = reference.width === size.width && reference.height === size.height;
  if (sameSize && (from === undefined || to === undefined || sameGrid(from, to, size))) {
    return finish({ data: reference.data.slice(), mask: mask.slice() }, false);
  }
  if (from === undefined || to === undefined) {
    const lacking = from === undefined ? reference.header.where : science.where;
    throw new DataError(
      `Cannot align the reference "${reference.header.where}": no WCS in "${lacking}"`,
      { details: { file: lacking } },
    );
  }
  const mesh = coordinateMesh((x, y) => {
    const [raDeg, decDeg] = to.pixelToSky(x, y);
    return from.skyToPixel(raDeg, decDeg);
  }, size);
  const pixels = size.width * size.height;
  const out = { data: new Float32Array(pixels), mask: new Uint16Array(pixels) };
  const source = {
    width: reference.width,
    firstRow: 0,
    rows: reference.height,
    data: reference.data,
    mask: withNoData(reference.data, mask),
  };
  const target = { width: size.width, firstRow: 0, rows: size.height, ...out };
  resampleStrip(source, mesh, target, { kernel: "lanczos3" });
  return finish(out, true);
}

/** Whether two maps give the same places at the corners and in the middle. */
function sameGrid(a: Wcs, b: Wcs, size: { width: number; height: number }): boolean {
  const [right, top] = [size.width - 1, size.height - 1];
  const places = [[0, 0], [right, 0], [0, top], [right, top], [right / 2, top / 2]] as const;
  return places.every(([x, y]) => {
    const [raDeg, decDeg] = b.pixelToSky(x, y);
    const [ax, ay] = a.skyToPixel(raDeg, decDeg);
    return Math.hypot(ax - x, ay - y) < SAME_GRID_PX;
  });
}

function withNoData(data: Float32Array, mask: Uint16Array): Uint16Array {
  const joined = mask.slice();
  for (let i = 0; i < data.length; i++) {
    if (!Number.isFinite(data[i]!)) joined[i]! |= bit("NO_DATA");
  }
  return joined;
}

function finish(image: MaskedImage, resampled: boolean): AlignedReference {
  const mask = withNoData(image.data, image.mask);
  let covered = 0;
  for (let i = 0; i < mask.length; i++) {
    if ((mask[i]! & bit("NO_DATA")) === 0) covered++;
    // What has no data in the mask must not be taken for a level by anyone.
    else image.data[i] = NaN;
  }
  return { data: image.data, mask, resampled, coverage: covered / mask.length };
}
