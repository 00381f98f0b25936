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
