/**
 * The tables of a search: the catalogue of candidates, the regions, the summary of the flags.
 *
 * @module
 */

import { type AsciiColumn, writeAsciiTable } from "../../sky/catalogue.ts";
import { type Region, writeRegions } from "../../sky/regions.ts";
import { APERTURES } from "../phot/apertures.ts";
import { calibratedColumns } from "../phot/catalogue_columns.ts";
import type { Candidate } from "./candidate.ts";
import { FLAG_RULES, isTransient } from "./flags.ts";
import type { SearchResult } from "./search_image.ts";

/**
 * Writes the catalogue: every candidate, its brightness in each aperture, its flags.
 *
 * `FLAGGED` counts the flags set, `TRANSIENT` is 1 where there are none; `flag_n` is 1 where rule `n` is broken;
 * `SUSPECT` is 1 in all rows where the whole image is doubted, and its comment says why.
 *
 * @param path Where to.
 * @param result The search.
 */
export async function writeTransientCatalogue(path: string, result: SearchResult): Promise<void> {
  await writeAsciiTable(path, [
    ...identityColumns(result),
    ...fluxColumns(result),
    ...qualityColumns(result.candidates),
    ...FLAG_RULES.map((rule, i): AsciiColumn => ({
      name: `flag_${i}`,
      digits: 0,
      comment: `${rule.name}: ${rule.description}`,
      values: result.flags.map((flags) => flags[i] ? 1 : 0),
    })),
  ]);
}

/**
 * Writes the candidates as circles of twice the seeing: transients green, or cyan where they faded;
 * the others red.
 *
 * @param path Where to.
 * @param result The search.
 */
export async function writeTransientRegions(path: string, result: SearchResult): Promise<void> {
  const { inputs } = result;
  const regions = result.candidates.map((candidate, i): Region => {
    const flags = result.flags[i] ?? [];
    const style = {
      color: !isTransient(flags) ? "red" : candidate.sign === 1 ? "green" : "cyan",
      label: [candidate.number, ...raisedNames(flags)].join(" "),
    };
    return inputs.wcs === undefined
      ? { ...style, x: candidate.x, y: candidate.y, radiusPx: 2 * inputs.seeingPx }
      : {
        ...style,
        raDeg: candidate.raDeg,
        decDeg: candidate.decDeg,
        radiusArcsec: 2 * inputs.seeingPx * inputs.pixelScaleArcsec,
      };
  });
  await writeRegions(path, regions);
}

/**
 * Writes how many candidates each rule flags, and how many it alone keeps from passing.
 *
 * @param path Where to.
 * @param result The search.
 */
export async function writeFlagSummary(path: string, result: SearchResult): Promise<void> {
  const rows = FLAG_RULES.map((rule, i) => {
    const raised = result.flags.filter((flags) => flags[i]);
    const alone = raised.filter((flags) => flags.filter(Boolean).length === 1);
    return `flag_${i},${rule.name},"${rule.description}",${raised.length},${alone.length}`;
  });
  const passed = result.flags.filter(isTransient).length;
  const text = [
    "flag,name,description,flagged,flagged_alone",
    ...rows,
    `none,transient,"no flag is set",${passed},${passed}`,
    `any,candidate,"all candidates",${result.flags.length},${result.flags.length}`,
    "",
  ].join("\n");
  const part = path.replace(/([^/]+)$/, ".$1.part");
  await Deno.writeTextFile(part, text);
  await Deno.rename(part, path);
}

/**
 * Names the rules that a candidate breaks.
 *
 * @param flags Flags of a candidate.
 * @returns Names.
 */
export function raisedNames(flags: readonly boolean[]): string[] {
  return FLAG_RULES.filter((_, i) => flags[i]).map((rule) => rule.name);
}

function identityColumns({ candidates, flags, suspicion }: SearchResult): AsciiColumn[] {
  const each = (value: (candidate: Candidate) => number): number[] => candidates.map(value);
  return [
    { name: "NUMBER", digits: 0, comment: "Running number", values: each((c) => c.number) },
    {
      name: "FLAGGED",
      digits: 0,
      comment: "How many flags are set",
      values: flags.map((set) => set.filter(Boolean).length),
    },
    {
      name: "TRANSIENT",
      digits: 0,
      comment: "1 where no flag is set",
      values: flags.map((set) => isTransient(set) ? 1 : 0),
    },
    {
      name: "SUSPECT",
      digits: 0,
      comment: suspicion.reason ?? "1 where the whole image is doubted",
      values: flags.map(() => suspicion.reason === undefined ? 0 : 1),
    },
    {
      name: "SIGN",
      digits: 0,
      comment: "1 brighter than the reference, -1 fainter",
      values: each((c) => c.sign),
    },
    sky("ALPHA_J2000", "Right ascension (ICRS)", each((c) => c.raDeg)),
    sky("DELTA_J2000", "Declination (ICRS)", each((c) => c.decDeg)),
    pixel("X_IMAGE", "Position along x, first pixel 1", each((c) => c.x + 1)),
    pixel("Y_IMAGE", "Position along y, first pixel 1", each((c) => c.y + 1)),
  ];
}

function fluxColumns({ candidates, inputs }: SearchResult): AsciiColumn[] {
  return APERTURES.flatMap((aperture, a) => {
    const flux = Float64Array.from(candidates, (c) => c.fluxAdu[a] ?? NaN);
    const fluxError = Float64Array.from(candidates, (c) => c.fluxErrorAdu[a] ?? NaN);
    const { column, label } = aperture;
    return [
      { name: `FLUX_${column}`, unit: "count", digits: 3, comment: label, values: flux },
      { name: `FLUXERR_${column}`, unit: "count", digits: 3, comment: "Error", values: fluxError },
      ...calibratedColumns(aperture, { flux, fluxError }, inputs.zeroPoints[a] ?? null),
    ];
  });
}

function qualityColumns(candidates: readonly Candidate[]): AsciiColumn[] {
  const column = (
    name: string,
    comment: string,
    value: (candidate: Candidate) => number,
    unit?: string,
  ): AsciiColumn => ({
    ...{ name, comment, digits: 4, values: candidates.map(value) },
    ...(unit === undefined ? {} : { unit }),
  });
  return [
    column("SNR", "Signal to noise, 2 x 0.673 seeing", (c) => c.snr),
    column("FWHM_IMAGE", "FWHM of the best-fitting round Gaussian", (c) => c.fwhmPx, "pixel"),
    column("ELLIPTICITY", "1 - B/A", (c) => c.ellipticity),
    column("ELONGATION", "A/B", (c) => c.elongation),
    column(
      "NEGATIVE_DIST",
      "To a twin of the other sign; nan = none",
      (c) => c.negativeDistancePx,
      "pixel",
    ),
    column("DIPOLE", "Signal of the other sign over its own", (c) => c.dipoleRatio),
    column("MASKED", "Masked part of the aperture", (c) => c.maskedFraction),
    column("COVERED", "Part covered by the reference", (c) => c.referenceFraction),
    column("CONTRAST", "Over the steady flux; nan = none", (c) => c.referenceContrast),
    column("DMAG_APER", "Aperture difference less a star's", (c) => c.apertureDifferenceMag, "mag"),
    column("DMAGERR_APER", "Its error", (c) => c.apertureDifferenceErrorMag, "mag"),
  ];
}

function sky(name: string, comment: string, values: number[]): AsciiColumn {
  return { name, unit: "deg", digits: 8, comment, values };
}

function pixel(name: string, comment: string, values: number[]): AsciiColumn {
  return { name, unit: "pixel", digits: 4, comment, values };
}
