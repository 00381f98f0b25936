/**
 * Progress: a bar on a terminal, a plain line now and then elsewhere.
 *
 * @module
 */

import type { Progress } from "../stages/stage.ts";

/** Shows progress and lets log lines pass above it. */
export interface ProgressDisplay {
  /** Begins a new row; returns the function to report to. */
  start(title: string): Progress;
  /** Writes a line without breaking the bar. */
  line(text: string): void;
  /** Removes the bar. */
  stop(): void;
}

const PLAIN_INTERVAL_MS = 10_000;

/**
 * Chooses how to show progress.
 *
 * @param options `bar` for a terminal that may be drawn on; `write` takes one line.
 * @returns The display.
 */
export async function makeProgress(
  options: {
    readonly bar: boolean;
    readonly quiet: boolean;
    readonly write: (text: string) => void;
  },
): Promise<ProgressDisplay> {
  if (options.quiet) return { start: () => () => {}, line: options.write, stop: () => {} };
  if (!options.bar) return makePlain(options.write);
  return (await import("./progress_bar.ts")).makeBar(options.write);
}

function makePlain(write: (text: string) => void): ProgressDisplay {
  return {
    start(title) {
      let last = Date.now();
      return (done, total, what) => {
        if (Date.now() - last < PLAIN_INTERVAL_MS) return;
        last = Date.now();
        write(`${title}: ${done}/${total} ${what}`);
      };
    },
    line: write,
    stop() {},
  };
}
