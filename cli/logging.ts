/**
 * Where log records go: lines for people or JSON lines for machines, on stderr.
 *
 * @module
 */

import { configure, jsonLinesFormatter, type LogLevel, type LogRecord } from "@logtape/logtape";
import { colorsFor } from "./colors.ts";

/** How to log. */
export interface LogSettings {
  readonly format: "text" | "json";
  readonly level: LogLevel;
  /** Takes one line without its newline. */
  readonly write: (line: string) => void;
}

/**
 * Sends all records of gppy to one writer.
 *
 * @param settings Form, lowest level and writer.
 */
export async function setUpLogging(settings: LogSettings): Promise<void> {
  const format = settings.format === "json"
    ? (record: LogRecord) => jsonLinesFormatter(record).trimEnd()
    : formatLine;
  await configure({
    reset: true,
    sinks: { stderr: (record) => settings.write(format(record)) },
    loggers: [
      { category: ["gppy"], lowestLevel: settings.level, sinks: ["stderr"] },
      { category: ["logtape", "meta"], lowestLevel: "warning", sinks: ["stderr"] },
    ],
  });
}

const { dim, green, yellow, red } = colorsFor(Deno.stderr);

const MARKS: Readonly<Record<LogLevel, string>> = {
  trace: dim("trace"),
  debug: dim("debug"),
  info: green("info "),
  warning: yellow("warn "),
  error: red("error"),
  fatal: red("fatal"),
};

function formatLine(record: LogRecord): string {
  const time = new Date(record.timestamp).toISOString().slice(11, 19);
  const text = record.message.map((part) => typeof part === "string" ? part : String(part)).join(
    "",
  );
  return `${dim(time)} ${MARKS[record.level]} ${text}`;
}
