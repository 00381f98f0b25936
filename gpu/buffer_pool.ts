/**
 * GPU buffers that are used again.
 *
 * @module
 */

/** Keeps buffers that were given back, by usage and size, up to a number of bytes. */
export class BufferPool {
  readonly #device: GPUDevice;
  readonly #cap: number;
  /** In the order of their return: the first was given back longest ago. */
  readonly #idle: GPUBuffer[] = [];
  #idleBytes = 0;
  #lentBytes = 0;

  /**
   * Makes an empty pool.
   *
   * @param device Where the buffers are.
   * @param cap Bytes kept at most while nobody uses them.
   */
  constructor(device: GPUDevice, cap: number) {
    this.#device = device;
    this.#cap = cap;
  }

  /** Bytes of buffers that are lent. */
  get lentBytes(): number {
    return this.#lentBytes;
  }

  /** Bytes of buffers that wait to be used again. */
  get idleBytes(): number {
    return this.#idleBytes;
  }

  /**
   * Lends a buffer of at least so many bytes; its content is whatever it is.
   *
   * Sizes are rounded up to sixteenths of a power of two, so that strips of nearly equal
   * size share buffers.
   */
  lend(bytes: number, usage: GPUBufferUsageFlags, limit: number): GPUBuffer {
    const size = Math.min(roundSize(bytes), Math.max(limit, bytes));
    const index = this.#idle.findIndex((buffer) => buffer.size === size && buffer.usage === usage);
    const buffer = index >= 0
      ? this.#idle.splice(index, 1)[0]!
      : this.#device.createBuffer({ size, usage });
    if (index >= 0) this.#idleBytes -= size;
    this.#lentBytes += size;
    return buffer;
  }

  /** Takes a buffer back, after the work that uses it was submitted. */
  giveBack(buffer: GPUBuffer): void {
    this.#lentBytes -= buffer.size;
    this.#idle.push(buffer);
    this.#idleBytes += buffer.size;
    while (this.#idleBytes > this.#cap) this.#drop(this.#idle.shift()!);
  }

  /** Destroys a buffer that may be unusable. */
  discard(buffer: GPUBuffer): void {
    this.#lentBytes -= buffer.size;
    buffer.destroy();
  }

  /** Destroys all idle buffers. */
  clear(): void {
    for (const buffer of this.#idle.splice(0)) this.#drop(buffer);
  }

  #drop(buffer: GPUBuffer): void {
    this.#idleBytes -= buffer.size;
    buffer.destroy();
  }
}

/** Rounds up to a sixteenth of the power of two below; divisible by 4. */
export function roundSize(bytes: number): number {
  const step = Math.max(256, 2 ** Math.floor(Math.log2(Math.max(1, bytes))) / 16);
  return Math.ceil(bytes / step) * step;
}
