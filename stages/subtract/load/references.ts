/**
 * Which reference an object and filter are compared with.
 *
 * @module
 */

import { basename, join } from "node:path";
import { DataError } from "../../../config/errors.ts";
import { readHeader } from "../../../fits/file.ts";
import type { FitsHeader } from "../../../fits/header.ts";
import { bareName, companionBeside, isFitsName, withoutPackedCopies } from "../../../fits/names.ts";
import { isoToMjd } from "../../../sky/time.ts";

/** A reference that was chosen. */
export interface ChosenReference {
  readonly path: string;
  readonly header: FitsHeader;
  /** Its mask, when one lies beside it. */
  readonly maskPath: string | undefined;
  /** Its inverse variance, when that lies beside it. */
  readonly weightPath: string | undefined;
  /** Why this one, in words. */
  readonly why: string;
  readonly facts: ReferenceFacts;
  /** All that would have done for object, filter and survey, this one first. */
  readonly considered: readonly ReferenceFacts[];
}

/** What a reference is chosen by; null where its header does not tell. */
export interface ReferenceFacts {
  readonly file: string;
  /** 5 sigma for point sources. */
  readonly depthMag: number | null;
  readonly seeingArcsec: number | null;
  /** Of its stars, 1 − B/A. */
  readonly ellipticity: number | null;
  readonly mjd: number | null;
}

/** What a reference is wanted for. */
export interface ReferenceWanted {
  readonly object: string;
  readonly filter: string;
  /** The filter as the frame's own header spells it, when that differs. */
  readonly filterCard?: string;
  /** The folder of all references, which has one folder a filter. */
  readonly folder: string;
  /** Takes this file and looks no further. */
  readonly file?: string;
  /** When the frame was taken: what changed must not be in the reference already. */
  readonly mjd?: number;
}

/** Surveys in order of preference: the telescope's own references match its filters and optics. */
const SURVEYS = ["7DT", "PS1"] as const;

/** A reference taken within so many days of the frame may hold what changed. */
const APART_DAYS = 1;
/** Depths that differ by less are alike, mag. */
const ALIKE_MAG = 0.1;
/** Stars more elliptic than this cannot be made round: what is sharper than they are leaves rings. */
const ELONGATED = 0.2;

/**
 * Finds the reference of an object in a filter: `ref_7DT_<object>_…` before
 * `ref_PS1_<object>_…`; of one survey those taken at another time than the frame;
 * of these those with round stars, then the deepest, of about equal depth the one
 * with the best seeing, then the latest, then the last by name.
 *
 * @param wanted Object, filter and where to look.
 * @returns The reference.
 * @throws {DataError} If there is none; it names the folder that was searched.
 */
export async function findReference(wanted: ReferenceWanted): Promise<ChosenReference> {
  if (wanted.file !== undefined) return await open(wanted.file, wanted, "given by --reference");
  const folder = join(wanted.folder, wanted.filter);
  const names = await fitsNames(folder);
  for (const survey of SURVEYS) {
    const fitting = names.filter((name) => isOf(name, survey, wanted));
    if (fitting.length === 0) continue;
    const only = survey === "7DT" ? "the telescope's own" : "no 7DT reference there";
    const facts = await Promise.all(fitting.map((name) => factsOf(join(folder, name))));
    const ranked = rank(facts, wanted.mjd);
    const why = `${only}; ${reasonFor(ranked, wanted.mjd)}`;
    const chosen = await open(join(folder, ranked[0]!.file), wanted, why);
    return { ...chosen, considered: ranked };
  }
  throw new DataError(
    `Cannot subtract "${wanted.object}" in ${wanted.filter}: no reference ` +
      `"ref_7DT_${wanted.object}_*.fits" or "ref_PS1_${wanted.object}_*.fits" in "${folder}"`,
    { details: { folder, object: wanted.object, filter: wanted.filter } },
  );
}

async function factsOf(path: string): Promise<ReferenceFacts> {
  return describe(path, await readHeader(path));
}

function describe(path: string, header: FitsHeader): ReferenceFacts {
  return {
    file: basename(path),
    depthMag: header.number("UL5_1") ?? header.number("UL5_AUTO") ?? header.number("DEPTH") ?? null,
    seeingArcsec: header.number("SEEING") ?? null,
    ellipticity: header.number("ELLIP") ?? null,
    mjd: header.number("MJD-OBS") ?? header.number("MJD") ?? dateOf(header.text("DATE-OBS")),
  };
}

/** A date that cannot be read is no reason against a reference. */
function dateOf(text: string | undefined): number | null {
  if (text === undefined) return null;
  try {
    return isoToMjd(text.trim());
  } catch (error) {
    if (error instanceof DataError) return null;
    throw error;
  }
}

function isApart(facts: ReferenceFacts, mjd: number | undefined): boolean {
  return mjd === undefined || facts.mjd === null || Math.abs(facts.mjd - mjd) >= APART_DAYS;
}

/** What is not told is taken for round. */
function isRound({ ellipticity }: ReferenceFacts): boolean {
  return (ellipticity ?? 0) <= ELONGATED;
}

/** Best first. What is not told counts as worst, but for the shape. */
function rank(facts: readonly ReferenceFacts[], mjd: number | undefined): ReferenceFacts[] {
  const depth = (one: ReferenceFacts) => one.depthMag ?? -Infinity;
  const isBest = (one: ReferenceFacts) => 2 * Number(isApart(one, mjd)) + Number(isRound(one));
  const best = Math.max(...facts.map(isBest));
  const deepest = Math.max(...facts.filter((one) => isBest(one) === best).map(depth));
  const isDeep = (one: ReferenceFacts) =>
    depth(one) > deepest - ALIKE_MAG || depth(one) === deepest;
  return facts.toSorted((a, b) =>
    isBest(b) - isBest(a) ||
    Number(isDeep(b)) - Number(isDeep(a)) ||
    (isDeep(a) ? 0 : compare(depth(b), depth(a))) ||
    compare(a.seeingArcsec ?? Infinity, b.seeingArcsec ?? Infinity) ||
    compare(b.mjd ?? -Infinity, a.mjd ?? -Infinity) ||
    (a.file < b.file ? 1 : -1)
  );
}

function compare(a: number, b: number): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** In words, what set the first apart from the second. */
function reasonFor(ranked: readonly ReferenceFacts[], mjd: number | undefined): string {
  const [first, second] = ranked;
  const same = mjd !== undefined && !isApart(first!, mjd)
    ? "; taken within a day of the frame, as there is no other"
    : "";
  if (second === undefined) return `the only one${same}`;
  const of = `of ${ranked.length}${same}`;
  if (isApart(first!, mjd) && !isApart(second, mjd)) {
    return `the best not of the frame's night ${of}`;
  }
  if (isRound(first!) && !isRound(second)) {
    return `the best with round stars (the next: ellipticity ${
      second.ellipticity!.toFixed(2)
    }) ${of}`;
  }
  const { depthMag, seeingArcsec } = first!;
  if (depthMag !== null && !(Math.abs(depthMag - (second.depthMag ?? -Infinity)) < ALIKE_MAG)) {
    return `the deepest, 5 sigma at ${depthMag.toFixed(2)} mag, ${of}`;
  }
  if (seeingArcsec !== null && seeingArcsec !== second.seeingArcsec) {
    return `the one with the best seeing, ${seeingArcsec.toFixed(2)} arcsec, ${of}`;
  }
  return first!.mjd !== null && first!.mjd !== second.mjd
    ? `the latest ${of}`
    : `the last by name ${of}`;
}

async function fitsNames(folder: string): Promise<string[]> {
  try {
    const names: string[] = [];
    for await (const { name } of Deno.readDir(folder)) {
      if (isFitsName(name) && !name.startsWith(".") && !isCompanion(name)) names.push(name);
    }
    return withoutPackedCopies(names.sort());
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw new DataError(`Cannot list references in "${folder}": ${String(error)}`, {
      details: { folder },
      cause: error,
    });
  }
}

function isCompanion(name: string): boolean {
  return /\.(mask|weight)$/.test(bareName(name));
}

/** The object must be followed by the filter or the end, or `M31` would take those of `M31_A`. */
function isOf(name: string, survey: string, wanted: ReferenceWanted): boolean {
  const start = `ref_${survey}_${wanted.object}`;
  if (!name.startsWith(start)) return false;
  const rest = bareName(name).slice(start.length);
  return rest === "" || rest === `_${wanted.filter}` || rest.startsWith(`_${wanted.filter}_`) ||
    /^_\d{8}/.test(rest);
}

async function open(path: string, wanted: ReferenceWanted, why: string): Promise<ChosenReference> {
  const header = await readHeader(path);
  const filter = header.text("FILTER")?.trim();
  const accepted = [wanted.filter, wanted.filterCard?.trim()];
  if (filter !== undefined && !accepted.includes(filter)) {
    throw new DataError(
      `Cannot subtract "${path}": its FILTER is "${filter}", the frame's "${wanted.filter}"`,
      { details: { file: path, filter, wanted: wanted.filter } },
    );
  }
  const facts = describe(path, header);
  const maskPath = await companionBeside(path, "mask");
  const weightPath = await companionBeside(path, "weight");
  return { path, header, why, facts, considered: [facts], maskPath, weightPath };
}
