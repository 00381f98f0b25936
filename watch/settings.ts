/**
 * Settings of the watcher: one schema, from which come its flags, environment names and the
 * keys of section `[watch]` in `gppy.toml`.
 *
 * @module
 */

import * as z from "zod";

const seconds = { unit: "s" };

/** Settings of `gppy watch`. */
export const watchSchema = z.object({
  patterns: z.array(z.string().min(1)).min(1).default([
    "20??-??-??_gain2750",
    "20??-??-??_ToO_gain2750",
  ])
    .describe("Names of night folders below <obsdata>/<unit>; ? and * as in a shell"),
  tooPatterns: z.array(z.string().min(1)).default(["*_ToO_*"])
    .describe("Those of them that go first: targets of opportunity"),
  ignore: z.array(z.string().min(1)).default(["*test*", "*TEST*"])
    .describe("Names that are left alone although they fit"),
  since: z.string().regex(/^\d{4}-\d{2}-\d{2}$/, "not a date, YYYY-MM-DD").nullable().default(null)
    .describe("Leaves older nights alone"),
  order: z.enum(["oldest", "newest"]).default("oldest")
    .describe("Which night goes first when several wait"),
  graceS: z.number().nonnegative().default(600).meta(seconds)
    .describe("A night is complete when its files have not changed for so long"),
  brokenGraceS: z.number().nonnegative().default(7200).meta(seconds)
    .describe("For so long it waits for files that are not whole; then it goes on without them"),
  pollS: z.number().positive().default(60).meta(seconds)
    .describe("Looks for new nights and new files so often, besides file events"),
  recheckS: z.number().positive().default(900).meta(seconds)
    .describe("Looks for late files in nights that are done so often"),
  recheckNights: z.int().nonnegative().default(30)
    .describe("Looks for late files in so many last nights of a telescope"),
  events: z.boolean().default(true)
    .describe("Reacts to file events; network file systems have none"),
  concurrency: z.int().positive().default(1)
    .describe("Nights that are worked on at once"),
  gpuStages: z.int().nonnegative().default(1)
    .describe("Stages that may use the graphics device at once; the others compute on the CPU"),
  minFreeMemoryGb: z.number().nonnegative().default(2).meta({ unit: "GB" })
    .describe("Begins no stage with less free memory"),
  minFreeDiskGb: z.number().nonnegative().default(20).meta({ unit: "GB" })
    .describe("Begins no stage with less free disk where products are written"),
  stageLimitS: z.number().positive().default(21600).meta(seconds)
    .describe("Ends a stage that takes longer, with all programs it runs"),
  stopWaitS: z.number().nonnegative().default(60).meta(seconds)
    .describe("On SIGTERM running stages have so long to end by themselves"),
  leaseS: z.number().positive().default(120).meta(seconds)
    .describe("A watcher on another host that gives no sign of life for so long is taken as dead"),
  lostLimit: z.int().positive().default(20)
    .describe("Parks a night one of whose stages was cut off so often by the end of its watcher"),
  reconcileNights: z.int().nonnegative().default(14)
    .describe("Once a day accounts for every raw light of so many last nights of a telescope"),
  digestHourUtc: z.number().min(0).max(24).nullable().default(14).meta({ unit: "h" })
    .describe("Sends the morning digest at this hour of UTC, or when it is first up after it"),
  metrics: z.string().nullable().default(null)
    .describe("File of metrics for Prometheus; <base>/journal/gppy.prom if not set"),
  metricsPort: z.int().min(0).max(65535).nullable().default(null)
    .describe("Serves /metrics and /healthz at this port of 127.0.0.1 too; 0 takes any"),
  journal: z.string().nullable().default(null)
    .describe("The journal, on a local disk; <base>/journal/journal.sqlite if not set"),
});

/** Settings of `gppy watch`, checked. */
export type WatchSettings = z.output<typeof watchSchema>;

/** The settings as something that has parameters. */
export const WATCH_PARAMETERS = {
  name: "watch",
  summary: "Take nights through every stage as they arrive",
  params: watchSchema,
};
