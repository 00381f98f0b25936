/**
 * Stamps of candidates: science image, reference and difference, as FITS and as PNG.
 *
 * @module
 */

import { join } from "node:path";
import { FitsHeader } from "../../fits/header.ts";
import { writeImage } from "../../fits/image.ts";
import { stampsPng } from "../../sky/pictures.ts";
import { formatDec, formatRa } from "../../sky/angle.ts";
import { setWcs, shiftWcs } from "../../sky/wcs.ts";
import type { NewProduct } from "../stage.ts";
import type { Candidate } from "./candidate.ts";
import { type Cutout, readCutouts } from "./cutouts.ts";
import { isTransient } from "./flags.ts";
import type { DifferenceInputs } from "./inputs.ts";
import type { SearchResult } from "./search_image.ts";
import { raisedNames } from "./tables.ts";

/** Which candidates get stamps, and how large. */
export interface StampOptions {
  /** Side, px. */
  readonly stampSize: number;
  /** Most transients. */
  readonly maxStamps: number;
  /** Most flagged candidates. */
  readonly flaggedStamps: number;
}

const ROLES = ["sci", "ref", "sub"] as const;
const TITLES = { sci: "Science", ref: "Reference", sub: "Difference" } as const;
type Role = typeof ROLES[number];

/** What all candidates of an image share. */
type WholeImage = Pick<SearchResult, "inputs" | "suspicion">;

/** One candidate with its stamps. */
interface StampSet {
  readonly candidate: Candidate;
  readonly flags: readonly boolean[];
  readonly cutouts: Readonly<Partial<Record<Role, Cutout>>>;
}

/**
 * Writes the stamps of a search: `<name>.<number>.sci|ref|sub.fits` and `<name>.<number>.png`.
 *
 * @param folder Where to.
 * @param result The search.
 * @param options Number and size.
 * @returns The products.
 */
export async function writeStamps(
  folder: string,
  result: SearchResult,
  options: StampOptions,
): Promise<NewProduct[]> {
  const rows = chooseRows(result, options);
  const sets = await cutStamps(rows, result, Math.floor(options.stampSize / 2));
  const products: NewProduct[] = [];
  for (const set of sets) products.push(...await writeSet(folder, result, set));
  return products;
}

/** The most significant ones of either sort. */
function chooseRows(result: SearchResult, options: StampOptions): number[] {
  const rows = [...result.candidates.keys()]
    .sort((a, b) => significance(result, b) - significance(result, a));
  const passes = (i: number): boolean => isTransient(result.flags[i] ?? []);
  return [
    ...rows.filter(passes).slice(0, options.maxStamps),
    ...rows.filter((i) => !passes(i)).slice(0, options.flaggedStamps),
  ];
}

function significance(result: SearchResult, row: number): number {
  const snr = result.candidates[row]?.snr ?? NaN;
  return Number.isFinite(snr) ? snr : -Infinity;
}

async function cutStamps(
  rows: readonly number[],
  { inputs, candidates, flags }: SearchResult,
  halfPx: number,
): Promise<StampSet[]> {
  const chosen = rows.flatMap((row) => candidates[row] ?? []);
  const paths: Record<Role, string | undefined> = {
    sci: inputs.science?.path,
    ref: inputs.reference?.path,
    sub: inputs.difference.path,
  };
  const pieces = new Map<Role, Cutout[]>();
  for (const role of ROLES) {
    const path = paths[role];
    if (path !== undefined && chosen.length > 0) {
      pieces.set(role, await readCutouts(path, chosen, halfPx));
    }
  }
  return chosen.map((candidate, i) => ({
    candidate,
    flags: flags[rows[i] ?? -1] ?? [],
    cutouts: Object.fromEntries(
      ROLES.flatMap((role) => {
        const cutout = pieces.get(role)?.[i];
        return cutout === undefined ? [] : [[role, cutout]];
      }),
    ),
  }));
}

async function writeSet(
  folder: string,
  { inputs, suspicion }: SearchResult,
  set: StampSet,
): Promise<NewProduct[]> {
  const name = `${inputs.name}.${String(set.candidate.number).padStart(5, "0")}`;
  const common = {
    ...belongings(inputs),
    from: [inputs.difference.id],
    measured: {
      candidate: set.candidate.number,
      transient: isTransient(set.flags),
      ...(suspicion.reason === undefined ? {} : { suspect: suspicion.reason }),
    },
  };
  const whole = { inputs, suspicion };
  const products: NewProduct[] = [];
  for (const role of ROLES) {
    const cutout = set.cutouts[role];
    if (cutout === undefined) continue;
    const path = join(folder, `${name}.${role}.fits`);
    await writeStamp(path, cutout, whole, set, role);
    products.push({ ...common, id: `${name}.${role}`, kind: "stamp", role, path });
  }
  const picture = join(folder, `${name}.png`);
  await writeTriplet(picture, whole, set);
  return [...products, {
    ...common,
    id: `${name}.png`,
    kind: "stamp",
    role: "triplet",
    path: picture,
  }];
}

async function writeStamp(
  path: string,
  cutout: Cutout,
  { inputs, suspicion }: WholeImage,
  { candidate, flags }: StampSet,
  role: Role,
): Promise<void> {
  const half = (cutout.side - 1) / 2;
  const origin = { x: cutout.x - half, y: cutout.y - half };
  const header = FitsHeader.from({
    OBJECT: [inputs.difference.object ?? inputs.name, "field"],
    FILTER: [inputs.difference.filter ?? "unknown", "filter"],
    STAMP: [TITLES[role], "science image, reference or difference"],
    CANDID: [candidate.number, "number in the catalogue of candidates"],
    CANDSIGN: [candidate.sign, "1 brighter than the reference, -1 fainter"],
    CANDX: [round(candidate.x - origin.x + 1), "[pix] candidate in this stamp, first pixel 1"],
    CANDY: [round(candidate.y - origin.y + 1), "[pix] candidate in this stamp, first pixel 1"],
    IMAGEX: [round(candidate.x + 1), "[pix] candidate in the whole image"],
    IMAGEY: [round(candidate.y + 1), "[pix] candidate in the whole image"],
    TRANSIEN: [isTransient(flags), "whether no flag is set"],
    SUSPECT: [suspicion.reason !== undefined, "whether the whole image is doubted"],
  });
  if (Number.isFinite(candidate.snr)) header.set("SNR", round(candidate.snr), "signal to noise");
  if (inputs.wcs !== undefined) setWcs(header, shiftWcs(inputs.wcs, origin.x, origin.y));
  header.addHistory(`Cut out of ${inputs.name}`);
  if (suspicion.reason !== undefined) header.addHistory(`Suspect: ${suspicion.reason}`);
  await writeImage(path, { width: cutout.side, height: cutout.side, data: cutout.data, header });
}

async function writeTriplet(
  path: string,
  { inputs, suspicion }: WholeImage,
  { candidate, flags, cutouts }: StampSet,
): Promise<void> {
  const stamps = ROLES.flatMap((role) => {
    const cutout = cutouts[role];
    return cutout === undefined
      ? []
      : [{ data: cutout.data, size: cutout.side, title: TITLES[role] }];
  });
  const orientation = inputs.wcs?.jacobian(candidate.x, candidate.y);
  const png = await stampsPng(stamps, {
    title: `${inputs.name}  #${candidate.number}${
      suspicion.reason === undefined ? "" : "  suspect"
    }`,
    subtitle: describe(candidate, flags, inputs),
    pixelScaleArcsec: inputs.pixelScaleArcsec,
    ...(orientation === undefined ? {} : { orientation }),
  });
  const part = path.replace(/([^/]+)$/, ".$1.part");
  await Deno.writeFile(part, png);
  await Deno.rename(part, path);
}

function describe(
  candidate: Candidate,
  flags: readonly boolean[],
  inputs: DifferenceInputs,
): string {
  const place = inputs.wcs === undefined
    ? `x ${candidate.x.toFixed(1)}  y ${candidate.y.toFixed(1)}`
    : `${formatRa(candidate.raDeg)} ${formatDec(candidate.decDeg)}`;
  const zeroPoint = inputs.zeroPoints[1];
  const flux = candidate.fluxAdu[1] ?? NaN;
  const change = candidate.sign === 1 ? "" : "faded by ";
  const mag = zeroPoint && flux > 0
    ? `${inputs.difference.filter ?? ""} ${(zeroPoint.mag - 2.5 * Math.log10(flux)).toFixed(2)} mag`
    : `${flux.toFixed(0)} ADU`;
  const names = raisedNames(flags);
  const verdict = names.length === 0 ? "no flags" : `flags: ${names.join(", ")}`;
  return [place, change + mag.trim(), `S/N ${candidate.snr.toFixed(1)}`, verdict].join(" · ");
}

/** What a companion of a search carries of its image. */
export function belongings(
  inputs: DifferenceInputs,
): Partial<Omit<NewProduct, "id" | "kind" | "path">> & { readonly of: string } {
  const { difference, science, name } = inputs;
  const own = { ...science, ...difference };
  return {
    of: name,
    ...(own.unit === undefined ? {} : { unit: own.unit }),
    ...(own.object === undefined ? {} : { object: own.object }),
    ...(own.filter === undefined ? {} : { filter: own.filter }),
    ...(own.dateObs === undefined ? {} : { dateObs: own.dateObs }),
    ...(own.mjd === undefined ? {} : { mjd: own.mjd }),
    ...(own.exposureS === undefined ? {} : { exposureS: own.exposureS }),
  };
}

function round(value: number): number {
  return Number(value.toFixed(3));
}
