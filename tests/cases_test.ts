/**
 * Command-line goldens: `tests/cases/<group>/<case>/cmd` is a bash script; `stdout`,
 * `stderr` and `exit` beside it say what it must print and end with.
 *
 * `deno run -A tests/cases_test.ts --update` rewrites them; read the difference.
 */

import assert from "node:assert/strict";
import { dirname, join, relative } from "node:path";
import { VERSION } from "../config/version.ts";

const ROOT = join(import.meta.dirname ?? ".", "..");
const CASES = join(ROOT, "tests", "cases");
const PRELUDE = `
gppy() { "$ROOT/scripts/gppy" "$@"; }
tiny_night() { deno run --quiet -A --config "$ROOT/deno.json" "$ROOT/tests/tiny_night.ts" "$@"; }
`;

interface Outcome {
  readonly stdout: string;
  readonly stderr: string;
  readonly exit: string;
}

function* findCases(folder: string): Generator<string> {
  for (const entry of [...Deno.readDirSync(folder)].sort((a, b) => a.name < b.name ? -1 : 1)) {
    const path = join(folder, entry.name);
    if (entry.isDirectory) yield* findCases(path);
    else if (entry.name === "cmd") yield dirname(path);
  }
}

/** Replaces what differs between machines and runs by names. */
function normalise(text: string, folder: string): string {
  return text
    .replaceAll(folder, "$TMP")
    .replaceAll(ROOT, "$ROOT")
    .replaceAll(VERSION, "$VERSION")
    .replace(/^\d\d:\d\d:\d\d /gm, "")
    .replace(/\b\d+\.\d s\b/g, "… s")
    .replace(/ {2,}(?=… s)/g, " ");
}

async function runCase(path: string): Promise<Outcome> {
  const folder = await Deno.realPath(await Deno.makeTempDir());
  try {
    const script = PRELUDE + await Deno.readTextFile(join(path, "cmd"));
    const home = join(folder, "home");
    await Deno.mkdir(home);
    const inherited = Object.entries(Deno.env.toObject())
      .filter(([name]) => !name.startsWith("GPPY_") && !name.startsWith("SLACK_"));
    const env = { ...Object.fromEntries(inherited), ROOT, HOME: home, NO_COLOR: "1" };
    const { code, stdout, stderr } = await new Deno.Command("bash", {
      args: ["-c", script],
      cwd: folder,
      env: { ...env, DENO_DIR: await denoDir() },
      clearEnv: true,
      stdin: "null",
    }).output();
    const decode = (bytes: Uint8Array) => normalise(new TextDecoder().decode(bytes), folder);
    return { stdout: decode(stdout), stderr: decode(stderr), exit: `${code}\n` };
  } finally {
    await new Deno.Command("chmod", { args: ["-R", "u+w", folder] }).output();
    await Deno.remove(folder, { recursive: true });
  }
}

/** The cache of modules stays where it is although HOME moves. */
async function denoDir(): Promise<string> {
  const { stdout } = await new Deno.Command(Deno.execPath(), { args: ["info", "--json"] }).output();
  return JSON.parse(new TextDecoder().decode(stdout)).denoDir;
}

async function update(path: string): Promise<void> {
  const outcome = await runCase(path);
  for (const name of ["stdout", "stderr", "exit"] as const) {
    await Deno.writeTextFile(join(path, name), outcome[name]);
  }
}

if (Deno.args.includes("--update")) {
  const only = Deno.args.filter((arg) => !arg.startsWith("--"));
  for (const path of findCases(CASES)) {
    if (only.length === 0 || only.some((part) => path.includes(part))) await update(path);
  }
} else {
  for (const path of findCases(CASES)) {
    Deno.test(`Command line: ${relative(CASES, path)}`, async () => {
      const outcome = await runCase(path);
      for (const name of ["stderr", "stdout", "exit"] as const) {
        const expected = await Deno.readTextFile(join(path, name));
        assert.equal(outcome[name], expected, `${name} of ${relative(ROOT, path)}`);
      }
    });
  }
}
