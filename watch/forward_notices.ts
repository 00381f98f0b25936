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
  let taken = 0;
  for (const { id, kind, body } of unsentNotices(journal)) {
    // In order: what the outbox cannot keep now is tried again before what came after it.
    if (notifier.tell(kind, body, `journal/${id}`) === undefined) break;
    journal.run("UPDATE notices SET sent = ? WHERE id = ? AND sent IS NULL", Math.round(now), id);
    taken++;
  }
  return taken;
}
