/**
 * File events below the folders of telescopes, gathered by night.
 *
 * @module
 */

import { join, relative } from "node:path";
import type { Logger } from "@logtape/logtape";

/** Gathers file events until somebody takes them. */
export class FileEvents implements Disposable {
  #changed = new Set<string>();
  readonly #watchers = new Map<string, Deno.FsWatcher>();
  readonly #obsdata: string;
  readonly #wake: () => void;
  readonly #log: Logger;

  /**
   * @param obsdata Folder of all raw data.
   * @param wake Called when something has changed.
   * @param log Told when a folder gives no events.
   */
  constructor(obsdata: string, wake: () => void, log: Logger) {
    this.#obsdata = obsdata;
    this.#wake = wake;
    this.#log = log;
  }

  /**
   * Follows the folder of a telescope, if it is there and not followed yet.
   *
   * @param unit Code of the telescope.
   */
  follow(unit: string): void {
    if (this.#watchers.has(unit)) return;
    const folder = join(this.#obsdata, unit);
    try {
      const watcher = Deno.watchFs(folder, { recursive: true });
      this.#watchers.set(unit, watcher);
      this.#listen(unit, folder, watcher);
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return; // perhaps later
      this.#log.debug("No file events in {folder}: {reason}; it is looked at now and then", {
        folder,
        reason: (error as Error).message,
      });
    }
  }

  /** The raw folders that have changed since the last call. */
  take(): ReadonlySet<string> {
    const changed = this.#changed;
    if (changed.size > 0) this.#changed = new Set();
    return changed;
  }

  /** Whether there is anything to take. */
  get waiting(): boolean {
    return this.#changed.size > 0;
  }

  [Symbol.dispose](): void {
    for (const watcher of this.#watchers.values()) {
      try {
        watcher.close();
      } catch {
        // ended by itself
      }
    }
    this.#watchers.clear();
  }

  async #listen(unit: string, folder: string, watcher: Deno.FsWatcher): Promise<void> {
    try {
      for await (const event of watcher) {
        if (event.kind === "access") continue; // our own reading
        for (const path of event.paths) {
          const night = relative(folder, path).split("/")[0];
          if (night && night !== "..") this.#changed.add(join(folder, night));
        }
        this.#wake();
      }
    } catch {
      // polling goes on
    }
    this.#watchers.delete(unit);
  }
}
