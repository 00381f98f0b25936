/**
 * Kernels on the calling thread.
 *
 * @module
 */

/** A module with a memory of its own. */
export interface OpenedModule {
  /** Its functions. */
  readonly exports: WebAssembly.Exports;
  /** Where they find their arrays. */
  readonly memory: WebAssembly.Memory;
}

/**
 * Opens a kernel's module for the calling thread, beside what the threads have.
 *
 * @param wasm Base64 text, from `deno task wasm`.
 * @param pages Of 64 KiB that the memory has at first.
 */
export function openHere(wasm: string, pages: number): OpenedModule {
  // kernels are built for shared memory
  const memory = new WebAssembly.Memory({ initial: pages, maximum: 65536, shared: true });
  const module = new WebAssembly.Module(Uint8Array.fromBase64(wasm));
  return { exports: new WebAssembly.Instance(module, { env: { memory } }).exports, memory };
}

/** Address of an array. */
export type Address = number;

const PAGE_BYTES = 65536;
/** A view of float64 begins at a multiple of these; vectors are read fastest so, too. */
const ALIGNED = 16;

/** Room for arrays in the memory of a module; all of it is free again for the next one that is made. */
export class Room {
  readonly #memory: WebAssembly.Memory;
  #end = ALIGNED; // address 0 is for what has no elements

  /**
   * Begins at the start of a memory.
   *
   * @param memory It grows as is needed.
   */
  constructor(memory: WebAssembly.Memory) {
    this.#memory = memory;
  }

  /** Room for some float64, all 0. */
  floats(count: number): Address {
    const at = this.#take(8 * count);
    this.#view(at, count).fill(0);
    return at;
  }

  /** A copy of float64. */
  put(values: Float64Array): Address {
    const at = this.#take(8 * values.length);
    this.#view(at, values.length).set(values);
    return at;
  }

  /** Copies of arrays of one length, one behind the other. */
  putAll(arrays: readonly Float64Array[], length: number): Address {
    const at = this.#take(8 * length * arrays.length);
    const room = this.#view(at, length * arrays.length);
    arrays.forEach((array, k) => room.set(array, k * length));
    return at;
  }

  /** A copy of whole numbers as words. */
  putWords(values: readonly number[]): Address {
    const at = this.#take(4 * values.length);
    new Uint32Array(this.#memory.buffer, at, values.length).set(values);
    return at;
  }

  /** What lies at an address; a copy. */
  read(at: Address, count: number): Float64Array<ArrayBuffer> {
    return new Float64Array(this.#view(at, count));
  }

  /** Float32 where there was room for float64. */
  floats32(at: Address, count: number): Float32Array<ArrayBufferLike> {
    return new Float32Array(this.#memory.buffer, at, count);
  }

  #view(at: Address, count: number): Float64Array {
    return new Float64Array(this.#memory.buffer, at, count);
  }

  #take(bytes: number): Address {
    const at = this.#end;
    this.#end = (at + bytes + ALIGNED - 1) & -ALIGNED;
    const missing = this.#end - this.#memory.buffer.byteLength;
    if (missing > 0) this.#memory.grow(Math.ceil(missing / PAGE_BYTES));
    return at;
  }
}
