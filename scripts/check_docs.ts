/**
 * Fails when something public lacks documentation: `deno doc --lint` over the library and
 * the folders that others build on, without its complaints about types of packages.
 *
 * @module
 */

import { join } from "node:path";
import { note, print } from "../cli/terminal.ts";

const FOLDERS = ["fits", "sky", "gpu", "external", "config"];

/** Types of packages, and schemas that a type is inferred from: both are public elsewhere. */
const OUTSIDE = /references private type '(output|input|Zod\w+|Logger|\w+Schema|JSONType)'/;

/** Schemas have types too long to write out; `z.infer` is how they are used. */
const UNNAMED = /missing-explicit-type[^]*Schema\b/;

function publicModules(root: string): string[] {
  const files = FOLDERS.flatMap((folder) =>
    [...Deno.readDirSync(join(root, folder))]
      .map((entry) => entry.name)
      .filter((name) => name.endsWith(".ts") && !/(^_|_test\.ts$|_bench\.ts$)/.test(name))
      .map((name) => join(folder, name))
  );
  return ["mod.ts", ...files.sort()];
}

if (import.meta.main) {
  const root = join(import.meta.dirname ?? ".", "..");
  const modules = publicModules(root);
  const { stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["doc", "--lint", ...modules],
    cwd: root,
    env: { NO_COLOR: "1" },
    stdout: "null",
  }).output();
  const findings = new TextDecoder().decode(stderr).split(/^(?=error)/m)
    .filter((text) => text.startsWith("error[") && !OUTSIDE.test(text) && !UNNAMED.test(text))
    .map((text) => text.split("\n").slice(0, 2).join(" ").replace(/\s+/g, " "));
  if (findings.length > 0) {
    note(findings.join("\n"));
    Deno.exit(1);
  }
  print(`docs: ${modules.length} public modules documented`);
}
