/**
 * Tasks: one step of one night, taken under a lease, and what its end means for the night.
 *
 * @module
 */

import type { StepError } from "./failures.ts";
import { type FrameAccount, writeFrames } from "./frame_account.ts";
import { type Journal, type Night, SELECT_NIGHTS, toNight } from "./journal.ts";
import { holdsLease, type Lease, releaseLease, takeLease } from "./leases.ts";
import { addNotice, type NoticeBody } from "./notices.ts";

/** One step of one night, under a lease. */
export interface Task {
  readonly night: Night;
  readonly lease: Lease;
  /** 0 reads the frames, 1 is the first stage. */
  readonly step: number;
  /** `ingest`, or the stage. */
  readonly name: string;
  /** Row of the table of stages. */
  readonly row: number;
}

/** What a step that went well tells. */
export interface StepResult {
  /** False when the same had been done before. */
  readonly ran: boolean;
  /** The manifest on disk. */
  readonly manifest: string;
  /** How much is left behind by now. */
  readonly leftBehind: number;
  /** Of the last step: every raw frame and what became of it. */
  readonly frames?: readonly FrameAccount[] | undefined;
  /** Of the last step: what the notice says. */
  readonly summary?: NoticeBody | undefined;
}

/** Which nights a watcher takes. */
export interface TaskFilter {
  /** Codes of the telescopes. */
  readonly units: readonly string[];
  /** Names of the steps, `ingest` first. */
  readonly steps: readonly string[];
  /** Which of two equal nights goes first. */
  readonly order: "oldest" | "newest";
}

/**
 * Takes the next task: targets of opportunity first, then nights that have begun, then by date.
 *
 * @param journal The journal.
 * @param filter Which nights may be taken.
 * @param now Milliseconds of UTC since 1970.
 * @returns The task, or undefined when there is none.
 */
export function takeTask(journal: Journal, filter: TaskFilter, now: number): Task | undefined {
  return journal.transaction(() => {
    const night = queue(journal, filter)[0];
    if (!night) return undefined;
    const lease = takeLease(journal, night.id, now);
    if (!lease) return undefined;
    const name = filter.steps[night.step] ?? "?";
    const row = journal.get(
      "INSERT INTO stages (night, run, step, name, attempt, holder, started) " +
        "VALUES (?, ?, ?, ?, ?, ?, ?) RETURNING id",
      night.id,
      night.run,
      night.step,
      name,
      night.attempts + night.lost + 1,
      lease.token,
      Math.round(now),
    );
    if (night.step === 0 && night.started === null) begin(journal, night, now);
    return { night, lease, step: night.step, name, row: Number(row?.["id"]) };
  });
}

/**
 * The nights whose next step may be taken, in order.
 *
 * @param journal The journal.
 * @param filter Which nights may be taken.
 * @returns Nights that are ready and under no lease.
 */
export function queue(journal: Journal, filter: TaskFilter): Night[] {
  const marks = filter.units.map(() => "?").join(", ");
  const direction = filter.order === "oldest" ? "ASC" : "DESC";
  return journal.all(
    `${SELECT_NIGHTS} WHERE n.state = 'ready' AND n.unit IN (${marks}) ` +
      "AND NOT EXISTS (SELECT 1 FROM leases l WHERE l.night = n.id) ORDER BY n.priority DESC, " +
      `n.step > 0 DESC, n.date ${direction}, n.unit, n.folder`,
    ...filter.units,
  ).map(toNight);
}

function begin(journal: Journal, night: Night, now: number): void {
  journal.run("UPDATE nights SET started = ? WHERE id = ?", Math.round(now), night.id);
  addNotice(journal, {
    kind: "start",
    night: night.id,
    body: { ...nameOf(night), counts: { files: night.files } },
    once: `start ${runKey(night)}`,
  }, now);
}

/**
 * Records that a step went well; after the last one the night is done.
 *
 * @param journal The journal.
 * @param task The task.
 * @param result What came of it.
 * @param end `steps` in all, the time and how long it took.
 * @returns False when the lease had been taken away; nothing is recorded then.
 */
export function finishTask(
  journal: Journal,
  task: Task,
  result: StepResult,
  end: { readonly steps: number; readonly now: number; readonly elapsedS: number },
): boolean {
  return journal.transaction(() => {
    if (!holdsLease(journal, task.lease)) return false;
    closeRow(journal, task, { ...end, outcome: result.ran ? "done" : "skipped", result });
    const last = task.step + 1 >= end.steps;
    const { id } = task.night;
    journal.run(
      "UPDATE nights SET step = step + 1, attempts = 0, lost = 0, left_behind = ?, " +
        "error_class = NULL, error = NULL WHERE id = ? AND state <> 'parked'",
      result.leftBehind,
      id,
    );
    if (last) complete(journal, task, result, end);
    return releaseLease(journal, task.lease);
  });
}

function complete(
  journal: Journal,
  task: Task,
  result: StepResult,
  end: { readonly now: number },
): void {
  const state = result.leftBehind > 0 ? "partial" : "done";
  const note = task.night.run > 1 ? `${state} (addendum ${task.night.run - 1})` : state;
  journal.run(
    "UPDATE nights SET state = ?, finished = ?, log_due = ? WHERE id = ?",
    state,
    Math.round(end.now),
    note,
    task.night.id,
  );
  writeFrames(journal, task.night.id, result.frames ?? []);
  const elapsedS = Math.max(0, (end.now - (task.night.started ?? end.now)) / 1000);
  addNotice(journal, {
    kind: "finish",
    night: task.night.id,
    body: {
      ...nameOf(task.night),
      elapsedS,
      stages: stageTimes(journal, task.night),
      ...result.summary,
    },
    once: `finish ${runKey(task.night)}`,
  }, end.now);
}

function stageTimes(journal: Journal, night: Night): { stage: string; s: number }[] {
  return journal.all(
    "SELECT name, elapsed_s FROM stages WHERE night = ? AND run = ? AND outcome = 'done' ORDER BY id",
    night.id,
    night.run,
  ).map((row) => ({ stage: String(row["name"]), s: Number(row["elapsed_s"]) }));
}

/**
 * Records that a step was interrupted; that is no failure, and the night stays in the queue.
 *
 * @param journal The journal.
 * @param task The task.
 * @param end The time and how long it took.
 */
export function interruptTask(
  journal: Journal,
  task: Task,
  end: { readonly now: number; readonly elapsedS: number },
): void {
  journal.transaction(() => {
    if (!holdsLease(journal, task.lease)) return;
    closeRow(journal, task, { ...end, outcome: "interrupted" });
    releaseLease(journal, task.lease);
  });
}

/** Records how a try ended. */
export function closeRow(
  journal: Journal,
  task: Task,
  end: {
    readonly now: number;
    readonly elapsedS: number;
    readonly outcome: string;
    readonly result?: StepResult;
    readonly error?: StepError;
  },
): void {
  journal.run(
    "UPDATE stages SET ended = ?, elapsed_s = ?, outcome = ?, left_behind = ?, manifest = ?, " +
      "error_class = ?, error = ? WHERE id = ?",
    Math.round(end.now),
    end.elapsedS,
    end.outcome,
    end.result?.leftBehind ?? null,
    end.result?.manifest ?? null,
    end.error?.name ?? null,
    end.error?.message ?? null,
    task.row,
  );
}

/** What every notice about a night says. */
export function nameOf({ unit, date, folder, run }: Night): NoticeBody {
  return { unit, date, folder, run };
}

/** Names a run of a night for ever. */
export function runKey(night: Night): string {
  return `${night.path} ${night.firstSeen} run ${night.run}`;
}
