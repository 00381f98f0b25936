/**
 * Progress: a bar on a terminal, a plain line now and then elsewhere.
 *
 * @module
 */

import process from "node:process";
import cliProgress from "cli-progress";
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
export function makeProgress(
  options: {
    readonly bar: boolean;
    readonly quiet: boolean;
    readonly write: (text: string) => void;
  },
): ProgressDisplay {
  if (options.quiet) return { start: () => () => {}, line: options.write, stop: () => {} };
  return options.bar ? makeBar(options.write) : makePlain(options.write);
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

function makeBar(write: (text: string) => void): ProgressDisplay {
  let bars: cliProgress.MultiBar | undefined;
  const stop = (): void => {
    bars?.stop();
    bars = undefined;
  };
  return {
    start(title) {
      stop();
      let bar: cliProgress.SingleBar | undefined;
      return (done, total, what) => {
        bars ??= new cliProgress.MultiBar({
          stream: process.stderr,
          format: "{title} {bar} {value}/{total} {what}",
          barsize: 24,
          hideCursor: true,
          clearOnComplete: true,
          stopOnComplete: false,
          fps: 8,
        }, cliProgress.Presets.rect);
        bar ??= bars.create(total, done, { title: title.padEnd(8), what });
        bar.setTotal(total);
        bar.update(done, { what: what.slice(0, 40) });
      };
    },
    line(text) {
      if (bars) bars.log(text + "\n");
      else write(text);
    },
    stop,
  };
}
