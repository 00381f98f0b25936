/**
 * The watcher: lets nights begin when they have arrived and takes them through the stages,
 * for months, with nobody looking.
 *
 * @module
 */

import type { Logger } from "@logtape/logtape";
import type { Site } from "../config/site.ts";
import { Arrivals } from "./arrivals.ts";
import type { Clock } from "./clock.ts";
import { Crew } from "./crew.ts";
import type { Executor } from "./executor.ts";
import { FileEvents } from "./file_events.ts";
import { Housekeeping } from "./housekeeping.ts";
import type { Journal } from "./journal.ts";
import { LeaseWatch } from "./leases.ts";
import { serveMetrics } from "./metrics_server.ts";
import type { Notifier } from "./notify.ts";
import { Retries } from "./retries.ts";
import type { WatchSettings } from "./settings.ts";
import { notifySystemd, watchdogMs } from "./systemd.ts";
import { parkLost } from "./failed_tasks.ts";
import { queue, takeTask, type TaskFilter } from "./tasks.ts";

/** What a watcher works with. */
export interface WatcherOptions {
  readonly journal: Journal;
  readonly settings: WatchSettings;
  readonly site: Site;
  /** Codes of the telescopes. */
  readonly units: readonly string[];
  /** Names of the steps, `ingest` first. */
  readonly steps: readonly string[];
  readonly executor: Executor;
  readonly clock: Clock;
  readonly log: Logger;
  readonly notifier: Notifier;
  /** Aborted by the first SIGTERM: no new stage begins, running ones may end. */
  readonly stop: AbortSignal;
  /** Aborted by the second: running stages are interrupted. */
  readonly hurry: AbortSignal;
  /** Ends when there is nothing to do at the moment: for cron. */
  readonly once: boolean;
}

/** How often the journal is looked at for what others have changed, in milliseconds. */
const TICK_MS = 5000;
/** File events wake the watcher at most so often, in milliseconds. */
const EVENT_GAP_MS = 1000;
/** By then a stage has taken most of its memory, in milliseconds. */
const SETTLE_MS = 30_000;
/** The watcher counts as hanging when its loop has not come round for so long, in milliseconds. */
const LOOP_LIMIT_MS = 15 * 60_000;

/**
 * Watches until it is stopped, or until nothing is to be done.
 *
 * @param options Journal, site, executor and clock.
 */
export async function watch(options: WatcherOptions): Promise<void> {
  using watcher = new Watcher(options);
  await watcher.run();
}

class Watcher implements Disposable {
  readonly #options: WatcherOptions;
  readonly #arrivals: Arrivals;
  readonly #crew: Crew;
  readonly #events: FileEvents;
  readonly #housekeeping: Housekeeping;
  readonly #leases: LeaseWatch;
  readonly #retries: Retries;
  readonly #over = new AbortController();
  readonly #server: Disposable | undefined;
  #waker = new AbortController();
  #nextLook = -Infinity;
  #lastLoop: number;

  constructor(options: WatcherOptions) {
    const { journal, settings, clock, site } = options;
    this.#options = options;
    const wake = () => this.#waker.abort();
    this.#arrivals = new Arrivals({ ...options, obsdata: site.paths.obsdata });
    this.#crew = new Crew({ ...options, steps: options.steps.length, ended: wake });
    this.#events = new FileEvents(site.paths.obsdata, wake, options.log);
    this.#housekeeping = new Housekeeping(options);
    this.#leases = new LeaseWatch(clock, settings.leaseS * 1000);
    this.#retries = new Retries(journal, clock);
    this.#lastLoop = clock.mono();
    this.#server = settings.metricsPort === null ? undefined : serveMetrics(settings.metricsPort, {
      metrics: () => this.#housekeeping.metrics(),
      trouble: () => this.#trouble(),
    }, options.log);
    options.stop.addEventListener("abort", wake, { once: true });
  }

  async run(): Promise<void> {
    const { stop, once } = this.#options;
    this.#beat();
    await notifySystemd("READY=1");
    while (!stop.aborted) {
      this.#waker = new AbortController();
      if (stop.aborted) break;
      const idle = await this.#round();
      if (once && idle) break;
      await this.#pause();
    }
    await notifySystemd("STOPPING=1");
    await this.#drain();
    this.#safely("finish", () => this.#housekeeping.tidy());
    this.#safely("write the metrics", () => this.#housekeeping.writeMetrics(true));
  }

  [Symbol.dispose](): void {
    this.#over.abort();
    this.#events[Symbol.dispose]();
    this.#server?.[Symbol.dispose]();
  }

  /** Why this watcher is not well, if so. A pause for want of disk is no illness: it ends by itself. */
  #trouble(): string | undefined {
    const idleMs = this.#options.clock.mono() - this.#lastLoop;
    if (idleMs <= LOOP_LIMIT_MS) return undefined;
    return `the watcher has not come round for ${Math.round(idleMs / 1000)} s`;
  }

  get #filter(): TaskFilter {
    const { units, steps, settings } = this.#options;
    return { units, steps, order: settings.order };
  }

  /** One time round; whatever goes wrong is said, and tried again next time. */
  async #round(): Promise<boolean> {
    const { journal, clock, settings, stop } = this.#options;
    this.#lastLoop = clock.mono();
    this.#safely("end dead leases", () => {
      this.#leases.endDead(journal);
      parkLost(journal, clock.now(), settings.lostLimit);
    });
    if (clock.mono() >= this.#nextLook || this.#events.waiting) {
      await this.#safelyAsync("look for nights", () => this.#look(stop));
    }
    this.#safely("release retries", () => this.#retries.release());
    const begun = this.#safely("begin a stage", () => this.#fill()) ?? true;
    this.#safely("keep house", () => this.#housekeeping.tidy());
    return !begun && this.#crew.size === 0;
  }

  async #look(stop: AbortSignal): Promise<void> {
    const { clock, settings, units } = this.#options;
    const changed = this.#events.take();
    if (clock.mono() < this.#nextLook) return await this.#arrivals.lookAtChanged(changed, stop);
    this.#nextLook = clock.mono() + settings.pollS * 1000;
    if (settings.events) { for (const unit of units) this.#events.follow(unit); }
    await this.#arrivals.lookAtAll(changed, stop);
  }

  /** Begins as many tasks as may run at once. */
  #fill(): boolean {
    const { journal, settings, clock, stop } = this.#options;
    let begun = false;
    while (!stop.aborted && this.#crew.size < settings.concurrency) {
      if (queue(journal, this.#filter).length === 0) break;
      const begunLately = this.#crew.begunSince(clock.mono() - SETTLE_MS);
      if (!this.#housekeeping.hasRoom(begunLately)) break;
      const task = takeTask(journal, this.#filter, clock.now());
      if (!task) break;
      this.#crew.start(task);
      begun = true;
    }
    return begun;
  }

  /** Waits for the next tick, the end of a task or a file event. */
  async #pause(): Promise<void> {
    const { clock, settings, stop } = this.#options;
    await clock.sleep(Math.min(TICK_MS, settings.pollS * 1000), this.#waker.signal);
    if (this.#events.waiting) { // more will follow
      await clock.sleep(Math.min(EVENT_GAP_MS, settings.pollS * 1000), stop);
    }
  }

  /** Lets running stages end, for a while. */
  async #drain(): Promise<void> {
    const { clock, settings, hurry, log, stop } = this.#options;
    if (this.#crew.size > 0 && stop.aborted) {
      log.info("Stopping: {n} stages have {s} s to end", {
        n: this.#crew.size,
        s: settings.stopWaitS,
      });
    }
    const finished = this.#crew.finished();
    const patience = clock.sleep(settings.stopWaitS * 1000, hurry);
    await Promise.race([finished, patience]);
    this.#crew.interrupt();
    await finished;
  }

  /** Shows the journal and systemd that this watcher lives, while it does. */
  async #beat(): Promise<void> {
    const { clock, settings } = this.#options;
    const beatMs = settings.leaseS * 250;
    const dogMs = watchdogMs() ?? Infinity;
    let dogAt = clock.mono();
    while (!this.#over.signal.aborted) {
      await clock.sleep(Math.min(beatMs, dogMs), this.#over.signal);
      if (this.#over.signal.aborted) return;
      this.#safely("beat", () => this.#crew.beat());
      const stuck = !this.#options.stop.aborted && this.#trouble() !== undefined;
      if (clock.mono() < dogAt || stuck) continue;
      dogAt = clock.mono() + dogMs;
      await notifySystemd("WATCHDOG=1");
    }
  }

  #safely<Result>(what: string, work: () => Result): Result | undefined {
    try {
      return work();
    } catch (error) {
      this.#complain(what, error);
      return undefined;
    }
  }

  async #safelyAsync(what: string, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (!this.#options.stop.aborted) this.#complain(what, error);
    }
  }

  #complain(what: string, error: unknown): void {
    const reason = error instanceof Error ? error.message : String(error);
    this.#options.log.error("Cannot {what}: {reason}", { what, reason });
  }
}
