/**
 * Writes what a subtraction leaves: the difference with its companions, the
 * reference on its grid, and pictures.
 *
 * @module
 */

import { basename, join } from "node:path";
import { together } from "../../../config/together.ts";
import type { FitsHeader } from "../../../fits/header.ts";
import type { Compute } from "../../../gpu/compute.ts";
import { setWcs, wcsFromHeader } from "../../../sky/wcs.ts";
import type { Gate, Product } from "../../manifest.ts";
import type { NewProduct } from "../../stage.ts";
import type { Attempt, FailedAttempt } from "./attempts.ts";
import { CompanionFiles } from "./companion_files.ts";
import { differenceHeader, starsLeft } from "./difference_header.ts";
import type { LoadedPair } from "../load/load_pair.ts";
import type { StarResiduals } from "./residuals.ts";
import { StripFile, writeRows } from "./write_images.ts";

/** What is written of one pair. */
export interface OutputParts {
  readonly science: Product;
  readonly loaded: LoadedPair;
  /** The attempt that is kept. */
  readonly chosen: Attempt;
  readonly attempts: readonly Attempt[];
  readonly failures: readonly FailedAttempt[];
  readonly folder: string;
  readonly compute: Compute;
  readonly signal: AbortSignal;
  /** Whether pictures are drawn. */
  readonly pictures: boolean;
  /** Told of files that are complete. */
  readonly complete: (path: string) => void;
}

/**
 * Writes all files of one pair.
 *
 * @param parts The pair and the attempt that is kept.
 * @returns The products.
 */
export async function writeOutputs(parts: OutputParts): Promise<NewProduct[]> {
  const { compute, signal, chosen } = parts;
  const { width, height } = parts.loaded.pair;
  const left = starsLeft(parts);
  const options = { width, height, header: differenceHeader(parts, left), compute, signal };
  await using file = await StripFile.floats(pathOf(parts), options);
  const rows = writeRows(file, chosen.finished.difference, options);
  const writing = rows.then(() => file.finish()).then(() => parts.complete(pathOf(parts)));
  // the disk has the longest way to go: it begins before the main thread draws
  const drawing = parts.pictures ? rows.then(() => writePictures(parts)) : Promise.resolve([]);
  await together([writing, writeCompanions(parts), drawing]);
  return [...describeImages(parts, left), ...await drawing];
}

async function writeCompanions(parts: OutputParts): Promise<void> {
  const { mask, weight } = parts.chosen.finished;
  if (parts.chosen.files.isOpen) await parts.chosen.files.finish();
  else {
    await using files = await openCompanions(parts);
    await files.writeWhole({ mask, weight }, parts.loaded.pair);
  }
  for (const kind of ["mask", "weight"]) parts.complete(pathOf(parts, kind));
}

/** Path of the difference, or of what goes with it. */
function pathOf(parts: Pick<OutputParts, "science" | "folder">, kind?: string): string {
  const ending = kind === undefined ? "subt" : `subt.${kind}`;
  return join(parts.folder, `${parts.science.id}.${ending}.fits`);
}

/**
 * Begins the mask and the weight of a difference, and loads what will draw it.
 *
 * @param parts The pair, and where to.
 * @returns The files.
 */
export function openCompanions(
  parts: Pick<OutputParts, "science" | "loaded" | "folder" | "compute" | "signal" | "pictures">,
): Promise<CompanionFiles> {
  // while the threads make the difference; what goes wrong shows again when it is drawn
  if (parts.pictures) loadDrawing().catch(() => undefined);
  const { loaded, compute, signal } = parts;
  const { width, height } = loaded.pair;
  const options = { width, height, header: bare(loaded.science.header), compute, signal };
  const paths = { mask: pathOf(parts, "mask"), weight: pathOf(parts, "weight") };
  return CompanionFiles.open(paths, options);
}

function describeImages(parts: OutputParts, left: StarResiduals[]): NewProduct[] {
  const { science, loaded, chosen, attempts, failures } = parts;
  const id = `${science.id}.subt`;
  const common = { ...shared(science), from: [science.id] };
  const companion = (kind: "mask" | "weight"): NewProduct => {
    const name = `${id}.${kind}`;
    return { ...common, id: name, kind, path: pathOf(parts, kind), of: id };
  };
  const reference = (ending: string, role: string, path: string): NewProduct => {
    const name = `${science.id}.${ending}`;
    return { ...common, id: name, kind: "reference", path, of: science.id, role };
  };
  return [
    {
      ...common,
      id,
      kind: "difference",
      path: pathOf(parts),
      of: science.id,
      measured: measured(parts),
      gates: [...chosen.gates],
      starResiduals: left,
      referencesConsidered: [...loaded.chosen.considered],
      attempts: [...attempts.map(describeAttempt), ...failures.map(describeFailure)],
    },
    companion("mask"),
    companion("weight"),
    reference("ref", "aligned", loaded.referencePath),
  ];
}

/** Fonts and all that draws, loaded by those who draw alone. */
async function loadDrawing() {
  const [pictures, residualPicture, { loadFonts }] = await together([
    import("./pictures.ts"),
    import("./residual_picture.ts"),
    import("../../../sky/canvas.ts"),
  ]);
  await loadFonts();
  return { ...pictures, ...residualPicture };
}

async function writePictures(parts: OutputParts): Promise<NewProduct[]> {
  const { kernelMosaicPng, overviewPng, residualMapPng } = await loadDrawing();
  const { science, loaded, chosen, folder, compute } = parts;
  const id = `${science.id}.subt`;
  const { result } = chosen.finished;
  const reference = basename(loaded.chosen.path);
  const pull = chosen.metrics.pullSigma?.toFixed(3) ?? "unknown";
  const subtitle = `${result.engine}, ${result.convolvedSide} convolved, reference ${reference}, ` +
    `pull ${pull}`;
  const drawn: Record<string, Promise<Uint8Array>> = {
    overview: overviewPng(compute, chosen.pair, chosen.finished, science.id, subtitle),
    residuals: residualMapPng(compute, chosen.blocks, science.id, subtitle),
  };
  if (result.field !== undefined) {
    drawn.kernel = kernelMosaicPng(compute, result.field, science.id, subtitle);
  }
  if (result.psf !== undefined) {
    drawn.psf = kernelMosaicPng(compute, result.psf, science.id, subtitle, "PSF of the difference");
  }
  const common = { ...shared(science), from: [id], of: id };
  return await together(
    Object.entries(drawn).map(async ([role, png]): Promise<NewProduct> => {
      const path = join(folder, `${id}.${role}.png`);
      await writePicture(path, await png);
      parts.complete(path);
      return { ...common, id: `${id}.${role}.png`, kind: "picture", role, path };
    }),
  );
}

async function writePicture(path: string, png: Uint8Array): Promise<void> {
  const part = `${path}.part`;
  {
    using file = await Deno.open(part, { write: true, create: true, truncate: true });
    for (let at = 0; at < png.length;) at += await file.write(png.subarray(at));
    await file.syncData();
  }
  await Deno.rename(part, path);
}

/** What a product of the pair has in common with the science frame. */
function shared(science: Product): Partial<NewProduct> {
  const { unit, object, filter, exposureS, dateObs, mjd, width, height } = science;
  const given = { unit, object, filter, exposureS, dateObs, mjd, width, height };
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
}

function measured(parts: OutputParts): Product["measured"] {
  const { loaded, chosen } = parts;
  const { kernel, engine, convolvedSide } = chosen.finished.result;
  const { metrics } = chosen;
  return {
    engine,
    convolvedSide,
    reference: loaded.chosen.path,
    referenceWhy: loaded.chosen.why,
    referenceDepthMag: loaded.chosen.facts.depthMag,
    referenceSeeingArcsec: loaded.chosen.facts.seeingArcsec,
    referenceEllipticity: loaded.chosen.facts.ellipticity,
    referenceMjd: loaded.chosen.facts.mjd,
    resampled: loaded.aligned.resampled,
    referenceCoverage: loaded.aligned.coverage,
    kernelStarsOffered: kernel.offered,
    kernelStars: kernel.used,
    kernelStarsClipped: kernel.clipped,
    kernelSum: kernel.sum,
    kernelOrders: kernel.orders,
    kernelChi2: kernel.chi2,
    conditionNumber: kernel.conditionNumber,
    fluxRatio: loaded.pair.scale,
    scienceFwhmPx: loaded.pair.science.fwhmPx,
    referenceFwhmPx: loaded.pair.reference.fwhmPx,
    scienceConfusion: chosen.pair.science.confusion,
    referenceConfusion: chosen.pair.reference.confusion,
    noiseShare: chosen.noiseShare,
    registrationPx: loaded.registrationPx,
    registrationScatterPx: loaded.registrationScatterPx,
    maskedFraction: chosen.finished.maskedFraction,
    ...metrics,
  };
}

/** One attempt as the manifest keeps it. */
function describeAttempt(attempt: Attempt): { engine: string; verdict: string; gates: Gate[] } {
  return { engine: attempt.engine, verdict: attempt.verdict, gates: [...attempt.gates] };
}

/** An engine that gave nothing, as the manifest keeps it. */
function describeFailure({ engine, error }: FailedAttempt) {
  return { engine, verdict: "fail", gates: [], error: error.name, message: error.message };
}

/**
 * Only the WCS and what tells the frame, for companions.
 *
 * @param header Of an image.
 * @returns A new header.
 */
export function bare(header: FitsHeader): FitsHeader {
  const wcs = wcsFromHeader(header);
  const empty = header.clone();
  for (const { keyword } of header.cards) {
    if (!["OBJECT", "FILTER", "DATE-OBS", "MJD-OBS"].includes(keyword)) empty.delete(keyword);
  }
  return wcs === undefined ? empty : setWcs(empty, wcs);
}
