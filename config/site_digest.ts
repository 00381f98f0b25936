/**
 * A digest of everything in a site's folder that can change a result.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { join } from "node:path";
import type { Site } from "./site.ts";

/**
 * Digests the paths and the files of a site folder; `keys.dat` does not count.
 *
 * @param site The site.
 * @returns SHA-256 in hexadecimal digits.
 */
export async function digestSite(site: Pick<Site, "folder" | "paths">): Promise<string> {
  const { base, refcat, refScamp, masters, references } = site.paths;
  const hash = createHash("sha256").update(
    JSON.stringify([base, refcat, refScamp, masters, references]),
  );
  if (site.folder !== null) {
    const names: string[] = [];
    for await (const entry of Deno.readDir(site.folder)) {
      if (entry.isFile && !entry.name.startsWith("keys.dat")) names.push(entry.name);
    }
    for (const name of names.sort()) {
      hash.update(`\n${name}\n`).update(await Deno.readFile(join(site.folder, name)));
    }
  }
  return hash.digest("hex");
}
