/**
 * A master frame: what it is, and the master tree it is kept in.
 *
 * @module
 */

import { basename, join } from "node:path";
import { GppyError } from "../../config/errors.ts";
import { readHeader } from "../../fits/file.ts";
import type { FitsHeader } from "../../fits/header.ts";
import { sameSetup, sameSize, type Setup } from "./frame.ts";
import type { MasterType } from "./groups.ts";
import { MASTER_FOLDERS, nightOfMaster } from "./names.ts";

/** A master frame on disk. */
export interface Master {
  readonly type: MasterType;
  readonly setup: Setup;
  readonly filter: string;
  readonly exposureS: number;
  /** `YYYYMMDD` it was made from. */
  readonly night: string;
  readonly id: string;
  readonly path: string;
  /** Median, ADU; around 1 for a flat. */
  readonly level: number;
  /** Robust scatter of its pixels, in the same unit. */
  readonly sigma: number;
}

/** The folder of the masters of one type. */
export function masterFolder(root: string, unit: string, type: MasterType): string {
  return join(root, unit, MASTER_FOLDERS[type]);
}

/** What is looked for in the master tree. */
export interface MasterQuery {
  readonly type: MasterType;
  readonly setup: Setup;
  readonly filter: string;
  /** The night that needs it, `YYYYMMDD`; later ones are not taken. */
  readonly night: string;
}

/**
 * Masters of a tree that fit, of the nearest night not after the one that needs them.
 *
 * @param root The master tree.
 * @param query Type, setup, filter and night.
 * @returns All that fit of that night (several exposures of darks); empty if there is none.
 */
export async function borrowMasters(root: string, query: MasterQuery): Promise<Master[]> {
  const folder = masterFolder(root, query.setup.unit, query.type);
  const found: Master[] = [];
  for (const { name, night } of await listMasters(folder, query)) {
    if (found.length > 0 && found[0]?.night !== night) break;
    const master = await readMaster(join(folder, name), query.type, night, query.setup);
    if (master === undefined || !sameSetup(master.setup, query.setup)) continue;
    if (query.type === "flat" && master.filter !== query.filter) continue;
    found.push(master);
  }
  return found;
}

/**
 * The size of some master of the tree that would fit but for its size.
 *
 * @param root The master tree.
 * @param query Type, setup and night.
 * @returns Its setup, or undefined if there is none.
 */
export async function otherSize(root: string, query: MasterQuery): Promise<Setup | undefined> {
  const folder = masterFolder(root, query.setup.unit, query.type);
  for (const { name, night } of await listMasters(folder, query)) {
    const master = await readMaster(join(folder, name), query.type, night, query.setup);
    if (master !== undefined && !sameSize(master.setup, query.setup)) return master.setup;
  }
  return undefined;
}

async function listMasters(
  folder: string,
  query: MasterQuery,
): Promise<{ readonly name: string; readonly night: string }[]> {
  const found: { name: string; night: string }[] = [];
  try {
    for await (const { name, isFile } of Deno.readDir(folder)) {
      const night = isFile ? nightOfMaster(name, query.type) : undefined;
      if (night !== undefined && night <= query.night) found.push({ name, night });
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  return found.sort((a, b) => b.night.localeCompare(a.night) || a.name.localeCompare(b.name));
}

/** Reads what a master says of itself; undefined when it cannot be read. */
async function readMaster(
  path: string,
  type: MasterType,
  night: string,
  like: Setup,
): Promise<Master | undefined> {
  let header: FitsHeader;
  try {
    header = await readHeader(path);
  } catch (error) {
    if (error instanceof GppyError) return undefined; // a damaged master is not borrowed
    throw error;
  }
  return {
    type,
    setup: {
      unit: like.unit,
      width: header.number("NAXIS1") ?? 0,
      height: header.number("NAXIS2") ?? 0,
      binning: binningOf(header) ?? like.binning,
      gain: header.number("GAIN") ?? NaN,
    },
    filter: header.text("FILTER")?.trim() ?? "",
    exposureS: header.number("EXPTIME") ?? 0,
    night,
    id: basename(path, ".fits"),
    path,
    level: header.number("LEVEL") ?? NaN,
    sigma: header.number("LEVELSIG") ?? NaN,
  };
}

function binningOf(header: FitsHeader): string | undefined {
  const [x, y] = [header.number("XBINNING"), header.number("YBINNING")];
  return x === undefined ? undefined : `${x}x${y ?? x}`;
}

/**
 * The dark that suits an exposure best: the one with the smallest ratio of exposures.
 *
 * Scaling down is preferred to scaling up by the same ratio, for its lower noise.
 *
 * @param darks Masters; those without a positive exposure cannot be scaled and are not taken.
 * @param exposureS The exposure to match.
 * @returns The best one, or undefined.
 */
export function bestDark(darks: readonly Master[], exposureS: number): Master | undefined {
  let best: Master | undefined;
  let least = Infinity;
  for (const dark of darks) {
    if (!(dark.exposureS > 0)) continue;
    const ratio = exposureS / dark.exposureS;
    const cost = ratio > 1 ? ratio * (1 + 1e-9) : 1 / Math.max(ratio, 1e-9);
    if (cost < least) [best, least] = [dark, cost];
  }
  return best;
}

/**
 * The factor that brings a dark to an exposure; never negative.
 *
 * @param dark The dark, or undefined.
 * @param exposureS The exposure of the frame.
 * @returns 0 without a dark or without an exposure.
 */
export function darkScale(dark: Master | undefined, exposureS: number): number {
  if (dark === undefined || !(dark.exposureS > 0)) return 0;
  return Math.max(0, exposureS) / dark.exposureS;
}
