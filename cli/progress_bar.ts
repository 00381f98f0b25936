/**
 * The bar of progress on a terminal.
 *
 * @module
 */

import process from "node:process";
import cliProgress from "cli-progress";
import type { ProgressDisplay } from "./progress.ts";

/**
 * Makes a display with a bar.
 *
 * @param write Takes one line while no bar is shown.
 * @returns The display.
 */
export function makeBar(write: (text: string) => void): ProgressDisplay {
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
