/**
 * The site folder of a simulated observatory: `path.json` and `alltarget.dat`.
 *
 * @module
 */

import { join } from "node:path";
import type { Scene } from "./scene.ts";
import { writeText } from "./text_file.ts";

/**
 * Writes a site folder whose paths point into the simulated observatory beside it.
 *
 * @param out Folder of the observatory; the site folder is `<out>/site`.
 * @param scenes The targets.
 */
export async function writeSiteFolder(out: string, scenes: readonly Scene[]): Promise<void> {
  const paths = {
    path_base: "../gppy",
    path_obsdata: "../obsdata",
    path_processed: "../processed_1x1_gain2750",
  };
  await writeText(join(out, "site", "path.json"), JSON.stringify(paths, null, 2) + "\n");
  const rows = scenes.map(({ object, raDeg, decDeg }) => {
    const name = /\s/.test(object) ? `"${object}"` : object;
    return `${name}  ${raDeg.toFixed(6)}  ${decDeg.toFixed(6)}  simulated`;
  });
  const table = ["object  ra  dec  note", ...rows].join("\n") + "\n";
  await writeText(join(out, "site", "alltarget.dat"), table);
}
