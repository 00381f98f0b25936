/**
 * A device that is opened by the first who needs it.
 *
 * @module
 */

import { type Compute, type ComputeOptions, openCompute } from "./compute.ts";

/** Opens a device once, at the first call, so that what needs none starts no threads. */
export class LazyCompute implements Disposable {
  readonly #options: ComputeOptions;
  #opening: Promise<Compute> | undefined;
  #compute: Compute | undefined;
  #closed = false;

  /**
   * Opens nothing yet.
   *
   * @param options As of {@linkcode openCompute}.
   */
  constructor(options: ComputeOptions = {}) {
    this.#options = options;
  }

  /**
   * The device.
   *
   * @throws {GpuError} If `webgpu` was asked for and cannot be had.
   */
  get(): Promise<Compute> {
    this.#opening ??= this.#open();
    return this.#opening;
  }

  async #open(): Promise<Compute> {
    const compute = await openCompute(this.#options);
    if (this.#closed) compute[Symbol.dispose]();
    this.#compute = compute;
    return compute;
  }

  /** The devices that were used, in order; `cpu` while none was opened. */
  get device(): string {
    return this.#compute?.device ?? "cpu";
  }

  /** Closes the device if it was opened. */
  [Symbol.dispose](): void {
    this.#closed = true;
    this.#compute?.[Symbol.dispose]();
  }
}
