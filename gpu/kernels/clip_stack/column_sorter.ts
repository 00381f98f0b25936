/**
 * WebAssembly that sorts the samples of pixels in registers, made for a number of frames.
 *
 * A network that is read from memory loads and stores two values at every comparator. As straight
 * code the processor keeps the values, and what no wanted sample depends on falls away.
 *
 * @module
 */

import type { Kernel } from "../../job.ts";
import { medianNetwork, type Network, sortingNetwork } from "./network.ts";

/** Pixels of a column: what one vector holds. */
export const COLUMN = 8;

/** Bytes of one sample of each pixel of a column. */
export const SAMPLE_BYTES: number = COLUMN * 2;

/** A kernel that sorts, and what it leaves behind. */
export interface ColumnSorter {
  /** Its entry `sortColumns` takes one slot, big-endian int16 `[frames, rows, width]`. */
  readonly kernel: Kernel;
  /**
   * Samples of a pixel that it leaves in the working memory, `[columns, samples, 8]` int16: all,
   * from the smallest on, or the middle one or two.
   */
  readonly samples: number;
}

const sorters = new Map<string, ColumnSorter>();

/**
 * A kernel that sorts the samples of each pixel; for the processor alone.
 *
 * @param frames Samples of a pixel.
 * @param wanted All of them or the middle ones.
 */
export function columnSorter(frames: number, wanted: "all" | "median"): ColumnSorter {
  const name = `sort_${wanted}_of_${frames}`;
  const known = sorters.get(name);
  if (known !== undefined) return known;
  const middle = [...new Set([(frames - 1) >> 1, frames >> 1])];
  const [network, lanes] = wanted === "median"
    ? [medianNetwork(frames), middle]
    : [sortingNetwork(frames), [...Array(frames).keys()]];
  const wasm = moduleOf(frames, [...place(), ...loop(column(frames, network, lanes))]).toBase64();
  const sorter = { kernel: { name, wasm }, samples: lanes.length };
  sorters.set(name, sorter);
  return sorter;
}

type Code = readonly number[];

/** An unsigned number as WebAssembly has it (LEB128). */
function unsigned(value: number): Code {
  return value < 128 ? [value] : [value & 127 | 128, ...unsigned(value >>> 7)];
}

/** A number that is not negative where it has a sign. */
function signed(value: number): Code {
  return value < 64 ? [value] : [value & 127 | 128, ...signed(value >> 7)];
}

// instructions: WebAssembly core specification 3.0, chapter 5.4
const get = (local: number): Code => [0x20, ...unsigned(local)];
const set = (local: number): Code => [0x21, ...unsigned(local)];
const constant = (value: number): Code => [0x41, ...signed(value)];
const word = (offset: number): Code => [0x28, 2, ...unsigned(offset)];
const vector = (opcode: number): Code => [0xfd, ...unsigned(opcode)];
const store = (offset: number): Code => [...vector(0x0b), 4, ...unsigned(offset)];
const ADD = [0x6a];
const MULTIPLY = [0x6c];
const LESS = [0x49];
const LOAD = [...vector(0x00), 0, 0];
const SWIZZLE = vector(0x100);
const MIN = vector(0x96);
const MAX = vector(0x98);
/** Exchanges the bytes of eight shorts. */
const SWAP = [...vector(0x0c), 1, 0, 3, 2, 5, 4, 7, 6, 9, 8, 11, 10, 13, 12, 15, 14];

// locals: the arguments of an entry, those of the loop, and the samples of a column
const [ARGS, FROM, TO, OUT] = [0, 1, 2, 3];
const [AT, END, STRIDE, SAMPLE] = [4, 5, 6, 7];
const lane = (k: number) => 8 + k;

/** Finds the first pixel and the last; see arguments.as.ts. */
function place(): Code {
  const bytes = [...get(ARGS), ...word(64), ...constant(2), ...MULTIPLY];
  const pixel = (
    row: number,
  ) => [...get(row), ...bytes, ...MULTIPLY, ...get(ARGS), ...word(0), ...ADD];
  const stride = [...get(ARGS), ...word(4), ...set(STRIDE)];
  return [...stride, ...pixel(FROM), ...set(AT), ...pixel(TO), ...set(END)];
}

/** Sorts one column and goes on to the next. */
function column(frames: number, network: Network, lanes: readonly number[]): Code {
  const step = (local: number, by: Code) => [...get(local), ...by, ...ADD, ...set(local)];
  const code: number[] = [...get(AT), ...set(SAMPLE)];
  for (let k = 0; k < frames; k++) {
    code.push(...get(SAMPLE), ...LOAD, ...SWAP, ...SWIZZLE, ...set(lane(k)));
    code.push(...step(SAMPLE, get(STRIDE)));
  }
  for (let i = 0; i < network.length; i += 2) {
    const [low, high] = [lane(network[i]!), lane(network[i + 1]!)];
    const pair = [...get(low), ...get(high)];
    code.push(...pair, ...MIN, ...pair, ...MAX, ...set(high), ...set(low));
  }
  lanes.forEach((k, i) => code.push(...get(OUT), ...get(lane(k)), ...store(i * SAMPLE_BYTES)));
  code.push(...step(OUT, constant(lanes.length * SAMPLE_BYTES)));
  return [...code, ...step(AT, constant(SAMPLE_BYTES))];
}

/** Repeats code until all pixels are done; there is at least one. */
function loop(code: Code): Code {
  return [0x03, 0x40, ...code, ...get(AT), ...get(END), ...LESS, 0x0d, 0, 0x0b];
}

const list = (...items: readonly Code[]): Code => [...unsigned(items.length), ...items.flat()];
const sized = (code: Code): Code => [...unsigned(code.length), ...code];
const text = (value: string): Code => sized([...new TextEncoder().encode(value)]);
const section = (id: number, content: Code): Code => [id, ...sized(content)];

/** A module of one function over the shared memory. */
function moduleOf(frames: number, code: Code): Uint8Array {
  const [i32, v128] = [0x7f, 0x7b];
  const memory = [...text("env"), ...text("memory"), 2, 3, 1, ...unsigned(65536)];
  const locals = list([4, i32], [...unsigned(frames), v128]);
  return Uint8Array.of(
    ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, list([0x60, 4, i32, i32, i32, i32, 0])),
    ...section(2, list(memory)),
    ...section(3, list([0])),
    ...section(7, list([...text("sortColumns"), 0, 0])),
    ...section(10, list(sized([...locals, ...code, 0x0b]))),
  );
}
