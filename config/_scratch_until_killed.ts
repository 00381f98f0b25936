/**
 * Makes a scratch folder with something in it, prints its path and waits to be killed.
 *
 * @module
 */

import { join } from "node:path";
import { makeScratchFolder } from "./scratch_folder.ts";

const folder = makeScratchFolder(".test-", Deno.args[0]);
Deno.mkdirSync(join(folder, "deep"));
Deno.writeTextFileSync(join(folder, "deep", "file"), "data");
await Deno.stdout.write(new TextEncoder().encode(`${folder}\n`));
setInterval(() => {}, 1000);
