/**
 * What the failure of a task means for its night: another try after a wait, a new beginning, or the
 * end with one notice.
 *
 * @module
 */

import { classify, LOST_LIMIT, retryWaitMs, type StepError } from "./failures.ts";
import { type Journal, type Night, SELECT_NIGHTS, toNight } from "./journal.ts";
import { holdsLease, releaseLease } from "./leases.ts";
import { addNotice, type NoticeBody } from "./notices.ts";
import { closeRow, nameOf, runKey, type Task } from "./tasks.ts";

/** How often a run begins again because its work folder lost something. */
const RESTARTS = 3;

/**
 * Records that a step failed: it is tried again after a wait, or the night is parked with one notice.
 *
 * @param journal The journal.
 * @param task The task.
 * @param error Why.
 * @param end The time and how long it took.
 * @returns The night afterwards, or undefined when the lease had been taken away.
 */
export function failTask(
  journal: Journal,
  task: Task,
  error: StepError,
  end: { readonly now: number; readonly elapsedS: number },
): Night | undefined {
  return journal.transaction(() => {
    if (!holdsLease(journal, task.lease)) return undefined;
    closeRow(journal, task, { ...end, outcome: "failed", error });
    releaseLease(journal, task.lease);
    const attempts = task.night.attempts + 1;
    const waitMs = retryWaitMs(classify(error), attempts);
    const { id } = task.night;
    if (journal.night(id)?.state === "parked") return journal.night(id); // by hand, meanwhile
    journal.run(
      "UPDATE nights SET attempts = ?, error_class = ?, error = ? WHERE id = ?",
      attempts,
      error.name,
      error.message,
      id,
    );
    if (waitMs === undefined) parkFailed(journal, task, error, end.now);
    else wait(journal, { task, error, waitMs, attempts, now: end.now });
    return journal.night(id);
  });
}

function wait(
  journal: Journal,
  next: { task: Task; error: StepError; waitMs: number; attempts: number; now: number },
): void {
  const { task, error, waitMs, attempts, now } = next;
  const changed = journal.run(
    "UPDATE nights SET state = 'retry', not_before = ?, wait_ms = ? " +
      "WHERE id = ? AND state = 'ready'",
    Math.round(now + waitMs),
    waitMs,
    task.night.id,
  );
  if (changed === 0) return; // begun anew by hand meanwhile
  const about = { ...errorFacts(task, error), attempts, retryInS: waitMs / 1000 };
  addNotice(journal, {
    kind: "failure",
    night: task.night.id,
    body: { ...nameOf(task.night), ...about },
    once: `failure ${runKey(task.night)} ${task.step} ${task.row}`,
  }, now);
}

/** Parks the night of a task that failed for good, with one notice. */
function parkFailed(journal: Journal, task: Task, error: StepError, now: number): void {
  journal.run(
    "UPDATE nights SET state = 'parked', not_before = NULL, log_due = ?, finished = ? WHERE id = ?",
    `parked after ${task.name}: ${error.message}`,
    Math.round(now),
    task.night.id,
  );
  addNotice(journal, {
    kind: "parked",
    night: task.night.id,
    body: { ...nameOf(task.night), ...errorFacts(task, error), attempts: task.night.attempts + 1 },
    once: `parked ${runKey(task.night)} ${task.row}`,
  }, now);
}

/**
 * Parks nights whose step took its watcher down with it too often.
 *
 * @param journal The journal.
 * @param now Milliseconds of UTC since 1970.
 * @param limit How often is too often.
 */
export function parkLost(journal: Journal, now: number, limit: number = LOST_LIMIT): void {
  const rows = journal.all(
    `${SELECT_NIGHTS} WHERE n.state = 'ready' AND n.lost >= ? ` +
      "AND NOT EXISTS (SELECT 1 FROM leases l WHERE l.night = n.id)",
    limit,
  );
  for (const night of rows.map(toNight)) {
    journal.transaction(() => {
      const message = `${night.lost} tries of step ${night.step} ended with a killed watcher`;
      const changed = journal.run(
        "UPDATE nights SET state = 'parked', error_class = 'lost', error = ?, log_due = ?, " +
          "finished = ? WHERE id = ? AND state = 'ready' AND lost >= ? " +
          "AND NOT EXISTS (SELECT 1 FROM leases WHERE night = id)",
        message,
        `parked: ${message}`,
        Math.round(now),
        night.id,
        limit,
      );
      if (changed === 0) return; // another watcher was faster
      const body = { ...nameOf(night), errorClass: "lost", message, attempts: night.lost };
      const once = `parked ${runKey(night)} lost ${night.step}`;
      addNotice(journal, { kind: "parked", night: night.id, body, once }, now);
    });
  }
}

/**
 * Begins a run again from its frames: what a later step needs is gone from the work folder.
 *
 * @param journal The journal.
 * @param task The task that found nothing to start from.
 * @param error What it said.
 * @param end The time and how long it took.
 * @returns False when that happened too often in this run; the task has then to fail.
 */
export function restartRun(
  journal: Journal,
  task: Task,
  error: StepError,
  end: { readonly now: number; readonly elapsedS: number },
): boolean {
  return journal.transaction(() => {
    if (!holdsLease(journal, task.lease)) return true;
    const row = journal.get(
      "SELECT count(*) AS n FROM stages WHERE night = ? AND run = ? AND outcome = 'restarted'",
      task.night.id,
      task.night.run,
    );
    if (Number(row?.["n"]) >= RESTARTS) return false;
    closeRow(journal, task, { ...end, outcome: "restarted", error });
    journal.run("UPDATE nights SET step = 0 WHERE id = ? AND state = 'ready'", task.night.id);
    return releaseLease(journal, task.lease);
  });
}

function errorFacts(task: Task, error: StepError): NoticeBody {
  return {
    stage: task.name,
    errorClass: error.name,
    message: error.message,
    ...(error.frame === undefined ? {} : { frames: [error.frame] }),
  };
}
