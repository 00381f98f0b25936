/**
 * The version of gppy, as `--version` prints it and manifests record it.
 *
 * @module
 */

import settings from "../deno.json" with { type: "json" };

/** The version of gppy. */
export const VERSION: string = settings.version;
