/**
 * Sorts the pixels in which a frame differs from the others into spots and streaks.
 *
 * @module
 */

/** A pixel that differs. */
export interface Outlier {
  readonly x: number;
  readonly y: number;
  /** How far it is off, in units of what is allowed; at least 1. */
  readonly excess: number;
}

/** Pixels of a stack that one frame must not contribute to. */
export interface Artefact {
  /** Trails of satellites are streaks; cosmic rays, ghosts and glints are spots. */
  readonly kind: "spot" | "streak";
  /** The pixels after growing, `[x, y, x, y, …]`. */
  readonly pixels: readonly number[];
}

/** Outliers this near to each other belong together, px. */
const LINK_PX = 2;
/** Fewer pixels count only when one of them is off by far. */
const FEW_PIXELS = 3;
const FAR_OFF = 1.25;
/** A streak is at least so long. */
const STREAK_LENGTH_PX = 30;
/** A streak is at least so many times longer than wide. */
const STREAK_ASPECT = 5;
/** Pieces of one line are joined over gaps up to their own length, and this at most. */
const LARGEST_GAP_PX = 300;
/** Pieces belong to one line when they lie so near to it, px. */
const OFF_LINE_PX = 4;
/** A trail fades before it ends: it goes on at both ends by half its length, and this at most. */
const LONGEST_END_PX = 150;
/** A streak is described by pieces of this length, px. */
const PIECE_PX = 4;

/**
 * Sorts outliers into artefacts.
 *
 * Outliers within 2 px of each other belong together. Single ones that are off by little are noise
 * and are left to the clipping of pixels. Long narrow groups are streaks: those that continue each
 * other become one, and gaps in between are filled, for a trail is fainter in places.
 *
 * @param outliers Of one frame.
 * @param growPx How far the pixels around an artefact are taken in; a streak's ends likewise.
 * @returns Its artefacts.
 */
export function sortOutliers(outliers: readonly Outlier[], growPx: number): Artefact[] {
  const groups = linkOutliers(outliers).filter((group) =>
    group.length >= FEW_PIXELS || group.some(({ excess }) => excess >= FAR_OFF)
  );
  const lines: Line[] = [];
  const spots: Artefact[] = [];
  for (const group of groups) {
    const line = lineOf(group);
    if (line.length >= STREAK_LENGTH_PX && line.length >= STREAK_ASPECT * line.width) {
      lines.push(line);
    } else spots.push({ kind: "spot", pixels: grow(group, growPx) });
  }
  const streaks = joinLines(lines).map((line): Artefact => ({
    kind: "streak",
    pixels: grow(fillLine(line), growPx),
  }));
  return [...streaks, ...spots];
}

/** Groups of outliers in which each is near to another one. */
function linkOutliers(outliers: readonly Outlier[]): Outlier[][] {
  const cells = new Map<number, Outlier[]>();
  const key = (x: number, y: number) => y * 2 ** 22 + x;
  for (const one of outliers) cells.set(key(one.x, one.y), [one]);
  const groups: Outlier[][] = [];
  const taken = new Set<Outlier>();
  for (const start of outliers) {
    if (taken.has(start)) continue;
    taken.add(start);
    const group = [start];
    for (let i = 0; i < group.length; i++) {
      const { x, y } = group[i]!;
      for (let dy = -LINK_PX; dy <= LINK_PX; dy++) {
        for (let dx = -LINK_PX; dx <= LINK_PX; dx++) {
          for (const near of cells.get(key(x + dx, y + dy)) ?? []) {
            if (taken.has(near)) continue;
            taken.add(near);
            group.push(near);
          }
        }
      }
    }
    groups.push(group);
  }
  return groups;
}

/** A group along its longest direction. */
interface Line {
  readonly pixels: readonly { readonly x: number; readonly y: number }[];
  readonly x: number;
  readonly y: number;
  /** Direction, a unit vector. */
  readonly ux: number;
  readonly uy: number;
  /** First and last place along it, from (x, y). */
  readonly from: number;
  readonly to: number;
  readonly length: number;
  readonly width: number;
}

/** Principal axis of pixels by their second moments. */
function lineOf(pixels: Line["pixels"]): Line {
  let [sx, sy] = [0, 0];
  for (const { x, y } of pixels) {
    sx += x;
    sy += y;
  }
  const [cx, cy] = [sx / pixels.length, sy / pixels.length];
  let [xx, xy, yy] = [0, 0, 0];
  for (const { x, y } of pixels) {
    xx += (x - cx) ** 2;
    xy += (x - cx) * (y - cy);
    yy += (y - cy) ** 2;
  }
  const angle = Math.atan2(2 * xy, xx - yy) / 2;
  const [ux, uy] = [Math.cos(angle), Math.sin(angle)];
  let [from, to] = [Infinity, -Infinity];
  let across = 0;
  for (const { x, y } of pixels) {
    const along = (x - cx) * ux + (y - cy) * uy;
    from = Math.min(from, along);
    to = Math.max(to, along);
    across += ((y - cy) * ux - (x - cx) * uy) ** 2;
  }
  // an even band of this width has this scatter
  const width = Math.sqrt(12 * across / pixels.length) + 1;
  return { pixels, x: cx, y: cy, ux, uy, from, to, length: to - from + 1, width };
}

/** Joins lines that continue each other, the longest first. */
function joinLines(lines: readonly Line[]): Line[] {
  const waiting = [...lines].sort((a, b) => b.length - a.length);
  const joined: Line[] = [];
  for (let line = waiting.shift(); line !== undefined; line = waiting.shift()) {
    const next = waiting.findIndex((other) => continues(line!, other));
    if (next < 0) joined.push(line);
    else {
      const [other] = waiting.splice(next, 1);
      waiting.unshift(lineOf([...line.pixels, ...other!.pixels]));
    }
  }
  return joined;
}

function continues(line: Line, other: Line): boolean {
  const ends = [other.from, other.to].map((place) => {
    const dx = other.x + place * other.ux - line.x;
    const dy = other.y + place * other.uy - line.y;
    return { along: dx * line.ux + dy * line.uy, off: Math.abs(dy * line.ux - dx * line.uy) };
  });
  const gap = Math.max(
    Math.min(...ends.map(({ along }) => along)) - line.to,
    line.from - Math.max(...ends.map(({ along }) => along)),
  );
  const reach = Math.min(LARGEST_GAP_PX, line.length);
  const near = OFF_LINE_PX + line.width / 2;
  return gap <= reach && ends.every(({ off }) => off <= near + 0.01 * Math.max(0, gap));
}

/** The pixels of a line and those of its gaps and ends, as wide as the pieces beside them. */
function fillLine(line: Line): { x: number; y: number }[] {
  const { low, high } = piecesOf(line);
  const filled = line.pixels.map(({ x, y }) => ({ x, y }));
  const ends = Math.ceil(Math.min(line.length / 2, LONGEST_END_PX) / PIECE_PX);
  for (let piece = -ends; piece < low.length + ends; piece++) {
    if (low[piece] !== undefined && low[piece] !== Infinity) continue;
    const before = findPiece(low, piece, -1);
    const after = findPiece(low, piece, 1);
    const near = [before, after].filter((one) => one !== undefined);
    const share = before === undefined || after === undefined
      ? 0
      : (piece - before) / (after - before);
    const between = (values: Float64Array) =>
      values[near[0]!]! * (1 - share) + values[near.at(-1)!]! * share;
    fillPiece(line, piece, between(low), between(high), filled);
  }
  return filled;
}

/** How far the pieces of a line reach to its sides. */
function piecesOf(line: Line): { low: Float64Array; high: Float64Array } {
  const { ux, uy } = line;
  const count = Math.floor(line.length / PIECE_PX) + 1;
  const low = new Float64Array(count).fill(Infinity);
  const high = new Float64Array(count).fill(-Infinity);
  for (const { x, y } of line.pixels) {
    const [dx, dy] = [x - line.x, y - line.y];
    const piece = Math.floor((dx * ux + dy * uy - line.from) / PIECE_PX);
    const off = dy * ux - dx * uy;
    low[piece] = Math.min(low[piece]!, off);
    high[piece] = Math.max(high[piece]!, off);
  }
  return { low, high };
}

/** The nearest piece with pixels in a direction. */
function findPiece(low: Float64Array, from: number, step: 1 | -1): number | undefined {
  const start = step > 0 ? Math.max(from, 0) : Math.min(from, low.length - 1);
  for (let piece = start; low[piece] !== undefined; piece += step) {
    if (low[piece] !== Infinity) return piece;
  }
  return undefined;
}

function fillPiece(
  { x, y, ux, uy, from }: Line,
  piece: number,
  low: number,
  high: number,
  into: { x: number; y: number }[],
): void {
  for (let along = 0; along < PIECE_PX; along++) {
    const place = from + piece * PIECE_PX + along;
    for (let off = low; off <= high + 1; off++) {
      into.push({
        x: Math.round(x + place * ux - off * uy),
        y: Math.round(y + place * uy + off * ux),
      });
    }
  }
}

/** All pixels within a distance of some. */
function grow(pixels: readonly { readonly x: number; readonly y: number }[], px: number): number[] {
  const reach = Math.floor(px);
  const grown = new Set<number>();
  for (const { x, y } of pixels) {
    for (let dy = -reach; dy <= reach; dy++) {
      const half = Math.floor(Math.sqrt(px * px - dy * dy));
      for (let dx = -half; dx <= half; dx++) grown.add((y + dy) * 2 ** 22 + x + dx + 2 ** 21);
    }
  }
  return [...grown].sort((a, b) => a - b).flatMap((key) => {
    const y = Math.floor(key / 2 ** 22);
    return [key - y * 2 ** 22 - 2 ** 21, y];
  });
}
