/**
 * Artefacts that were found, kept until their stack is finished.
 *
 * @module
 */

import * as z from "zod";
import type { Artefact } from "./artefact_shapes.ts";

const fileSchema = z.object({
  /** Of all that they depend on. */
  digest: z.string(),
  frames: z.array(z.array(z.object({
    kind: z.enum(["spot", "streak"]),
    pixels: z.array(z.int()),
  }))),
});

/**
 * Gives what an ended process has found, or finds it and keeps it.
 *
 * @param path File that keeps it.
 * @param digest Of all that it depends on.
 * @param find Finds it.
 * @returns The artefacts of each frame.
 */
export async function keepArtefacts(
  path: string,
  digest: string,
  find: () => Promise<Artefact[][]>,
): Promise<Artefact[][]> {
  const known = await readArtefacts(path);
  if (known?.digest === digest) return known.frames;
  const frames = await find();
  await Deno.writeTextFile(`${path}.part`, JSON.stringify({ digest, frames }));
  await Deno.rename(`${path}.part`, path);
  return frames;
}

async function readArtefacts(path: string): Promise<z.output<typeof fileSchema> | undefined> {
  try {
    return fileSchema.parse(JSON.parse(await Deno.readTextFile(path)));
  } catch {
    return undefined; // absent or damaged: they are looked for again
  }
}
