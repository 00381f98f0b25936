/**
 * What the watcher does besides: the CSV log, the notices, the metrics, the daily account.
 *
 * @module
 */

import { join } from "node:path";
import type { Logger } from "@logtape/logtape";
import type { Site } from "../config/site.ts";
import type { Clock } from "./clock.ts";
import { digestDay, sendDigest } from "./digest.ts";
import { forwardNotices } from "./forward_notices.ts";
import type { Journal } from "./journal.ts";
import { journalMetrics, momentMetrics, writeMetrics } from "./metrics.ts";
import { appendNightLog } from "./night_log.ts";
import { addNotice } from "./notices.ts";
import type { Notifier } from "./notify.ts";
import { lastReconciliation, reconcile } from "./reconcile.ts";
import { findShortage, measureResources, type Resources } from "./resources.ts";
import type { WatchSettings } from "./settings.ts";

/** What housekeeping works with. */
export interface HousekeepingOptions {
  readonly journal: Journal;
  readonly settings: WatchSettings;
  readonly site: Site;
  readonly units: readonly string[];
  readonly clock: Clock;
  readonly log: Logger;
  readonly notifier: Notifier;
}

const METRICS_MS = 15_000;
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** Under this name the journal keeps why nothing is begun. */
const PAUSED = "paused";

/** The daily and the small work of a watcher. */
export class Housekeeping {
  readonly #options: HousekeepingOptions;
  #metricsAt = -Infinity;
  #reconciledAt: number | undefined;
  #problem = "";
  #sums = { version: "", text: "" };
  #digestDay = "";

  /** @param options Journal, site and clock. */
  constructor(options: HousekeepingOptions) {
    this.#options = options;
  }

  /** Does what is due. */
  tidy(): void {
    this.#writeLogs();
    // With nothing in the queue nobody else asks whether there is room again.
    if (this.#options.journal.fact(PAUSED)) this.hasRoom();
    forwardNotices(this.#options.journal, this.#options.notifier, this.#options.clock.now());
    this.#reconcileDaily();
    void this.#sendDigest();
    this.writeMetrics(false);
  }

  /** Once a day; the outbox knows whether it was sent, whoever watches. */
  async #sendDigest(): Promise<void> {
    const { settings, clock, site, notifier, log } = this.#options;
    if (settings.digestHourUtc === null || !notifier.active) return;
    const day = digestDay(settings.digestHourUtc, clock.now());
    if (day === this.#digestDay) return;
    this.#digestDay = day;
    try {
      await sendDigest(site, notifier, clock.now(), day);
    } catch (error) {
      log.warn("Cannot make the digest: {reason}", { reason: (error as Error).message });
    }
  }

  /** Free memory and disk at this moment. */
  measure(): Resources {
    const { base, work, processed } = this.#options.site.paths;
    return measureResources([base, work, processed]);
  }

  /**
   * Whether there is enough memory and disk to begin a stage; a shortage, and its end, make one notice each.
   *
   * @param begun Stages that have just begun, whose memory is not taken yet.
   */
  hasRoom(begun = 0): boolean {
    const { journal, settings, clock, log } = this.#options;
    const resources = this.measure();
    const shortage = findShortage(resources, settings);
    const paused = journal.fact(PAUSED) ?? "";
    if (shortage === undefined && paused === "") {
      return findShortage(resources, settings, begun) === undefined;
    }
    const kind = shortage?.split(":")[0] ?? "";
    if (paused === kind) return false;
    journal.transaction(() => {
      if ((journal.fact(PAUSED) ?? "") !== paused) return; // another watcher was faster
      journal.setFact(PAUSED, kind);
      const message = shortage ?? `enough ${paused} again`;
      addNotice(journal, { kind: shortage ? "paused" : "resumed", body: { message } }, clock.now());
    });
    if (shortage === undefined) log.info("Enough {paused} again: going on", { paused });
    else log.warn("Paused: {shortage}", { shortage });
    return shortage === undefined;
  }

  /** The metrics of this moment. */
  metrics(): string {
    const { journal, clock } = this.#options;
    const version = journal.version();
    if (this.#sums.version !== version) this.#sums = { version, text: journalMetrics(journal) };
    return momentMetrics(this.measure(), clock.now()) + this.#sums.text;
  }

  /**
   * Writes the metrics.
   *
   * @param now Also when they are not due.
   */
  writeMetrics(now: boolean): void {
    const { settings, clock, site, log } = this.#options;
    if (!now && clock.mono() - this.#metricsAt < METRICS_MS) return;
    this.#metricsAt = clock.mono();
    const path = settings.metrics ?? join(site.paths.base, "journal", "gppy.prom");
    try {
      writeMetrics(path, this.metrics());
      this.#problem = "";
    } catch (error) {
      const reason = (error as Error).message;
      if (reason !== this.#problem) log.warn("Cannot write {path}: {reason}", { path, reason });
      this.#problem = reason;
    }
  }

  #writeLogs(): void {
    const { journal, site, log } = this.#options;
    const due = "SELECT id, unit, date, started, first_seen, finished, log_due FROM nights " +
      "WHERE log_due IS NOT NULL";
    if (!journal.get(due)) return;
    journal.transaction(() => { // one watcher at a time, and the line once
      for (const row of journal.all(due)) {
        const night = { unit: String(row["unit"]), date: String(row["date"]) };
        const started = new Date(Number(row["started"] ?? row["first_seen"]));
        const ended = new Date(Number(row["finished"]));
        const done = appendNightLog(site, night, started, String(row["log_due"]), log, ended);
        if (done) journal.run("UPDATE nights SET log_due = NULL WHERE id = ?", Number(row["id"]));
      }
    });
  }

  #reconcileDaily(): void {
    const { journal, settings, units, clock, log } = this.#options;
    if (settings.reconcileNights === 0) return;
    const at = this.#reconciledAt ??= this.#lastDay();
    if (clock.mono() - at < DAY_MS) return;
    const sums = reconcile(journal, { units, nights: settings.reconcileNights }, clock);
    // With nothing to account for it looks again in an hour.
    this.#reconciledAt = clock.mono() - (sums.nights === 0 ? DAY_MS - HOUR_MS : 0);
    if (sums.nights === 0) return;
    log.info(
      "Account of {nights} nights: {lights} lights, {used} used, {left} left with a reason, " +
        "{unaccounted} unaccounted",
      { ...sums },
    );
  }

  /** When the last account was made, by the monotonic clock; never later than now. */
  #lastDay(): number {
    const { journal, clock, units } = this.#options;
    const last = lastReconciliation(journal, units)?.at;
    if (last === undefined) return clock.mono() - DAY_MS;
    return clock.mono() - Math.min(DAY_MS, Math.max(0, clock.now() - last));
  }
}
