/** What the tests of this folder share. */

import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Folder of the real frames. */
export const DATA: string = Deno.env.get("GPPY_TESTDATA") ??
  join(import.meta.dirname ?? ".", "../../shared/data");

/** Declares a test that needs the real frames; it is skipped, visibly, where they are absent. */
export function testWithData(name: string, work: () => void | Promise<void>): void {
  const ignore = !existsSync(DATA);
  Deno.test({ name: ignore ? `${name} (no GPPY_TESTDATA)` : name, ignore, fn: work });
}

/** Runs `work` with a folder of its own, which is removed afterwards. */
export async function withFolder(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "gppy-sky-"));
  try {
    await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** A generator of normal deviates with a seed. */
export function normalDeviates(seed: number): () => number {
  let state = seed >>> 0;
  const uniform = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state + 0.5) / 4294967296;
  };
  return () => Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform());
}
