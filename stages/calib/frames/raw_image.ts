/**
 * Reads raw frames as one trimmed image, overscan taken off, amplifiers put together.
 *
 * @module
 */

import { DataError } from "../../../config/errors.ts";
import { scanFits } from "../../../fits/file.ts";
import { type ImageReader, openImage } from "../../../fits/image.ts";
import { bit } from "../../../sky/mask.ts";
import type { RawFrame } from "./frame.ts";
import type { Detector } from "./detector.ts";
import { type Amplifier, layoutGain, type RawLayout } from "./layout.ts";
import { measureOverscan, type OverscanLevels, type OverscanMethod } from "./overscan.ts";
import type { StripSource } from "./strips.ts";

/** A raw frame open for reading by strips. */
export interface RawImage extends StripSource, Disposable {
  /** Level of the overscan, ADU, mean over amplifiers; undefined without an overscan. */
  readonly overscanAdu: number | undefined;
  /** Scatter of the overscan's pixels, the read noise, ADU, mean over amplifiers. */
  readonly overscanNoiseAdu: number | undefined;
}

const SAT = bit("SAT");
const SUSPECT = bit("SUSPECT");
const CROSSTALK = bit("CROSSTALK");

/**
 * Opens a raw frame.
 *
 * @param frame The frame.
 * @param method How the overscan is measured.
 * @returns The open image, to be closed.
 * @throws {DataError} If it cannot be read, or is of another size than its header said.
 */
export async function openRaw(frame: RawFrame, method: OverscanMethod): Promise<RawImage> {
  const { path } = frame.product;
  if (frame.layout.plain) return await openPlain(frame, path);
  const units = (await scanFits(path)).filter(({ kind }) =>
    kind === "image" || kind === "compressed-image"
  );
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
      overscanNoiseAdu: undefined,
      readRows: (y0, count, into) => reader.readRows(y0, count, into),
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
  readonly overscanNoiseAdu: number | undefined;
  readonly #parts: readonly OpenAmplifier[];
  readonly #detector: Detector;

  constructor(layout: RawLayout, parts: readonly OpenAmplifier[], detector: Detector) {
    this.width = layout.width;
    this.height = layout.height;
    this.#parts = parts;
    this.#detector = detector;
    const levels = parts.map((part) => part.levels).filter((found) => found !== undefined);
    const mean = (values: readonly number[]) =>
      values.length === 0 ? undefined : values.reduce((sum, v) => sum + v, 0) / values.length;
    this.overscanAdu = mean(levels.map(({ level }) => level));
    this.overscanNoiseAdu = mean(levels.map(({ noiseAdu }) => noiseAdu));
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
    const lines = { first, count: to - from };
    const rows = await readLines(part, lines);
    const ghosts: Ghost[] = [];
    for (const { from, part: share } of part.amplifier.crosstalk) {
      const source = this.#parts[from]!;
      ghosts.push({ share, source, rows: await readLines(source, lines) });
    }
    for (let k = 0; k < to - from; k++) {
      const row = flipY ? to - 1 - k : from + k;
      const at = (row - target.y0) * this.width + part.amplifier.x;
      const cut = k * data.width;
      const values = rows.subarray(cut, cut + data.width);
      this.#placeRow(part, values, first + k, { ...target, at });
      for (const ghost of ghosts) {
        const shining = ghost.rows.subarray(cut, cut + data.width);
        this.#removeGhost(part, { ...ghost, rows: shining }, first + k, { ...target, at });
      }
    }
  }

  #placeRow(
    { amplifier, levels, factor }: OpenAmplifier,
    row: Float32Array,
    line: number,
    { out, mask, at }: RowTarget,
  ): void {
    const last = row.length - 1;
    const { saturationAdu, suspectAdu } = this.#detector;
    for (let x = 0; x <= last; x++) {
      const raw = row[x]!;
      const to = at + (amplifier.flipX ? last - x : x);
      out[to] = (raw - levelAt(levels, line, x)) * factor;
      if (mask !== undefined && raw >= suspectAdu) {
        mask[to]! |= raw >= saturationAdu ? SAT : SUSPECT;
      }
    }
  }

  /** Takes off the part of another amplifier's signal that was read at the same time. */
  #removeGhost(
    { amplifier, factor }: OpenAmplifier,
    { rows, source, share }: Ghost,
    line: number,
    { out, mask, at }: RowTarget,
  ): void {
    const last = rows.length - 1;
    const { saturationAdu } = this.#detector;
    for (let x = 0; x <= last; x++) {
      const raw = rows[x]!;
      const to = at + (amplifier.flipX ? last - x : x);
      out[to]! -= share * (raw - levelAt(source.levels, line, x)) * factor;
      if (mask !== undefined && raw >= saturationAdu) mask[to]! |= CROSSTALK;
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

interface RowTarget extends Target {
  /** Index in `out` of the amplifier's first pixel of the row. */
  readonly at: number;
}

/** What shines through from another amplifier. */
interface Ghost {
  readonly share: number;
  readonly source: OpenAmplifier;
  /** Raw values of its useful region. */
  readonly rows: Float32Array;
}

/** Level of a pixel without light: of its row or column, 0 without an overscan. */
function levelAt(levels: OverscanLevels | undefined, line: number, x: number): number {
  return levels === undefined ? 0 : levels.levels[levels.along === "rows" ? line : x]!;
}

/** Reads lines of the useful region of an amplifier, in the order of the file. */
async function readLines(
  { reader, amplifier: { data } }: OpenAmplifier,
  { first, count }: { readonly first: number; readonly count: number },
): Promise<Float32Array> {
  const rows = await reader.readRows(data.y + first, count);
  const useful = new Float32Array(count * data.width);
  for (let k = 0; k < count; k++) {
    const start = k * reader.width + data.x;
    useful.set(rows.subarray(start, start + data.width), k * data.width);
  }
  return useful;
}
