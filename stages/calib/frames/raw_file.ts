/**
 * The file that holds a raw frame's pixels, unpacked when it is compressed.
 *
 * @module
 */

import { basename, join } from "node:path";
import { unpackFits } from "../../../external/fpack.ts";
import type { ToolSet } from "../../../external/run_tool.ts";

/** A file that can be opened; a temporary one vanishes with this. */
export interface PixelFile extends AsyncDisposable {
  readonly path: string;
}

const PREFIX = ".unpacked-";

/**
 * Removes what a run that was killed had unpacked.
 *
 * @param folder Where unpacked files go.
 */
export async function removeUnpacked(folder: string): Promise<void> {
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    if (isDirectory && name.startsWith(PREFIX)) {
      await Deno.remove(join(folder, name), { recursive: true });
    }
  }
}

/** A file that is read where it lies. */
export function plainFile(path: string): PixelFile {
  return { path, [Symbol.asyncDispose]: () => Promise.resolve() };
}

/**
 * Unpacks a tile-compressed file.
 *
 * @param path The compressed file.
 * @param folder Where the unpacked one goes.
 * @param tools Has funpack.
 * @returns The unpacked file; once it is open it may be removed.
 * @throws {ExternalToolError} If funpack is missing (the Debian package is `libcfitsio-bin`) or fails.
 */
export async function unpackedFile(
  path: string,
  folder: string,
  tools: ToolSet,
): Promise<PixelFile> {
  const room = await Deno.makeTempDir({ dir: folder, prefix: PREFIX });
  const remove = () => Deno.remove(room, { recursive: true });
  const target = join(room, basename(path).replace(/\.fz$/i, ""));
  try {
    await unpackFits(tools, path, target);
  } catch (error) {
    await remove();
    throw error;
  }
  return { path: target, [Symbol.asyncDispose]: remove };
}
