/**
 * WebAssembly that sorts the samples of pixels in registers, made for a number of frames.
 *
 * A network that is read from memory loads and stores two values at every comparator. As straight
 * code the processor keeps the values, and what no wanted sample depends on falls away.
 *
 * @module
 */

import type { Kernel } from "../../job.ts";
import { medianNetwork, type Network, orderByReuse, sortingNetwork } from "./network.ts";

/** Bytes of one sample of each pixel of a column: of eight shorts or four floats. */
export const SAMPLE_BYTES = 16;

/** Samples that the processor has room for beside what a comparator needs. */
const REGISTERS = 13;

/** What is sorted: big-endian int16, or float32 of this machine with NaN for gaps. */
export type SampleType = "short" | "float";

/** A kernel that sorts, and what it leaves behind. */
export interface ColumnSorter {
  /** Its entry `sortColumns` takes one slot, `[frames, rows, width]`. */
  readonly kernel: Kernel;
  /** Pixels of a column. */
  readonly pixels: number;
  /**
   * Samples of a pixel that it leaves in the working memory, `[columns, samples, pixels]`: all, from
   * the smallest on, or the middle one or two. Of floats gaps are +Infinity, and the last one is
   * their number without gaps, uint32.
   */
  readonly samples: number;
}

const sorters = new Map<string, ColumnSorter>();

/**
 * A kernel that sorts the samples of each pixel; for the processor alone.
 *
 * @param type Of the samples.
 * @param frames Samples of a pixel.
 * @param wanted All of them or the middle ones.
 */
export function columnSorter(
  type: SampleType,
  frames: number,
  wanted: "all" | "median",
): ColumnSorter {
  const name = `sort_${wanted}_of_${frames}_${type}s`;
  const known = sorters.get(name);
  if (known !== undefined) return known;
  const middle = [...new Set([(frames - 1) >> 1, frames >> 1])];
  const lanes = wanted === "median" ? middle : [...Array(frames).keys()];
  const all = wanted === "median" ? medianNetwork(frames) : sortingNetwork(frames);
  const network = orderByReuse(all, REGISTERS);
  const code = [...place(TYPES[type]), ...loop(column(TYPES[type], frames, network, lanes))];
  const kernel = { name, wasm: moduleOf(frames, code).toBase64() };
  const { bytes, counts } = TYPES[type];
  const samples = lanes.length + (counts ? 1 : 0);
  const sorter = { kernel, pixels: SAMPLE_BYTES / bytes, samples };
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
const EQUAL = vector(0x41);
const SUBTRACT = vector(0xb1);
const SELECT = vector(0x52);
const literal = (bytes: Code): Code => [...vector(0x0c), ...bytes];
/** Exchanges the bytes of eight shorts. */
const SWAP = literal([1, 0, 3, 2, 5, 4, 7, 6, 9, 8, 11, 10, 13, 12, 15, 14]);
const INFINITY = literal([0, 0, 0x80, 0x7f, 0, 0, 0x80, 0x7f, 0, 0, 0x80, 0x7f, 0, 0, 0x80, 0x7f]);
const ZERO = literal(Array(16).fill(0));

// locals: the arguments of an entry, those of the loop, and the samples of a column
const [ARGS, FROM, TO, OUT] = [0, 1, 2, 3];
const [AT, END, STRIDE] = [4, 5, 6];
const [COUNT, GOOD] = [7, 8];
const lane = (k: number) => 9 + k;

/** How samples of a type are taken from the stack and put in order. */
interface TypeCode {
  readonly bytes: number;
  readonly counts: boolean;
  /** Makes a sample of what is read into a local. */
  readonly take: (local: number) => Code;
  readonly min: Code;
  readonly max: Code;
}

const TYPES: Readonly<Record<SampleType, TypeCode>> = {
  short: {
    ...{ bytes: 2, counts: false },
    take: (local) => [...get(local), ...SWAP, ...SWIZZLE, ...set(local)],
    ...{ min: vector(0x96), max: vector(0x98) },
  },
  float: {
    ...{ bytes: 4, counts: true },
    take: (local) => [
      ...[...get(local), ...get(local), ...EQUAL, ...set(GOOD)],
      ...[...get(local), ...INFINITY, ...get(GOOD), ...SELECT, ...set(local)],
      ...[...get(COUNT), ...get(GOOD), ...SUBTRACT, ...set(COUNT)],
    ],
    ...{ min: vector(0x10d), max: vector(0x10e) },
  },
};

/** Finds the first pixel and the last; see arguments.as.ts. */
function place({ bytes }: TypeCode): Code {
  const rowBytes = [...get(ARGS), ...word(64), ...constant(bytes), ...MULTIPLY];
  const start = [...get(ARGS), ...word(0)];
  const pixel = (row: number) => [...get(row), ...rowBytes, ...MULTIPLY, ...start, ...ADD];
  const stride = [...get(ARGS), ...word(4), ...set(STRIDE)];
  return [...stride, ...pixel(FROM), ...set(AT), ...pixel(TO), ...set(END)];
}

/**
 * Sorts one column and goes on to the next. Samples are read when the first comparator needs them and
 * stored behind the last one, so that few are held at a time.
 */
function column(type: TypeCode, frames: number, network: Network, lanes: readonly number[]): Code {
  const step = (local: number, by: Code) => [...get(local), ...by, ...ADD, ...set(local)];
  const keep = (
    local: number,
    i: number,
  ) => [...get(OUT), ...get(local), ...store(i * SAMPLE_BYTES)];
  const read = (k: number) => [
    ...[...get(AT), ...get(STRIDE), ...constant(k), ...MULTIPLY, ...ADD],
    ...[...LOAD, ...set(lane(k)), ...type.take(lane(k))],
  ];
  const code: number[] = [...ZERO, ...set(COUNT)];
  if (frames === 1) code.push(...read(0), ...keep(lane(0), 0));
  for (let i = 0; i < network.length; i += 2) {
    const pair = [...network.subarray(i, i + 2)];
    const [low = 0, high = 0] = pair.map(lane);
    const both = [...get(low), ...get(high)];
    for (const k of pair) if (network.indexOf(k) >= i) code.push(...read(k));
    code.push(...both, ...type.min, ...both, ...type.max, ...set(high), ...set(low));
    for (const k of pair) {
      const isDone = network.lastIndexOf(k) < i + 2 && lanes.includes(k);
      if (isDone) code.push(...keep(lane(k), lanes.indexOf(k)));
    }
  }
  if (type.counts) code.push(...keep(COUNT, lanes.length));
  code.push(...step(OUT, constant((lanes.length + (type.counts ? 1 : 0)) * SAMPLE_BYTES)));
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
  const locals = list([3, i32], [...unsigned(2 + frames), v128]);
  return Uint8Array.of(
    ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, list([0x60, 4, i32, i32, i32, i32, 0])),
    ...section(2, list(memory)),
    ...section(3, list([0])),
    ...section(7, list([...text("sortColumns"), 0, 0])),
    ...section(10, list(sized([...locals, ...code, 0x0b]))),
  );
}
