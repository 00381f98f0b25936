/**
 * Reads raw frames as one trimmed image, overscan taken off, amplifiers put together.
 *
 * @module
 */

import { DataError } from "../../config/errors.ts";
import { scanFits } from "../../fits/file.ts";
import { type ImageReader, openImage } from "../../fits/image.ts";
import { bit } from "../../sky/mask.ts";
import type { RawFrame } from "./frame.ts";
import type { Detector } from "./detector.ts";
import { type Amplifier, layoutGain, type RawLayout } from "./layout.ts";
import { measureOverscan, type OverscanLevels, type OverscanMethod } from "./overscan.ts";
import type { StripSource } from "./strips.ts";

/** A raw frame open for reading by strips. */
export interface RawImage extends StripSource, Disposable {
  /** Level of the overscan, ADU, mean over amplifiers; undefined without an overscan. */
  readonly overscanAdu: number | undefined;
  /**
   * Reads rows, ADU.
   *
   * @param y0 First row.
   * @param count How many.
   * @param into Room for `[count, width]`.
   * @param mask Gets SUSPECT where a raw value is not linear, and SAT where it is saturated,
   *   `[count, width]`. SAT of plain frames is left to the kernel, which sees the raw values.
   * @returns The filled part of `into`; NaN where no amplifier has a pixel.
   */
  readRows(
    y0: number,
    count: number,
    into: Float32Array,
    mask?: Uint16Array,
  ): Promise<Float32Array>;
}

const SAT = bit("SAT");
const SUSPECT = bit("SUSPECT");

/**
 * Opens a raw frame.
 *
 * @param frame The frame.
 * @param method How the overscan is measured.
 * @returns The open image, to be closed.
 * @throws {DataError} If it cannot be read, or is of another size than its header said.
 */
export async function openRaw(frame: RawFrame, method: OverscanMethod): Promise<RawImage> {
  await using file = await frame.file();
  const { path } = file; // may vanish once it is open
  if (frame.layout.plain) return await openPlain(frame, path);
  const units = (await scanFits(path)).filter(({ kind }) => kind === "image");
  const parts: OpenAmplifier[] = [];
  try {
    for (const amplifier of frame.layout.amplifiers) {
      const hdu = units[amplifier.image]?.index;
      const reader = await openImage(path, hdu === undefined ? {} : { hdu });
      parts.push({ amplifier, reader, levels: undefined, factor: 1 });
    }
    for (const part of parts) await prepare(part, frame.layout, method);
  } catch (error) {
    for (const { reader } of parts) reader.close();
    throw error;
  }
  return new AssembledImage(frame.layout, parts, frame.detector);
}

async function openPlain(frame: RawFrame, path: string): Promise<RawImage> {
  const reader = await openImage(path);
  const { width, height } = frame.layout;
  if (reader.width === width && reader.height === height) {
    return {
      width,
      height,
      overscanAdu: undefined,
      async readRows(y0, count, into, mask) {
        const rows = await reader.readRows(y0, count, into);
        if (mask !== undefined) markSuspect(rows, mask, frame.detector);
        return rows;
      },
      close: () => reader.close(),
      [Symbol.dispose]: () => reader.close(),
    };
  }
  reader.close();
  throw new DataError(
    `Cannot use "${frame.product.id}": its header says ${width}×${height} px, ` +
      `its image is ${reader.width}×${reader.height} px`,
    { details: { file: frame.product.path } },
  );
}

function markSuspect(
  rows: Float32Array,
  mask: Uint16Array,
  { suspectAdu, saturationAdu }: Detector,
): void {
  for (let i = 0; i < rows.length; i++) {
    if (rows[i]! >= suspectAdu && rows[i]! < saturationAdu) mask[i]! |= SUSPECT;
  }
}

interface OpenAmplifier {
  readonly amplifier: Amplifier;
  readonly reader: ImageReader;
  levels: OverscanLevels | undefined;
  /** Brings the amplifier to the gain of the image. */
  factor: number;
}

async function prepare(
  part: OpenAmplifier,
  layout: RawLayout,
  method: OverscanMethod,
): Promise<void> {
  const { overscan, data, gainEAdu } = part.amplifier;
  part.factor = (gainEAdu ?? 1) / (layoutGain(layout) ?? gainEAdu ?? 1);
  if (overscan !== undefined) {
    part.levels = await measureOverscan(part.reader, overscan, data, method);
  }
}

class AssembledImage implements RawImage {
  readonly width: number;
  readonly height: number;
  readonly overscanAdu: number | undefined;
  readonly #parts: readonly OpenAmplifier[];
  readonly #detector: Detector;

  constructor(layout: RawLayout, parts: readonly OpenAmplifier[], detector: Detector) {
    this.width = layout.width;
    this.height = layout.height;
    this.#parts = parts;
    this.#detector = detector;
    const levels = parts.map((part) => part.levels?.level).filter((level) => level !== undefined);
    this.overscanAdu = levels.length === 0
      ? undefined
      : levels.reduce((sum, level) => sum + level, 0) / levels.length;
  }

  async readRows(
    y0: number,
    count: number,
    into: Float32Array,
    mask?: Uint16Array,
  ): Promise<Float32Array> {
    const out = into.subarray(0, count * this.width).fill(NaN);
    for (const part of this.#parts) {
      const { y, data } = part.amplifier;
      const from = Math.max(y0, y);
      const to = Math.min(y0 + count, y + data.height);
      if (from < to) await this.#place(part, { y0, from, to, out, mask });
    }
    return out;
  }

  async #place(part: OpenAmplifier, target: Target): Promise<void> {
    const { data, flipY, y } = part.amplifier;
    const { from, to } = target;
    // rows of the useful region, in the order of the file
    const first = flipY ? y + data.height - to : from - y;
    const rows = await part.reader.readRows(data.y + first, to - from);
    for (let k = 0; k < to - from; k++) {
      const row = flipY ? to - 1 - k : from + k;
      const start = k * part.reader.width + data.x;
      this.#placeRow(part, rows.subarray(start, start + data.width), first + k, {
        ...target,
        at: (row - target.y0) * this.width + part.amplifier.x,
      });
    }
  }

  #placeRow(
    { amplifier, levels, factor }: OpenAmplifier,
    row: Float32Array,
    line: number,
    { out, mask, at }: Target & { readonly at: number },
  ): void {
    const last = row.length - 1;
    const { saturationAdu, suspectAdu } = this.#detector;
    for (let x = 0; x <= last; x++) {
      const raw = row[x]!;
      const to = at + (amplifier.flipX ? last - x : x);
      const level = levels === undefined ? 0 : levels.levels[levels.along === "rows" ? line : x]!;
      out[to] = (raw - level) * factor;
      if (mask !== undefined && raw >= suspectAdu) {
        mask[to]! |= raw >= saturationAdu ? SAT : SUSPECT;
      }
    }
  }

  close(): void {
    for (const { reader } of this.#parts) reader.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

interface Target {
  /** First row wanted. */
  readonly y0: number;
  /** First row of the amplifier among them. */
  readonly from: number;
  /** Row after its last one. */
  readonly to: number;
  readonly out: Float32Array;
  readonly mask: Uint16Array | undefined;
}
