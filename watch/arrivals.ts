/**
 * Looks after the raw folders: finds nights, follows their files, and lets a night begin
 * when it has arrived. All waits are measured by the monotonic clock.
 *
 * @module
 */

import { basename, dirname } from "node:path";
import type { Logger } from "@logtape/logtape";
import type { Clock } from "./clock.ts";
import type { Journal, Night } from "./journal.ts";
import { findNights, NightNames } from "./night_folders.ts";
import {
  knowNight,
  makeReady,
  markVanished,
  needsArrival,
  type NightFolder,
  observeFolder,
  setWaitingFor,
} from "./nights.ts";
import { type FolderContent, hasFrames, readFolder, WholeFiles } from "./readiness.ts";
import type { WatchSettings } from "./settings.ts";

/** What the arrivals need to know. */
export interface ArrivalOptions {
  readonly journal: Journal;
  readonly settings: WatchSettings;
  readonly obsdata: string;
  readonly units: readonly string[];
  readonly clock: Clock;
  readonly log: Logger;
  /** Whether stillness counts from what an earlier process has seen, by the wall clock. */
  readonly once: boolean;
}

interface Follow {
  signature: string;
  /** Monotonic time since when the signature is the same. */
  since: number;
  /** Monotonic time of the last look. */
  looked: number;
}

/** Nights that ended so lately are looked at again, whatever their date, in milliseconds. */
const ENDED_LATELY_MS = 3 * 86_400_000;

/** Follows the raw folders of some telescopes. */
export class Arrivals {
  readonly #options: ArrivalOptions;
  readonly #names: NightNames;
  readonly #whole = new WholeFiles();
  readonly #follow = new Map<string, Follow>();
  readonly #problems = new Map<string, string>();
  #known = { version: "", nights: new Map<string, Night>() };

  /** @param options Journal, settings and clock. */
  constructor(options: ArrivalOptions) {
    this.#options = options;
    this.#names = new NightNames(options.settings);
  }

  /**
   * Looks at every night that is due.
   *
   * @param changed Raw folders with file events; they are looked at even if not due.
   * @param signal Ends the look when aborted.
   */
  async lookAtAll(changed: ReadonlySet<string>, signal: AbortSignal): Promise<void> {
    const { obsdata, units, settings } = this.#options;
    const known = this.#knownNights();
    for (const unit of units) {
      const found = findNights(obsdata, unit, this.#names);
      // A telescope that never had a night need not have a folder yet.
      const isNew = ![...known.values()].some((night) => night.unit === unit);
      this.#report(unit, found.problem, isNew ? "debug" : "warn");
      if (found.problem !== undefined) continue;
      const recent = found.nights.length - settings.recheckNights;
      for (const [index, folder] of found.nights.entries()) {
        const isChanged = changed.has(folder.path);
        const night = known.get(folder.path);
        const isRecent = isChanged || index >= recent || this.#endedLately(night);
        await this.#visit(folder, night, { isChanged, isRecent, signal });
      }
      const there = new Set(found.nights.map((night) => night.path));
      for (const night of known.values()) {
        if (night.unit === unit && !there.has(night.path)) this.#missed(night);
      }
    }
  }

  /** By raw folder; read again only when the journal has changed. */
  #knownNights(): ReadonlyMap<string, Night> {
    const { journal } = this.#options;
    const version = journal.version();
    if (this.#known.version !== version) {
      const nights = new Map(journal.nights().map((night) => [night.path, night]));
      this.#known = { version, nights };
    }
    return this.#known.nights;
  }

  /**
   * Looks at nights with file events alone.
   *
   * @param changed Raw folders.
   * @param signal Ends the look when aborted.
   */
  async lookAtChanged(changed: ReadonlySet<string>, signal: AbortSignal): Promise<void> {
    for (const path of changed) {
      const folder = basename(path);
      const name = this.#names.parse(folder);
      if (!name || !isFolder(path)) continue;
      const night = { ...name, folder, path, unit: basename(dirname(path)) };
      const known = this.#options.journal.nightAt(path);
      await this.#visit(night, known, { isChanged: true, isRecent: true, signal });
    }
  }

  async #visit(
    folder: NightFolder,
    known: Night | undefined,
    look: {
      readonly isChanged: boolean;
      readonly isRecent: boolean;
      readonly signal: AbortSignal;
    },
  ): Promise<void> {
    if (look.signal.aborted) return;
    const { journal, clock } = this.#options;
    const night = known ?? knowNight(journal, folder, clock.now());
    if (!this.#isDue(night, look.isRecent, look.isChanged)) return;
    try {
      await this.#lookAt(night, look.signal);
      this.#report(folder.path, undefined);
    } catch (error) { // one night that cannot be looked at keeps no other from being seen
      look.signal.throwIfAborted();
      const problem = `Cannot look at "${folder.path}": ${(error as Error).message}`;
      this.#report(folder.path, problem);
      if (night.state === "arriving") setWaitingFor(journal, night.id, problem);
    }
  }

  /** Files that came while an old night was worked on are not to be missed. */
  #endedLately(night: Night | undefined): boolean {
    return this.#options.clock.now() - (night?.finished ?? -Infinity) < ENDED_LATELY_MS;
  }

  #isDue(night: Night, isRecent: boolean, isChanged: boolean): boolean {
    const last = this.#follow.get(night.path)?.looked;
    switch (night.state) {
      case "arriving":
      case "vanished":
        return true;
      case "ready":
      case "retry":
        return !night.running;
      default: {
        if (!isRecent || night.running) return false;
        const { clock, settings } = this.#options;
        return isChanged || last === undefined || clock.mono() - last >= settings.recheckS * 1000;
      }
    }
  }

  async #lookAt(night: Night, signal: AbortSignal): Promise<void> {
    const { journal, clock } = this.#options;
    const content = readFolder(night.path);
    if (!content) return this.#missed(night);
    const follow = this.#followed(night.path, content.signature);
    if (needsArrival(night, content) || night.signature !== content.signature) {
      night = observeFolder(journal, night.id, content, clock.now());
    }
    if (night.state === "arriving") await this.#judge(night, content, { follow, signal });
    else if (night.state === "done") this.#whole.forget(night.path);
  }

  #followed(path: string, signature: string): Follow {
    const now = this.#options.clock.mono();
    let follow = this.#follow.get(path);
    if (!follow) this.#follow.set(path, follow = { signature, since: now, looked: now });
    if (follow.signature !== signature) follow.since = now;
    follow.signature = signature;
    follow.looked = now;
    return follow;
  }

  async #judge(
    night: Night,
    content: FolderContent,
    { follow, signal }: { readonly follow: Follow; readonly signal: AbortSignal },
  ): Promise<void> {
    const { journal, settings, clock, log } = this.#options;
    const wait = (reason: string) => setWaitingFor(journal, night.id, reason);
    const stillMs = this.#stillMs(night, follow);
    if (!hasFrames(content)) return wait("no FITS file yet");
    if (stillMs < settings.graceS * 1000) {
      return wait(`files may still come: no change for ${settings.graceS} s is wanted`);
    }
    const broken = await this.#whole.findBroken(content, signal);
    if (broken.length > 0 && stillMs < settings.brokenGraceS * 1000) {
      const { path, reason } = broken[0]!;
      return wait(`${broken.length} files are not whole, such as ${basename(path)}: ${reason}`);
    }
    const incomplete = broken.map(({ path }) => basename(path));
    if (!makeReady(journal, night, { now: clock.now(), incomplete })) return;
    log.info("{unit} {folder}: complete, {files} files", { ...night, files: content.files });
  }

  /** How long nothing has changed; never more than both clocks allow. */
  #stillMs(night: Night, follow: Follow): number {
    const { clock, once } = this.#options;
    const seen = clock.mono() - follow.since;
    if (!once || night.stillSince === null) return seen;
    return Math.max(seen, clock.now() - night.stillSince);
  }

  #missed(night: Night): void {
    const { journal, clock } = this.#options;
    if (night.state === "vanished" || isThere(night.path)) return;
    this.#follow.delete(night.path);
    this.#whole.forget(night.path);
    markVanished(journal, night, clock.now());
  }

  /** Says once that a unit or a night cannot be read, and once that it can again. */
  #report(name: string, problem: string | undefined, level: "debug" | "warn" = "warn"): void {
    const old = this.#problems.get(name);
    if (problem === old) return;
    if (problem !== undefined) {
      this.#problems.set(name, problem);
      this.#options.log[level]("{problem}", { problem });
    } else {
      this.#problems.delete(name);
      this.#options.log.info("{name}: can be read again", { name });
    }
  }
}

function isFolder(path: string): boolean {
  try {
    return Deno.statSync(path).isDirectory;
  } catch {
    return false;
  }
}

/** True also when nobody can tell: a network file system that is away has not lost a night. */
function isThere(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch (error) {
    return !(error instanceof Deno.errors.NotFound);
  }
}
