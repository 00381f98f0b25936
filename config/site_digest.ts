/**
 * A digest of everything in a site's folder that can change a result.
 *
 * @module
 */

import { join } from "node:path";
import { sha256 } from "./sha256.ts";
import type { Site } from "./site.ts";

/**
 * Digests the paths and the files of a site folder; `keys.dat` does not count.
 *
 * @param site The site.
 * @returns SHA-256 in hexadecimal digits.
 */
export async function digestSite(site: Pick<Site, "folder" | "paths">): Promise<string> {
  const { base, refcat, refScamp, masters, references } = site.paths;
  const parts: BlobPart[] = [JSON.stringify([base, refcat, refScamp, masters, references])];
  if (site.folder !== null) {
    const names: string[] = [];
    for await (const entry of Deno.readDir(site.folder)) {
      if (entry.isFile && !entry.name.startsWith("keys.dat")) names.push(entry.name);
    }
    for (const name of names.sort()) {
      parts.push(`\n${name}\n`, await Deno.readFile(join(site.folder, name)));
    }
  }
  return await sha256(await new Blob(parts).bytes());
}
