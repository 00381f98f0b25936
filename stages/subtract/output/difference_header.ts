/**
 * What the header of a difference tells of its making.
 *
 * @module
 */

import { basename } from "node:path";
import type { FitsHeader } from "../../../fits/header.ts";
import { kernelAt, type KernelField } from "../../../gpu/kernels/convolve_varying/kernel_field.ts";
import type { OutputParts } from "./outputs.ts";
import { fwhmOf, noiseArea } from "../psf/psf_shape.ts";
import { type StarResiduals, starResiduals } from "./residuals.ts";

/**
 * What is left of stars by magnitude.
 *
 * @param parts The pair and the attempt that is kept.
 * @returns Brightest first.
 */
export function starsLeft(
  { loaded, chosen }: Pick<OutputParts, "loaded" | "chosen">,
): StarResiduals[] {
  const zeroPoint = loaded.science.header.number("ZP_AUTO") ?? 0;
  return starResiduals(chosen.pair, chosen.finished, zeroPoint);
}

/**
 * The science frame's cards, which hold WCS and zero points, and those of the subtraction.
 *
 * @param parts The pair and what came of its engines.
 * @param left What is left of stars.
 * @returns A new header.
 */
export function differenceHeader(
  parts: OutputParts,
  left: readonly StarResiduals[],
): FitsHeader {
  const { loaded, science } = parts;
  const header = loaded.science.header.clone();
  const cards = [...kernelCards(parts), ...referenceCards(parts), ...qualityCards(parts)];
  for (const [card, value, comment] of cards) {
    if (typeof value === "string") header.set(card, value, comment);
    else if (value === null || !Number.isFinite(value)) header.delete(card);
    else header.set(card, Number(value.toPrecision(7)), comment);
  }
  const reference = basename(loaded.chosen.path);
  header.addHistory(`gppy subtract: ${basename(science.path)} minus ${reference}`);
  header.addHistory(`gppy subtract: reference chosen: ${loaded.chosen.why}`);
  for (const line of [...verdictLines(parts), ...starLines(left)]) {
    header.addHistory(`gppy subtract: ${line}`);
  }
  return header;
}

type Card = readonly [keyword: string, value: string | number | null, comment: string];

function kernelCards({ science, loaded, chosen }: OutputParts): Card[] {
  const { kernel, engine, convolvedSide, psf, preconvolution } = chosen.finished.result;
  const { metrics } = chosen;
  const middle = psf && kernelAt(psf, (psf.width - 1) / 2, (psf.height - 1) / 2);
  return [
    ["SUBENG", engine, "engine of the subtraction"],
    ["SCINAME", basename(science.path), "science frame"],
    ["REFNAME", basename(loaded.chosen.path), "reference that was subtracted"],
    ["CONVSIDE", convolvedSide, "image that was convolved"],
    ["PRECONV", widthOf(preconvolution), "[pix] FWHM of what smoothed the science frame before"],
    ["KOFFER", kernel.offered, "stars offered to the fit"],
    ["KSTARS", kernel.used, "stars the kernel was fitted to"],
    ["KCLIP", kernel.clipped, "stars left out as they did not fit"],
    ["KSUM", kernel.sum, "sum of the kernel, science over reference"],
    ["KSUMFLUX", metrics.sumOverFluxRatio, "kernel sum over the flux ratio of stars"],
    ["KSUMZP", metrics.sumOverZeroPoints, "kernel sum over the ratio of zero points"],
    ["KCOND", kernel.conditionNumber, "condition number of the normal equations"],
    ["KCHI2", kernel.chi2, "median chi2 a pixel of the stars"],
    [
      "PSFFWHM",
      middle ? fwhmOf(middle) : widthOfOther(loaded, convolvedSide),
      "[pix] FWHM of its PSF, mid-field",
    ],
    ["PSFNEA", middle ? noiseArea(middle) : null, "[pix2] noise-equivalent area of it"],
  ];
}

/** FWHM of sources, px, where the science frame was convolved: that of the reference, on the scale of photometry. */
function widthOfOther({ science, pair }: OutputParts["loaded"], side: string): number | null {
  if (side !== "science") return null;
  const scale = (science.header.number("PEEING") ?? pair.science.fwhmPx) / pair.science.fwhmPx;
  return scale * pair.reference.fwhmPx;
}

/** FWHM of a kernel that is the same everywhere, px; null where there is none. */
function widthOf(kernel: KernelField | undefined): number | null {
  return kernel === undefined ? null : fwhmOf(kernelAt(kernel, 0, 0));
}

function referenceCards({ loaded }: OutputParts): Card[] {
  const { facts } = loaded.chosen;
  return [
    ["REFDEPTH", facts.depthMag, "[mag] 5 sigma depth of the reference"],
    ["REFSEE", facts.seeingArcsec, "[arcsec] seeing of the reference"],
    ["REFELLIP", facts.ellipticity, "ellipticity of its stars, 1 - B/A"],
    ["REFMJD", facts.mjd, "[d] when the reference was taken"],
    ["REFFWHM", loaded.pair.reference.fwhmPx, "[pix] FWHM of the reference on this grid"],
    ["REFCOV", loaded.aligned.coverage, "fraction covered by the reference"],
    ["REGOFF", loaded.registrationPx, "[pix] median offset of the stars of both images"],
    ["REGSCAT", loaded.registrationScatterPx, "[pix] scatter of these offsets"],
  ];
}

function qualityCards({ chosen }: OutputParts): Card[] {
  const { metrics, finished, verdict } = chosen;
  return [
    ["PULLSIG", metrics.pullSigma, "spread of difference over noise on bare sky"],
    ["PULLSTAR", metrics.starPullSigma, "the same in the cores of stars"],
    ["PULLBLK", metrics.blockPull, "rms of means over 64-px squares of sky, sigma"],
    ["POWLEFT", metrics.powerLeft, "signal left in star footprints"],
    ["MASKFRAC", finished.maskedFraction, "fraction of pixels that may not be used"],
    ["SUBVERD", verdict, "verdict of the gates"],
  ];
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

function starLines(left: readonly StarResiduals[]): string[] {
  return left.map(({ from, to, stars, mean, spread }) => {
    const pulls = `${mean.toFixed(2)} +- ${spread.toFixed(2)} sigma in their cores`;
    return `mag ${from} to ${to}: ${stars} stars, ${pulls}`;
  });
}
