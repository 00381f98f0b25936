/**
 * The tasks that run at this moment: started, kept alive in the journal, and closed there.
 *
 * @module
 */

import type { Logger } from "@logtape/logtape";
import type { Clock } from "./clock.ts";
import { type Executor, nightName, type StepEnd } from "./executor.ts";
import type { Journal } from "./journal.ts";
import { beatLeases } from "./leases.ts";
import { failTask, restartRun } from "./failed_tasks.ts";
import { finishTask, interruptTask, type Task } from "./tasks.ts";
import { describeError } from "./worker.ts";

/** What a crew works with. */
export interface CrewOptions {
  readonly journal: Journal;
  readonly executor: Executor;
  readonly clock: Clock;
  readonly log: Logger;
  /** How many steps a run has. */
  readonly steps: number;
  /** Called when a task has ended. */
  readonly ended: () => void;
}

interface Running {
  readonly task: Task;
  readonly aborter: AbortController;
  readonly over: Promise<void>;
  /** Monotonic time of the start. */
  readonly since: number;
}

/** How long to wait before writing to a journal again that refused, in milliseconds. */
const PERSIST_MS = 5000;

/** The tasks that run at this moment. */
export class Crew {
  readonly #options: CrewOptions;
  readonly #running = new Map<string, Running>();

  /** @param options Journal, executor and clock. */
  constructor(options: CrewOptions) {
    this.#options = options;
  }

  /** How many tasks run. */
  get size(): number {
    return this.#running.size;
  }

  /** How many tasks have begun since a time of the monotonic clock. */
  begunSince(mono: number): number {
    return [...this.#running.values()].filter(({ since }) => since >= mono).length;
  }

  /**
   * Starts a task.
   *
   * @param task As taken from the journal.
   */
  start(task: Task): void {
    const aborter = new AbortController();
    const over = this.#work(task, aborter.signal).finally(() => {
      this.#running.delete(task.lease.token);
      this.#options.ended();
    });
    const since = this.#options.clock.mono();
    this.#running.set(task.lease.token, { task, aborter, over, since });
  }

  /** Shows the journal that the tasks are alive; ends those whose lease was taken away. */
  beat(): void {
    const leases = [...this.#running.values()].map(({ task }) => task.lease);
    if (leases.length === 0) return;
    for (const lost of beatLeases(this.#options.journal, leases)) {
      this.#options.log.warn("Another watcher has taken night {night} over", { night: lost.night });
      this.#running.get(lost.token)?.aborter.abort();
    }
  }

  /** Interrupts every task. */
  interrupt(): void {
    for (const { aborter } of this.#running.values()) aborter.abort();
  }

  /** Waits until no task runs. */
  async finished(): Promise<void> {
    await Promise.all([...this.#running.values()].map(({ over }) => over));
  }

  async #work(task: Task, signal: AbortSignal): Promise<void> {
    const { clock, log, executor } = this.#options;
    const { unit, folder } = task.night;
    const facts = { unit, folder, stage: task.name, night: nightName(task) };
    log.info("{unit} {folder}: {stage}", facts);
    const started = clock.mono();
    let end: StepEnd;
    try {
      end = await executor(task, signal);
    } catch (error) {
      end = { kind: "error", error: describeError(error), restart: false };
    }
    const elapsedS = (clock.mono() - started) / 1000;
    await this.#persist(() => this.#close(task, end, { now: clock.now(), elapsedS }));
    if (end.kind === "error") {
      log.error("{unit} {folder}: {stage} failed: {message}", {
        ...facts,
        message: end.error.message,
      });
      return;
    }
    log.info("{unit} {folder}: {stage} {end} after {s} s", {
      ...facts,
      end: end.kind === "result" ? "done" : end.kind,
      s: elapsedS.toFixed(1),
    });
  }

  #close(task: Task, end: StepEnd, times: { now: number; elapsedS: number }): void {
    const { journal, steps } = this.#options;
    if (end.kind === "result") finishTask(journal, task, end.result, { ...times, steps });
    else if (end.kind === "interrupted") interruptTask(journal, task, times);
    else if (!end.restart || !restartRun(journal, task, end.error, times)) {
      failTask(journal, task, end.error, times);
    }
  }

  /** A journal on a full disk takes it later; meanwhile the lease is held. */
  async #persist(write: () => void): Promise<void> {
    const { clock, log } = this.#options;
    for (let tries = 1;; tries++) {
      try {
        return write();
      } catch (error) {
        log.error("Cannot write to the journal: {reason}", { reason: (error as Error).message });
        if (tries >= 1000) throw error;
        await clock.sleep(PERSIST_MS, new AbortController().signal);
      }
    }
  }
}
