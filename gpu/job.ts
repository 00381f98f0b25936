/**
 * Work on strips of rows, in a form that every backend understands.
 *
 * @module
 */

/** A kernel, in WGSL for a GPU and in WebAssembly for the processor's threads. */
export interface Kernel {
  /** Name of its folder. */
  readonly name: string;
  /** WGSL source; absent of what a maker of jobs has in jobs for the processor alone. */
  readonly wgsl?: string;
  /** WebAssembly module as base64 text, from `deno task wasm`. */
  readonly wasm: string;
}

/**
 * What a slot is to a job.
 *
 * - `input`: rows that are read, with the job's halo above and below
 * - `output`: rows that are written, without a halo
 * - `temporary`: rows with the halo that one pass writes and a later one reads
 * - `table`: read as a whole by every pixel
 * - `sum`: 32-bit counters, zero at the start, to which every pixel may add
 */
export type SlotRole = "input" | "output" | "temporary" | "table" | "sum";

/** An array that a job works on. */
export interface Slot {
  /** What it is to the job. */
  readonly role: SlotRole;
  /** Bytes of one row of one plane; of a table or of counters: of all of it. */
  readonly rowBytes: number;
  /** Planes that lie one after the other; 1 if left out. */
  readonly planes?: number;
  /** The bytes, plane after plane; a temporary has none. */
  readonly bytes?: Uint8Array<ArrayBufferLike>;
  /** Distance of planes in `bytes`; that of full planes if left out. */
  readonly planeBytes?: number;
}

/** One entry point run over a strip. */
export interface Pass {
  /** The kernel. */
  readonly kernel: Kernel;
  /** Name of the entry point in both languages. */
  readonly entry: string;
  /** Indices of the job's slots, in the order of the kernel's bindings; at most 8. */
  readonly slots: readonly number[];
  /** The kernel's own parameters: 32-bit words. */
  readonly params?: Params;
  /** `inner` leaves the halo out; `all` computes it too, as temporaries need. `inner` if left out. */
  readonly rows?: "inner" | "all";
  /**
   * Takes of what earlier passes wrote the rows alone that it computes: a thread of the processor may
   * run it on rows as soon as it is done with them.
   */
  readonly sameRows?: boolean;
  /** Pixels that one invocation of the shader takes, or a workgroup for each row; 1 if left out. */
  readonly each?: number | "row";
  /** Sizes that the shader is compiled for, besides `WORKGROUP`. */
  readonly overrides?: Readonly<Record<string, number>>;
  /** Threads of a workgroup; 64 if left out. */
  readonly workgroup?: number;
  /** Rows that a thread of the processor takes at once; about 64 Ki pixels if left out. */
  readonly pieceRows?: number;
  /**
   * Bytes of working memory that a thread of the processor needs; 0 if left out. What a pass leaves in
   * it the next one finds if that has `sameRows` and as many `pieceRows`.
   */
  readonly scratchBytes?: number;
}

/** A kernel's parameters; at most 44 words. */
export type Params = readonly Param[];

/** One parameter: an integer, or a float32. */
export type Param = { readonly u32: number } | { readonly f32: number };

/** Passes over a strip of an image. */
export interface StripJob {
  /** What it is, for messages. */
  readonly label: string;
  /** Pixels a row. */
  readonly width: number;
  /** Rows to compute. */
  readonly rows: number;
  /** Rows that inputs have above the first computed one; 0 if left out. */
  readonly top?: number;
  /** Rows that inputs have below the last computed one; 0 if left out. */
  readonly bottom?: number;
  /** Rows above and below that a result depends on; at an image's edge there are fewer. 0 if left out. */
  readonly halo?: number;
  /** The arrays. An output must not lie on an input: a job may be run again. */
  readonly slots: readonly Slot[];
  /** Run one after the other. */
  readonly passes: readonly Pass[];
}

/** Words that precede a kernel's own parameters: width, rows, top, rows of an input. */
export const HEADER_WORDS = 4;

/** Words of all parameters together. */
export const PARAM_WORDS = 48;

/** An integer parameter. */
export function u32(value: number): Param {
  return { u32: value };
}

/** A float32 parameter. */
export function f32(value: number): Param {
  return { f32: value };
}

/** A float64 parameter: two words. */
export function f64(value: number): Param[] {
  const words = new Uint32Array(Float64Array.of(value).buffer);
  return [u32(words[0]!), u32(words[1]!)];
}

/** The bytes of an array, for a slot. */
export function bytesOf(array: ArrayBufferView<ArrayBufferLike>): Uint8Array<ArrayBufferLike> {
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
}

/** An array that every pixel may read. */
export function table(values: ArrayBufferView<ArrayBufferLike>): Slot {
  return { role: "table", rowBytes: values.byteLength, bytes: bytesOf(values) };
}

/** The numbers of rows, for kernels whose strips may be cut. */
export function rowNumbers(first: number, rows: number): Slot {
  const numbers = Uint32Array.from({ length: rows }, (_, i) => first + i);
  return { role: "input", rowBytes: 4, bytes: bytesOf(numbers) };
}

/** Rows of inputs and temporaries of a job. */
export function inputRows(job: Pick<StripJob, "rows" | "top" | "bottom">): number {
  return (job.top ?? 0) + job.rows + (job.bottom ?? 0);
}

/** Rows that a pass computes. */
export function passRows(job: StripJob, pass: Pass): number {
  return pass.rows === "all" ? inputRows(job) : job.rows;
}

/** Rows of a slot; a table or counters have one. */
export function slotRows(job: Pick<StripJob, "rows" | "top" | "bottom">, slot: Slot): number {
  if (slot.role === "table" || slot.role === "sum") return 1;
  return slot.role === "output" ? job.rows : inputRows(job);
}

/**
 * Writes a pass's parameters as both languages read them.
 *
 * @param job The strip.
 * @param pass The pass.
 * @param into At least {@linkcode PARAM_WORDS} words at `offset`.
 * @param offset Byte to begin at.
 */
export function writeParams(job: StripJob, pass: Pass, into: DataView, offset = 0): void {
  const header = [job.width, passRows(job, pass), job.top ?? 0, inputRows(job)];
  header.forEach((word, i) => into.setUint32(offset + 4 * i, word, true));
  (pass.params ?? []).forEach((param, i) => {
    const at = offset + 4 * (HEADER_WORDS + i);
    if ("u32" in param) into.setUint32(at, param.u32, true);
    else into.setFloat32(at, param.f32, true);
  });
}
