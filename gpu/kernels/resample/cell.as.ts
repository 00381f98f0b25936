// A cell of the mesh: the target pixels between four nodes, whose source positions are bilinear.
// Positions are integers, 16.16 fixed point.

import { paramF32, paramU32, slotPointer } from "../arguments.as";

/** The pixel has no value at all. */
export const UNFILLED: u32 = 0x8000;
/** A pixel of the footprint, however little it weighs, has a plane of {@linkcode RINGING}. */
export const RINGS: u32 = 0x10000;
/** There is no source position at this node of the mesh. */
const NOWHERE: i32 = i32.MIN_VALUE;
/** Bytes of a node: x, y, area. */
export const NODE: usize = 12;
/** Bytes of a phase of the kernel: weights, first derivatives, halves of the second ones. */
export const PHASE: usize = 96;

export const PLANE: u32 = 0; // that is written
export const SOURCE_WIDTH: u32 = 1;
export const SOURCE_ROWS: u32 = 2;
export const SOURCE_FIRST: u32 = 3; // number of the first source row there is
export const MESH_SHIFT: u32 = 4; // log2 of the step of the mesh
export const MESH_COLUMNS: u32 = 5;
export const MESH_FIRST: u32 = 6; // target row of the first row of nodes
export const TAPS: u32 = 7;
export const BEFORE: u32 = 8; // the first tap lies this far before the position
export const OFFSET: u32 = 9; // added to positions, 16.16
export const SCALE: u32 = 10;
export const MASK_WEIGHT: u32 = 11;
export const ROWS_FIRST: u32 = 12; // 1: rows are interpolated first, then columns
export const RINGING: u32 = 13; // planes of pixels beside which lobes ring

@unmanaged
export class Cell {
  /** Upper left. */
  x00: i32;
  y00: i32;
  a00: f32;
  /** Upper right. */
  x01: i32;
  y01: i32;
  a01: f32;
  /** Lower left. */
  x10: i32;
  y10: i32;
  a10: f32;
  /** Lower right. */
  x11: i32;
  y11: i32;
  a11: f32;
  /** Source px along x for one along y where a column of the target runs: at the left, at the right. */
  shear0: f32;
  shear1: f32;
  /** The row that was set: first position, way along the row, first area and its slope. */
  x: i32;
  y: i32;
  dx: i32;
  dy: i32;
  area: f32;
  slope: f32;
}

/** Bytes of a {@linkcode Cell}. */
export const CELL_BYTES: usize = 96;

/** Reads the nodes of a cell; false if there is no position at one of them. */
export function loadCell(args: usize, node: usize, cell: Cell): bool {
  const below = node + <usize>paramU32(args, MESH_COLUMNS) * NODE;
  cell.x00 = load<i32>(node);
  cell.y00 = load<i32>(node, 4);
  cell.a00 = load<f32>(node, 8);
  cell.x01 = load<i32>(node, NODE);
  cell.y01 = load<i32>(node, NODE + 4);
  cell.a01 = load<f32>(node, NODE + 8);
  cell.x10 = load<i32>(below);
  cell.y10 = load<i32>(below, 4);
  cell.a10 = load<f32>(below, 8);
  cell.x11 = load<i32>(below, NODE);
  cell.y11 = load<i32>(below, NODE + 4);
  cell.a11 = load<f32>(below, NODE + 8);
  cell.shear0 = <f32>(cell.x10 - cell.x00) / <f32>(cell.y10 - cell.y00);
  cell.shear1 = <f32>(cell.x11 - cell.x01) / <f32>(cell.y11 - cell.y01);
  return cell.x00 != NOWHERE && cell.x01 != NOWHERE && cell.x10 != NOWHERE && cell.x11 != NOWHERE;
}

/** Sets the row of a cell that lies so many rows below its upper nodes. */
export function setRow(args: usize, cell: Cell, fy: i32): void {
  const shift = paramU32(args, MESH_SHIFT);
  cell.x = cell.x00 + (((cell.x10 - cell.x00) * fy) >> shift);
  cell.y = cell.y00 + (((cell.y10 - cell.y00) * fy) >> shift);
  cell.dx = cell.x01 + (((cell.x11 - cell.x01) * fy) >> shift) - cell.x;
  cell.dy = cell.y01 + (((cell.y11 - cell.y01) * fy) >> shift) - cell.y;
  const step = <f32>(1 << shift);
  const share = <f32>fy / step;
  const scale = paramF32(args, SCALE);
  const left = cell.a00 + (cell.a10 - cell.a00) * share;
  const right = cell.a01 + (cell.a11 - cell.a01) * share;
  cell.area = left * scale;
  cell.slope = (right - left) * scale / step;
}

/** Weights of the phase of a position. */
export function phaseAt(args: usize, position: i32): usize {
  return slotPointer(args, 4) + <usize>((position >> 4) & 4095) * PHASE;
}
