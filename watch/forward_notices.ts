/**
 * Takes the events that the journal has recorded to the outbox, each once.
 *
 * @module
 */

import type { Journal } from "./journal.ts";
import { unsentNotices } from "./notices.ts";
import type { Notifier } from "./notify.ts";

/**
 * Forwards every event that nobody has taken. Cut off at any instant and repeated, it
 * forwards each once: the outbox knows an event by its key.
 *
 * @param journal Has the events.
 * @param notifier Has the outbox; without Slack the events count as taken.
 * @param now Milliseconds of UTC since 1970.
 * @returns How many events were taken.
 */
export function forwardNotices(journal: Journal, notifier: Notifier, now: number): number {
  const events = unsentNotices(journal);
  for (const { id, kind, body } of events) {
    notifier.tell(kind, body, `journal/${id}`);
    journal.run("UPDATE notices SET sent = ? WHERE id = ? AND sent IS NULL", Math.round(now), id);
  }
  return events.length;
}
