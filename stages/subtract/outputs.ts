/**
 * Writes what a subtraction leaves: the difference with its companions, the
 * reference on its grid, and pictures.
 *
 * @module
 */

import { basename, join } from "node:path";
import type { FitsHeader } from "../../fits/header.ts";
import type { Compute } from "../../gpu/compute.ts";
import { kernelAt } from "../../gpu/kernels/convolve_varying/kernel_field.ts";
import { setWcs, wcsFromHeader } from "../../sky/wcs.ts";
import type { Gate, Product } from "../manifest.ts";
import type { NewProduct } from "../stage.ts";
import type { Attempt, FailedAttempt } from "./attempts.ts";
import { CompanionFiles } from "./companion_files.ts";
import type { LoadedPair } from "./load_pair.ts";
import { StripFile, writeWhole } from "./write_images.ts";
import { fwhmOf, noiseArea } from "./psf_shape.ts";
import { type StarResiduals, starResiduals } from "./residuals.ts";

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
}

/**
 * Writes all files of one pair.
 *
 * @param parts The pair and the attempt that is kept.
 * @returns The products.
 */
export async function writeOutputs(parts: OutputParts): Promise<NewProduct[]> {
  const { science, chosen, folder } = parts;
  const { width, height } = parts.loaded.pair;
  const id = `${science.id}.subt`;
  const at = (name: string) => join(folder, name);
  const header = differenceHeader(parts);
  const { difference, mask, weight } = chosen.finished;
  const { compute, signal } = parts;
  await using file = await StripFile.floats(at(`${id}.fits`), {
    ...{ width, height, header, compute, signal },
  });
  await writeWhole(file, difference, { width, height });
  if (chosen.files.isOpen) await chosen.files.finish();
  else {
    await using files = await openCompanions(parts);
    await files.writeWhole({ mask, weight }, { width, height });
  }
  const images = describeImages(parts, at);
  return parts.pictures ? [...images, ...await writePictures(parts)] : images;
}

/**
 * Begins the mask and the weight of a difference.
 *
 * @param parts The pair, and where to.
 * @returns The files.
 */
export function openCompanions(
  parts: Pick<OutputParts, "science" | "loaded" | "folder" | "compute" | "signal">,
): Promise<CompanionFiles> {
  const { science, loaded, folder, compute, signal } = parts;
  const { width, height } = loaded.pair;
  const path = (kind: string) => join(folder, `${science.id}.subt.${kind}.fits`);
  const options = { width, height, header: bare(loaded.science.header), compute, signal };
  return CompanionFiles.open({ mask: path("mask"), weight: path("weight") }, options);
}

function describeImages(parts: OutputParts, at: (name: string) => string): NewProduct[] {
  const { science, loaded, chosen, attempts, failures } = parts;
  const id = `${science.id}.subt`;
  const common = { ...shared(science), from: [science.id] };
  const companion = (kind: "mask" | "weight"): NewProduct => {
    const name = `${id}.${kind}`;
    return { ...common, id: name, kind, path: at(`${name}.fits`), of: id };
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
      path: at(`${id}.fits`),
      of: science.id,
      measured: measured(parts),
      gates: [...chosen.gates],
      starResiduals: starsLeft(parts),
      referencesConsidered: [...loaded.chosen.considered],
      attempts: [...attempts.map(describeAttempt), ...failures.map(describeFailure)],
    },
    companion("mask"),
    companion("weight"),
    reference("ref", "aligned", loaded.referencePath),
  ];
}

async function writePictures(parts: OutputParts): Promise<NewProduct[]> {
  // fonts and all that draws are loaded by those who draw
  const { kernelMosaicPng, overviewPng } = await import("./pictures.ts");
  const { residualMapPng } = await import("./residual_picture.ts");
  const { science, loaded, chosen, folder } = parts;
  const id = `${science.id}.subt`;
  const { result } = chosen.finished;
  const reference = basename(loaded.chosen.path);
  const pull = chosen.metrics.pullSigma?.toFixed(3) ?? "unknown";
  const subtitle = `${result.engine}, ${result.convolvedSide} convolved, reference ${reference}, ` +
    `pull ${pull}`;
  const { blocks } = chosen;
  const pictures: [string, Uint8Array][] = [
    ["overview", await overviewPng(chosen.pair, chosen.finished, science.id, subtitle)],
    ["residuals", await residualMapPng(blocks, science.id, subtitle)],
  ];
  if (result.field !== undefined) {
    pictures.push(["kernel", await kernelMosaicPng(result.field, science.id, subtitle)]);
  }
  if (result.psf !== undefined) {
    const title = "PSF of the difference";
    pictures.push(["psf", await kernelMosaicPng(result.psf, science.id, subtitle, title)]);
  }
  const products: NewProduct[] = [];
  for (const [role, png] of pictures) {
    const path = join(folder, `${id}.${role}.png`);
    await Deno.writeFile(`${path}.part`, png);
    await Deno.rename(`${path}.part`, path);
    const common = { ...shared(science), from: [id], of: id };
    products.push({ ...common, id: `${id}.${role}.png`, kind: "picture", role, path });
  }
  return products;
}

/** What is left of stars by magnitude, brightest first. */
function starsLeft({ loaded, chosen }: OutputParts): StarResiduals[] {
  const zeroPoint = loaded.science.header.number("ZP_AUTO") ?? 0;
  return starResiduals(chosen.pair, chosen.finished, zeroPoint);
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

/** What each engine came to, in a line. */
function verdictLines({ attempts, failures }: OutputParts): string[] {
  const judged = attempts.map(({ engine, verdict, gates }) => {
    const amiss = gates.filter((gate) => gate.verdict !== "pass");
    const text = amiss.map(({ name, value }) => `${name} ${value?.toPrecision(4) ?? "unknown"}`);
    return `${engine}: ${[verdict, ...text].join(", ")}`;
  });
  return [...judged, ...failures.map(({ engine, error }) => `${engine}: ${error.message}`)];
}

/** The science frame's cards, which hold WCS and zero points, and those of the subtraction. */
function differenceHeader(parts: OutputParts): FitsHeader {
  const { loaded, chosen, science } = parts;
  const header = loaded.science.header.clone();
  const { kernel, engine, convolvedSide } = chosen.finished.result;
  const { metrics } = chosen;
  const set = (card: string, value: string | number | null, comment: string) => {
    if (value === null || (typeof value === "number" && !Number.isFinite(value))) {
      header.delete(card);
    } else {header.set(
        card,
        typeof value === "number" ? Number(value.toPrecision(7)) : value,
        comment,
      );}
  };
  set("SUBENG", engine, "engine of the subtraction");
  set("SCINAME", basename(science.path), "science frame");
  set("REFNAME", basename(loaded.chosen.path), "reference that was subtracted");
  set("CONVSIDE", convolvedSide, "image that was convolved");
  set("KSTARS", kernel.used, "stars the kernel was fitted to");
  set("KCLIP", kernel.clipped, "stars left out as they did not fit");
  set("KSUM", kernel.sum, "sum of the kernel, science over reference");
  set("KCOND", kernel.conditionNumber, "condition number of the normal equations");
  set("KCHI2", kernel.chi2, "median chi2 a pixel of the stars");
  set("REFDEPTH", loaded.chosen.facts.depthMag, "[mag] 5 sigma depth of the reference");
  set("REFSEE", loaded.chosen.facts.seeingArcsec, "[arcsec] seeing of the reference");
  set("REFMJD", loaded.chosen.facts.mjd, "[d] when the reference was taken");
  set("REFFWHM", loaded.pair.reference.fwhmPx, "[pix] FWHM of the reference on this grid");
  const { psf } = chosen.finished.result;
  if (psf !== undefined) {
    const middle = kernelAt(psf, (psf.width - 1) / 2, (psf.height - 1) / 2);
    set("PSFFWHM", fwhmOf(middle), "[pix] FWHM of the PSF of the difference, mid-field");
    set("PSFNEA", noiseArea(middle), "[pix2] noise-equivalent area of it");
  }
  set("REFCOV", loaded.aligned.coverage, "fraction covered by the reference");
  set("PULLSIG", metrics.pullSigma, "spread of difference over noise on bare sky");
  set("PULLBLK", metrics.blockPull, "rms of means over 64-px squares of sky, in sigma");
  set("PULLSTAR", metrics.starPullSigma, "the same in the cores of stars");
  set("POWLEFT", metrics.powerLeft, "signal left in star footprints");
  set("KSUMFLUX", metrics.sumOverFluxRatio, "kernel sum over the flux ratio of stars");
  set("KSUMZP", metrics.sumOverZeroPoints, "kernel sum over the ratio of zero points");
  set("KOFFER", kernel.offered, "stars offered to the fit");
  set("REGOFF", loaded.registrationPx, "[pix] median offset of the stars of both images");
  set("REGSCAT", loaded.registrationScatterPx, "[pix] scatter of these offsets");
  set("MASKFRAC", chosen.finished.maskedFraction, "fraction of pixels that may not be used");
  set("SUBVERD", chosen.verdict, "verdict of the gates");
  header.addHistory(
    `gppy subtract: ${basename(science.path)} minus ${basename(loaded.chosen.path)}`,
  );
  header.addHistory(`gppy subtract: reference chosen: ${loaded.chosen.why}`);
  for (const line of verdictLines(parts)) header.addHistory(`gppy subtract: ${line}`);
  for (const { from, to, stars, mean, spread } of starsLeft(parts)) {
    const text = `${stars} stars, ${mean.toFixed(2)} +- ${spread.toFixed(2)} sigma in their cores`;
    header.addHistory(`gppy subtract: mag ${from} to ${to}: ${text}`);
  }
  return header;
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
