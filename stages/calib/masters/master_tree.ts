/**
 * The tree that masters are kept in.
 *
 * @module
 */

import { basename, join } from "node:path";
import { GppyError } from "../../../config/errors.ts";
import { readHeader } from "../../../fits/file.ts";
import type { FitsHeader } from "../../../fits/header.ts";
import { sameSetup, sameSize, type Setup } from "../frames/frame.ts";
import type { MasterType } from "../frames/groups.ts";
import { type Master, masterFolder } from "./master.ts";
import { nightOfMaster } from "./names.ts";

/** What is looked for in the master tree. */
export interface MasterQuery {
  readonly type: MasterType;
  readonly setup: Setup;
  /** Of flats. */
  readonly filter: string;
  /** The night that needs it, `YYYYMMDD`; later ones are not taken. */
  readonly night: string;
}

/**
 * Goes through the masters of a tree that fit, from the nearest night back, accepted or not.
 *
 * @param root The master tree.
 * @param query Type, setup, filter and night.
 * @returns Masters; those that cannot be read are passed over.
 */
export async function* mastersBefore(root: string, query: MasterQuery): AsyncGenerator<Master> {
  const folder = masterFolder(root, query.setup.unit, query.type);
  for (const { name, night } of await listMasters(folder, query)) {
    const master = await readMaster(join(folder, name), query.type, night, query.setup);
    if (master === undefined || !sameSetup(master.setup, query.setup)) continue;
    if (query.type === "flat" && master.filter !== query.filter) continue;
    yield master;
  }
}

/**
 * Accepted masters of a tree that fit, of the nearest night not after the one that needs them.
 *
 * @param root The master tree.
 * @param query Type, setup, filter and night.
 * @param nights From how many nights; darks are chosen from many. 1 if left out.
 * @returns All that fit of those nights, the nearest first; empty if there is none.
 */
export async function borrowMasters(
  root: string,
  query: MasterQuery,
  nights = 1,
): Promise<Master[]> {
  const found: Master[] = [];
  const seen = new Set<string>();
  for await (const master of mastersBefore(root, query)) {
    if (!master.accepted) continue;
    seen.add(master.night);
    if (seen.size > nights) break;
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
    const none = [Deno.errors.NotFound, Deno.errors.NotADirectory];
    if (!none.some((type) => error instanceof type)) throw error;
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
      overscan: header.boolean("OVERSCAN") ?? false,
    },
    filter: header.text("FILTER")?.trim() ?? "",
    exposureS: header.number("EXPTIME") ?? 0,
    temperatureC: header.number("TEMPC"),
    night,
    id: basename(path, ".fits"),
    path,
    level: header.number("LEVEL") ?? NaN,
    sigma: header.number("LEVELSIG") ?? NaN,
    noise: header.number("NOISE") ?? NaN,
    accepted: header.boolean("ACCEPTED") ?? true,
  };
}

function binningOf(header: FitsHeader): string | undefined {
  const [x, y] = [header.number("XBINNING"), header.number("YBINNING")];
  return x === undefined ? undefined : `${x}x${y ?? x}`;
}
