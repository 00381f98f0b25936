/**
 * Dense float64 algebra in WebAssembly on the calling thread, for fits of some hundred unknowns. A loop
 * of JavaScript that runs for some milliseconds spends most of them before it is compiled; here the
 * first call is nearly as fast as the last.
 *
 * @module
 */

import { type Address, openHere, Room } from "../../calling_thread.ts";
import wasm from "./dense.wasm.b64" with { type: "text" };

/** The functions of `dense.as.ts`, which says what each does; addresses first, then sizes. */
export interface DenseFunctions {
  readonly addStars: (
    ...args: [
      ...[stars: Address, count: number, values: Address, counts: Address],
      ...[terms: number, most: number, n: number],
      ...[matrix: Address, vector: Address, noise: Address],
    ]
  ) => void;
  readonly mirror: (matrix: Address, n: number) => void;
  readonly takeNoise: (
    ...args: [
      ...[matrix: Address, products: Address, noise: Address, counts: Address],
      ...[terms: number, most: number, share: number],
    ]
  ) => void;
  readonly misfits: (
    ...args: [
      ...[stars: Address, count: number, values: Address, counts: Address],
      ...[terms: number, most: number, coefficients: Address, local: Address, out: Address],
    ]
  ) => void;
  readonly axpy: (a: Address, b: Address, factor: number, count: number) => void;
  readonly toUnitDiagonal: (matrix: Address, scale: Address, n: number) => void;
  readonly factorise: (matrix: Address, n: number, smallestPivot: number) => number;
  readonly solvePositive: (
    ...args: [matrix: Address, vector: Address, scale: Address, n: number, smallestPivot: number]
  ) => number;
  readonly largestEigenvalue: (
    ...args: [matrix: Address, x: Address, y: Address, n: number, steps: number]
  ) => number;
  readonly largestOfInverse: (lower: Address, x: Address, n: number, steps: number) => number;
  readonly addProduct: Product;
  readonly addTransposedProduct: Product;
  readonly turnStars: (
    ...args: [
      ...[stars: Address, count: number, terms: number],
      ...[rotation: Address, half: Address, out: Address],
    ]
  ) => void;
  readonly eigen: (
    ...args: [a: Address, vectors: Address, n: number, smallest: number, sweeps: number]
  ) => void;
}

type Product = (
  ...args: [a: Address, b: Address, out: Address, rows: number, inner: number, columns: number]
) => void;

/** Room for the arrays of some calls. */
export class DenseRoom extends Room {
  readonly run: DenseFunctions;

  /** @param opened The module's functions and memory. */
  constructor({ run, memory }: Opened) {
    super(memory);
    this.run = run;
  }
}

interface Opened {
  readonly run: DenseFunctions;
  readonly memory: WebAssembly.Memory;
}

let opened: Opened | undefined;
let isInUse = false;

/**
 * Lends room and functions; both are gone when the work returns.
 *
 * @param work Lays arrays out, calls, and reads the results. Must not lend itself.
 * @returns What it returns.
 */
export function inDense<T>(work: (room: DenseRoom) => T): T {
  if (isInUse) throw new Error("the arrays of dense algebra are in use");
  opened ??= openDense();
  isInUse = true;
  try {
    return work(new DenseRoom(opened));
  } finally {
    isInUse = false;
  }
}

function openDense(): Opened {
  const { exports, memory } = openHere(wasm, 64);
  return { run: exports as WebAssembly.Exports & DenseFunctions, memory };
}
