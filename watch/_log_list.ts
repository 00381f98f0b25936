/**
 * Keeps what is logged in a list, for tests.
 *
 * @module
 */

import { configure, type LogRecord, reset } from "@logtape/logtape";

/** Runs a test and gives it all that is logged. */
export async function withLog(test: (records: LogRecord[]) => Promise<void>): Promise<void> {
  const records: LogRecord[] = [];
  await configure({
    reset: true,
    sinks: { list: (record) => void records.push(record) },
    loggers: [
      { category: ["gppy"], lowestLevel: "debug", sinks: ["list"] },
      { category: ["logtape", "meta"], lowestLevel: "error", sinks: ["list"] },
    ],
  });
  try {
    await test(records);
  } finally {
    await reset();
  }
}

/** Level and message of each record. */
export function logged(records: readonly LogRecord[]): string[] {
  return records.map((record) => `${record.level}: ${record.message.map(String).join("")}`);
}
