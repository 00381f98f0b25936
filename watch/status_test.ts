/** What programs read: the form of `gppy status --json` and `gppy history --json` is pinned here. */

import assert from "node:assert/strict";
import { World } from "./_watch_world.ts";
import { realClock } from "./clock.ts";
import { knowNight } from "./nights.ts";
import { reconcile } from "./reconcile.ts";
import { readHistory, readStatus } from "./status.ts";
import { takeTask } from "./tasks.ts";

/** Names and types of all that an object holds; of a list, of its first entry. */
function formOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.slice(0, 1).map(formOf);
  if (value === null || typeof value !== "object") return value === null ? null : typeof value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, formOf(each)]));
}

const NIGHT = {
  id: "number",
  unit: "string",
  date: "string",
  folder: "string",
  path: "string",
  priority: "number",
  state: "string",
  run: "number",
  step: "number",
  attempts: "number",
  lost: "number",
  notBefore: null,
  waitMs: "number",
  signature: "string",
  stillSince: null,
  runSignature: null,
  files: "number",
  bytes: "number",
  waitingFor: null,
  leftBehind: "number",
  errorClass: null,
  error: null,
  firstSeen: "number",
  started: null,
  finished: null,
  logDue: null,
  running: "boolean",
};

Deno.test("the JSON of status and history has the form of version 1", async () => {
  await using world = await World.make();
  using journal = world.journal();
  for (const [unit, folder] of [["7DT01", "a"], ["7DT02", "b"]] as const) {
    const path = world.night(unit, folder);
    knowNight(journal, { unit, date: "2024-04-23", folder, path, priority: 0 }, 1);
  }
  journal.run("UPDATE nights SET state = 'done' WHERE id = 1");
  reconcile(journal, { units: ["7DT01"], nights: 1 }, realClock);
  journal.run("UPDATE nights SET state = 'ready' WHERE id = 2");
  const filter = { units: ["7DT02"], steps: ["ingest"], order: "oldest" } as const;
  assert.ok(takeTask(journal, filter, 5));
  const status = JSON.parse(JSON.stringify(readStatus(journal, { units: [], doneShown: 1 })));
  assert.equal(status.gppyStatus, 1);
  assert.deepEqual(formOf(status), {
    gppyStatus: "number",
    journal: "string",
    counts: { done: "number", ready: "number" },
    running: [{
      unit: "string",
      folder: "string",
      stage: "string",
      since: "number",
      host: "string",
      pid: "number",
      alive: "boolean",
    }],
    nights: [NIGHT],
    paused: null,
    noticesWaiting: "number",
    reconciliation: {
      at: "number",
      nights: "number",
      lights: "number",
      used: "number",
      left: "number",
      unaccounted: "number",
    },
  });
  const history = readHistory(journal, { nights: undefined, limit: 9 });
  assert.deepEqual(formOf(JSON.parse(JSON.stringify(history))), [{
    unit: "string",
    folder: "string",
    run: "number",
    stage: "string",
    attempt: "number",
    started: "number",
    elapsedS: null,
    outcome: null,
    leftBehind: null,
    error: null,
    manifest: null,
  }]);
});
