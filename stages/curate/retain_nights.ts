/**
 * Applies a retention rule to curated nights, or says what it would remove.
 *
 * @module
 */

import { join } from "node:path";
import type { Logger } from "@logtape/logtape";
import { GppyError } from "../../config/errors.ts";
import type { Product } from "../manifest.ts";
import {
  applyRetention,
  bytesOf,
  curatedNight,
  planRetention,
  type RetentionPlan,
} from "./retention.ts";

/** How a rule is applied. */
export interface RetainOptions {
  /** Says what would go, and removes nothing. */
  readonly dryRun: boolean;
  readonly log: Logger;
  readonly signal: AbortSignal;
}

/** What went, or would go in a dry run. */
export interface Retained {
  readonly removed: number;
  readonly removedBytes: number;
  /** Files that a manifest lists and that stay. */
  readonly kept: number;
  readonly plan: RetentionPlan;
}

/**
 * Removes the intermediates of one night whose products stand in the processed tree.
 *
 * @param work The night's work folder.
 * @param curated The products in the processed tree.
 * @param options Dry run, log and signal.
 * @returns What went, or would go.
 */
export async function retainNight(
  work: string,
  curated: readonly Product[],
  options: RetainOptions,
): Promise<Retained> {
  const { log, dryRun } = options;
  const plan = await planRetention(work, curated, options.signal);
  for (const { path, reason } of plan.kept) log.debug("{path} stays: {reason}", { path, reason });
  const say = dryRun ? "{path} would go, {bytes} bytes" : "{path} goes, {bytes} bytes";
  for (const { product: { path, bytes } } of plan.removable) {
    log[dryRun ? "info" : "debug"](say, { path, bytes });
  }
  const gone = dryRun
    ? { files: plan.removable.length, bytes: bytesOf(plan) }
    : await applyRetention(work, plan);
  log.info("{work}: {files} intermediates, {bytes} bytes {went}, {kept} stay", {
    ...gone,
    work,
    went: dryRun ? "would go" : "removed",
    kept: plan.kept.length,
  });
  return { removed: gone.files, removedBytes: gone.bytes, kept: plan.kept.length, plan };
}

/**
 * Removes the intermediates of every night that was curated some time ago.
 *
 * @param folder Folder of the work folders of a unit.
 * @param rule Age in days since the end of the night's last stage; work folders to pass over.
 * @param options Dry run, log and signal.
 * @returns What went, or would go, of each night that is old enough.
 */
export async function retainNights(
  folder: string,
  rule: { readonly days: number; readonly nowMs: number; readonly except?: readonly string[] },
  options: RetainOptions,
): Promise<Retained[]> {
  const done: Retained[] = [];
  for (const work of await foldersIn(folder)) {
    options.signal.throwIfAborted();
    if (rule.except?.includes(work)) continue;
    try {
      const night = await curatedNight(work);
      if (night === undefined || rule.nowMs - night.endedMs < rule.days * 86_400_000) continue;
      done.push(await retainNight(work, night.manifest.products, options));
    } catch (error) {
      // One damaged night must not keep the others' files.
      if (!(error instanceof GppyError)) throw error;
      options.log.warn("{work} stays as it is: {reason}", { work, reason: error.message });
    }
  }
  return done;
}

async function foldersIn(folder: string): Promise<string[]> {
  try {
    const entries = await Array.fromAsync(Deno.readDir(folder));
    return entries.filter(({ isDirectory }) => isDirectory).map(({ name }) => join(folder, name))
      .sort();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}
