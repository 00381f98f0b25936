/**
 * Sources of the images of a pair.
 *
 * @module
 */

import { runSextractor } from "../../external/sextractor.ts";
import type { ToolSet } from "../../external/run_tool.ts";
import { type AsciiTable, readAsciiHead } from "../../sky/catalogue.ts";
import { median } from "../../sky/stats.ts";
import type { SourceList } from "./stars.ts";

/** The columns that the choice of stars needs. */
export const COLUMNS = [
  "NUMBER",
  "X_IMAGE",
  "Y_IMAGE",
  "FLUX_AUTO",
  "FLUXERR_AUTO",
  "FWHM_IMAGE",
  "ELLIPTICITY",
  "FLAGS",
] as const;

/** What Source Extractor needs to know of an image. */
export interface ExtractionOptions {
  /** Configuration file and detection filter. */
  readonly config: string;
  readonly filter: string;
  readonly gainEAdu: number;
  readonly saturationAdu: number;
  readonly detectSigma: number;
}

/**
 * Extracts the sources of an image with Source Extractor.
 *
 * @param tools Outside programs.
 * @param image FITS file.
 * @param catalogue Where the catalogue goes (ASCII_HEAD).
 * @param options Gain, saturation, threshold.
 * @returns The sources.
 * @throws {ExternalToolError} If the program fails.
 */
export async function extractSources(
  tools: ToolSet,
  image: string,
  catalogue: string,
  options: ExtractionOptions,
): Promise<SourceList> {
  await runSextractor(tools, {
    image,
    catalogue,
    format: "ASCII_HEAD",
    config: options.config,
    params: COLUMNS,
    filter: options.filter,
    settings: {
      GAIN: options.gainEAdu,
      SATUR_LEVEL: options.saturationAdu,
      DETECT_THRESH: options.detectSigma,
      ANALYSIS_THRESH: options.detectSigma,
      DETECT_MINAREA: 5,
      CHECKIMAGE_TYPE: "NONE",
    },
  });
  return toSourceList(await readAsciiHead(catalogue));
}

/**
 * Takes the sources of a catalogue as `phot` writes it.
 *
 * @param table The catalogue.
 * @returns The sources, or undefined when a column is missing.
 */
export function sourcesOf(table: AsciiTable): SourceList | undefined {
  const needed = COLUMNS.filter((name) => name !== "NUMBER");
  return needed.every((name) => table.has(name)) ? toSourceList(table) : undefined;
}

function toSourceList(table: AsciiTable): SourceList {
  return {
    x: table.column("X_IMAGE").map((x) => x - 1),
    y: table.column("Y_IMAGE").map((y) => y - 1),
    flux: table.column("FLUX_AUTO"),
    fluxError: table.column("FLUXERR_AUTO"),
    fwhmPx: table.column("FWHM_IMAGE"),
    ellipticity: table.column("ELLIPTICITY"),
    flags: table.column("FLAGS"),
  };
}

/**
 * The width of the stars: the median FWHM of the brightest third of the round,
 * undamaged sources of S/N above 20.
 *
 * @param list Sources.
 * @returns FWHM, px; NaN when there are fewer than three.
 */
export function stellarFwhmPx(list: SourceList): number {
  const good = Array.from({ length: list.x.length }, (_, i) => i).filter((i) =>
    list.flux[i]! > 20 * list.fluxError[i]! && list.flags[i]! < 4 && list.ellipticity[i]! < 0.4 &&
    list.fwhmPx[i]! > 0.8
  );
  good.sort((a, b) => list.flux[b]! - list.flux[a]!);
  const bright = good.slice(0, Math.max(10, Math.ceil(good.length / 3)));
  return bright.length < 3 ? NaN : median(bright.map((i) => list.fwhmPx[i]!));
}
