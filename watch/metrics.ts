/**
 * Metrics as a text file that Prometheus' node exporter picks up.
 *
 * @module
 */

import { dirname } from "node:path";
import type { Journal } from "./journal.ts";
import { lastReconciliation } from "./reconcile.ts";
import type { Resources } from "./resources.ts";

type Labels = Readonly<Record<string, string>>;
type Sample = readonly [labels: Labels, value: number];

/**
 * The metrics of this moment in the text form of Prometheus.
 *
 * @param resources Free memory and disk.
 * @param now Milliseconds of UTC since 1970.
 * @returns The text.
 */
export function momentMetrics(resources: Resources, now: number): string {
  return [
    metric("gppy_heartbeat_seconds", "gauge", "When the watcher wrote this, UTC", [[
      {},
      Math.round(now / 1000),
    ]]),
    metric(
      "gppy_disk_free_bytes",
      "gauge",
      "Free disk",
      [...resources.disk].map(([folder, free]): Sample => [{ folder }, free]),
    ),
    metric(
      "gppy_memory_free_bytes",
      "gauge",
      "Free memory",
      resources.memory === undefined ? [] : [[{}, resources.memory]],
    ),
  ].join("");
}

/**
 * The metrics of a journal in the text form of Prometheus; the same as long as the journal is.
 *
 * @param journal The journal.
 * @returns The text.
 */
export function journalMetrics(journal: Journal): string {
  const rows = (sql: string, ...labels: string[]): Sample[] =>
    journal.all(sql).map((row) => [
      Object.fromEntries(labels.map((name) => [name, String(row[name])])),
      Number(row["value"]),
    ]);
  const one = (sql: string): Sample[] => rows(sql);
  const reconciled = lastReconciliation(journal);
  return [
    metric(
      "gppy_nights",
      "gauge",
      "Nights by unit and state",
      rows(
        "SELECT unit, state, count(*) AS value FROM nights GROUP BY unit, state",
        "unit",
        "state",
      ),
    ),
    metric(
      "gppy_queue_length",
      "gauge",
      "Nights whose next stage may begin",
      one(
        "SELECT count(*) AS value FROM nights n WHERE state = 'ready' AND NOT EXISTS " +
          "(SELECT 1 FROM leases l WHERE l.night = n.id)",
      ),
    ),
    metric(
      "gppy_paused",
      "gauge",
      "1 while too little disk or memory keeps stages from beginning",
      [[{}, journal.fact("paused") ? 1 : 0]],
    ),
    metric(
      "gppy_running",
      "gauge",
      "Nights that are worked on",
      one("SELECT count(*) AS value FROM leases"),
    ),
    metric(
      "gppy_stage_seconds_total",
      "counter",
      "Time spent in stages",
      rows(
        "SELECT name AS stage, sum(elapsed_s) AS value FROM stages WHERE outcome = 'done' GROUP BY name",
        "stage",
      ),
    ),
    metric(
      "gppy_stage_tries_total",
      "counter",
      "Tries of stages by how they ended",
      rows(
        "SELECT name AS stage, outcome, count(*) AS value FROM stages WHERE outcome IS NOT NULL " +
          "GROUP BY name, outcome",
        "stage",
        "outcome",
      ),
    ),
    metric(
      "gppy_failures_total",
      "counter",
      "Failed tries by class of the error",
      rows(
        "SELECT name AS stage, error_class AS class, count(*) AS value FROM stages " +
          "WHERE outcome = 'failed' GROUP BY name, error_class",
        "stage",
        "class",
      ),
    ),
    metric(
      "gppy_frames",
      "gauge",
      "Raw frames by what became of them",
      rows("SELECT state, sum(n) AS value FROM frame_counts GROUP BY state", "state"),
    ),
    metric(
      "gppy_notices_waiting",
      "gauge",
      "Notices that nobody has taken yet",
      one("SELECT count(*) AS value FROM notices WHERE sent IS NULL"),
    ),
    metric(
      "gppy_lights_unaccounted",
      "gauge",
      "Raw lights without a product or a reason, at the last reconciliation",
      reconciled ? [[{}, reconciled.unaccounted]] : [],
    ),
  ].join("");
}

function metric(name: string, type: string, help: string, samples: readonly Sample[]): string {
  const lines = samples.map(([labels, value]) => {
    const text = Object.entries(labels).map(([key, label]) =>
      `${key}="${label.replace(/[\\"]/g, "\\$&").replaceAll("\n", "\\n")}"`
    ).join(",");
    return `${name}${text === "" ? "" : `{${text}}`} ${value}\n`;
  });
  return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${lines.join("")}`;
}

/**
 * Writes the metrics beside and renames, so that no reader sees half of them.
 *
 * @param path The file, ending in `.prom`.
 * @param text The metrics.
 */
export function writeMetrics(path: string, text: string): void {
  Deno.mkdirSync(dirname(path), { recursive: true });
  const part = `${path}.${Deno.pid}.part`;
  Deno.writeTextFileSync(part, text);
  Deno.renameSync(part, path);
}
