/**
 * A coarse mesh that stands for an exact mapping of pixels between two images.
 *
 * @module
 */

/** Source coordinates at every `stepPx` of the target image. */
export interface CoordinateMesh {
  /** Distance of the nodes, target px. */
  readonly stepPx: number;
  /** Nodes along x. */
  readonly columns: number;
  /** Nodes along y. */
  readonly rows: number;
  /** `[rows, columns]` source x of each node, px; NaN where the mapping has none. */
  readonly x: Float64Array;
  /** `[rows, columns]` source y of each node, px. */
  readonly y: Float64Array;
  /** `[rows, columns]` source pixels that one target pixel covers. */
  readonly area: Float32Array;
}

/** The exact mapping: source pixel of a target pixel, both 0-based. */
export interface PixelMapping {
  (x: number, y: number): readonly [number, number];
}

/** How fine the mesh must be. */
export interface MeshOptions {
  /** Columns of the target image. */
  readonly width: number;
  /** Rows of the target image. */
  readonly height: number;
  /** Largest error of the interpolated coordinates, px; 0.001 if left out. */
  readonly tolerancePx?: number;
  /** The coarsest step tried; 64 if left out. */
  readonly stepPx?: number;
}

/** No mesh is finer than this. */
const FINEST_STEP = 4;
/** The error is looked at in the middle of so many cells along each side. */
const PROBES = 12;

/**
 * Samples a mapping coarsely enough to be cheap and finely enough to be right.
 *
 * The mapping itself is asked at the coarsest step alone; finer nodes come from cubic
 * interpolation. The step is halved until bilinear interpolation in the middle of cells spread
 * over the image, where its error is largest, is within the tolerance of the mapping.
 *
 * @param toSource The exact mapping.
 * @param options Size of the target image and tolerance.
 * @returns Source coordinates and areas at the nodes.
 */
export function coordinateMesh(toSource: PixelMapping, options: MeshOptions): CoordinateMesh {
  const tolerance = options.tolerancePx ?? 0.001;
  const coarse = sampleMesh(toSource, options, options.stepPx ?? 64);
  const smooth = coarse.columns >= 4 && coarse.rows >= 4 && coarse.x.every(Number.isFinite);
  let mesh = coarse;
  for (let step = coarse.stepPx / 2; step >= FINEST_STEP; step /= 2) {
    if (meshErrorPx(mesh, toSource) <= tolerance) break;
    mesh = smooth ? refineMesh(coarse, options, step) : sampleMesh(toSource, options, step);
  }
  if (smooth && mesh.stepPx === FINEST_STEP && meshErrorPx(mesh, toSource) > tolerance) {
    mesh = sampleMesh(toSource, options, FINEST_STEP);
  }
  setAreas(mesh);
  return mesh;
}

function emptyMesh(options: MeshOptions, step: number): CoordinateMesh {
  const columns = Math.ceil(Math.max(1, options.width - 1) / step) + 1;
  const rows = Math.ceil(Math.max(1, options.height - 1) / step) + 1;
  const nodes = columns * rows;
  return {
    stepPx: step,
    columns,
    rows,
    x: new Float64Array(nodes),
    y: new Float64Array(nodes),
    area: new Float32Array(nodes),
  };
}

/** A finer mesh through the nodes of a coarse one. */
function refineMesh(coarse: CoordinateMesh, options: MeshOptions, step: number): CoordinateMesh {
  const mesh = emptyMesh(options, step);
  refineNodes(coarse.x, coarse, mesh, mesh.x);
  refineNodes(coarse.y, coarse, mesh, mesh.y);
  return mesh;
}

function refineNodes(
  values: Float64Array,
  coarse: CoordinateMesh,
  { columns, rows, stepPx }: CoordinateMesh,
  into: Float64Array,
): void {
  const ratio = coarse.stepPx / stepPx;
  const wide = new Float64Array(coarse.rows * columns);
  for (let column = 0; column < columns; column++) {
    const { first, weights: [a, b, c, d] } = cubicAt(column / ratio, coarse.columns);
    for (let row = 0; row < coarse.rows; row++) {
      const at = row * coarse.columns + first;
      wide[row * columns + column] = a * values[at]! + b * values[at + 1]! +
        c * values[at + 2]! + d * values[at + 3]!;
    }
  }
  for (let row = 0; row < rows; row++) {
    const { first, weights: [a, b, c, d] } = cubicAt(row / ratio, coarse.rows);
    for (let column = 0; column < columns; column++) {
      const at = first * columns + column;
      into[row * columns + column] = a * wide[at]! + b * wide[at + columns]! +
        c * wide[at + 2 * columns]! + d * wide[at + 3 * columns]!;
    }
  }
}

/** Lagrange's cubic through the four nodes around a place among at least four. */
function cubicAt(
  place: number,
  count: number,
): { first: number; weights: readonly [number, number, number, number] } {
  const first = Math.min(Math.max(Math.floor(place) - 1, 0), count - 4);
  const t = place - first;
  const weights = [
    (t - 1) * (t - 2) * (t - 3) / -6,
    t * (t - 2) * (t - 3) / 2,
    t * (t - 1) * (t - 3) / -2,
    t * (t - 1) * (t - 2) / 6,
  ] as const;
  return { first, weights };
}

function sampleMesh(toSource: PixelMapping, options: MeshOptions, step: number): CoordinateMesh {
  const mesh = emptyMesh(options, step);
  const { columns, rows } = mesh;
  for (let row = 0, node = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++, node++) {
      const [x, y] = toSource(column * step, row * step);
      mesh.x[node] = x;
      mesh.y[node] = y;
    }
  }
  return mesh;
}

/**
 * The largest error of the mesh in the middle of cells spread over the image.
 *
 * @param mesh The mesh.
 * @param toSource The exact mapping.
 * @returns Error, px.
 */
export function meshErrorPx(mesh: CoordinateMesh, toSource: PixelMapping): number {
  const { columns, rows, stepPx, x, y } = mesh;
  const stride = (count: number) => Math.max(1, Math.floor((count - 2) / PROBES));
  let worst = 0;
  for (let row = 0; row < rows - 1; row += stride(rows)) {
    for (let column = 0; column < columns - 1; column += stride(columns)) {
      const a = row * columns + column;
      const b = a + columns;
      const [sx, sy] = toSource((column + 0.5) * stepPx, (row + 0.5) * stepPx);
      const dx = (x[a]! + x[a + 1]! + x[b]! + x[b + 1]!) / 4 - sx;
      const dy = (y[a]! + y[a + 1]! + y[b]! + y[b + 1]!) / 4 - sy;
      const error = Math.hypot(dx, dy);
      if (error > worst) worst = error;
    }
  }
  return worst;
}

/** Areas by central differences, one-sided at the rim. */
function setAreas(mesh: CoordinateMesh): void {
  const { columns, rows, stepPx, x, y, area } = mesh;
  for (let row = 0; row < rows; row++) {
    const up = Math.min(row + 1, rows - 1);
    const down = Math.max(row - 1, 0);
    for (let column = 0; column < columns; column++) {
      const right = row * columns + Math.min(column + 1, columns - 1);
      const left = row * columns + Math.max(column - 1, 0);
      const high = up * columns + column;
      const low = down * columns + column;
      const cross = (x[right]! - x[left]!) * (y[high]! - y[low]!) -
        (x[high]! - x[low]!) * (y[right]! - y[left]!);
      const span = (right - left) * (up - down) * stepPx * stepPx;
      area[row * columns + column] = Math.abs(cross) / span;
    }
  }
}

/** Coordinates of one target row, each `[width]`. */
export interface MeshRow {
  /** Source x, px. */
  readonly x: Float64Array;
  /** Source y, px. */
  readonly y: Float64Array;
  /** Source pixels that the target pixel covers. */
  readonly area: Float64Array;
}

/**
 * Interpolates the mesh along one target row.
 *
 * @param mesh The mesh.
 * @param row Target row, 0-based.
 * @param into Arrays to fill; their length is the width.
 */
export function interpolateRow(mesh: CoordinateMesh, row: number, into: MeshRow): void {
  const { columns, rows, stepPx } = mesh;
  const cell = Math.min(Math.floor(row / stepPx), rows - 2);
  const fraction = row / stepPx - cell;
  const low = cell * columns;
  lerpRow(mesh.x, low, columns, { fraction, stepPx }, into.x);
  lerpRow(mesh.y, low, columns, { fraction, stepPx }, into.y);
  lerpRow(mesh.area, low, columns, { fraction, stepPx }, into.area);
}

function lerpRow(
  nodes: Float64Array | Float32Array,
  low: number,
  columns: number,
  cell: { readonly fraction: number; readonly stepPx: number },
  into: Float64Array,
): void {
  const { fraction, stepPx } = cell;
  const at = (node: number) => nodes[node]! + (nodes[node + columns]! - nodes[node]!) * fraction;
  for (let column = 0; column < columns - 1; column++) {
    const first = at(low + column);
    const slope = (at(low + column + 1) - first) / stepPx;
    const start = column * stepPx;
    const end = Math.min(start + stepPx, into.length);
    for (let x = start; x < end; x++) into[x] = first + slope * (x - start);
  }
  const last = (columns - 1) * stepPx;
  if (last < into.length) into[last] = at(low + columns - 1);
}

/**
 * The source rows that a strip of target rows needs.
 *
 * @param mesh The mesh.
 * @param strip First target row and number of rows.
 * @param source Height of the source image, and rows needed around a position.
 * @returns First source row, and the number of rows; none if the strip lies outside.
 */
export function sourceRows(
  mesh: CoordinateMesh,
  strip: { readonly firstRow: number; readonly rows: number },
  source: { readonly height: number; readonly reach: number },
): { readonly firstRow: number; readonly rows: number } {
  const first = Math.floor(strip.firstRow / mesh.stepPx);
  const last = Math.ceil((strip.firstRow + strip.rows - 1) / mesh.stepPx);
  const from = first * mesh.columns;
  const to = Math.min(last + 1, mesh.rows) * mesh.columns;
  let low = Infinity;
  let high = -Infinity;
  for (let node = from; node < to; node++) {
    const y = mesh.y[node]!;
    if (y < low) low = y;
    if (y > high) high = y;
  }
  const firstRow = Math.max(0, Math.floor(low) - source.reach);
  const end = Math.min(source.height, Math.ceil(high) + source.reach + 1);
  return end > firstRow ? { firstRow, rows: end - firstRow } : { firstRow: 0, rows: 0 };
}
