import assert from "node:assert/strict";
import { ExternalToolError } from "../config/errors.ts";
import { findTool, locateTool, runTool, toolSet } from "./run_tool.ts";

/** Whether any process of the group of `pid` is still there. */
async function isAlive(pid: number): Promise<boolean> {
  const { stdout } = await new Deno.Command("ps", { args: ["-o", "pid=,stat=", "-p", `${pid}`] })
    .output();
  const line = new TextDecoder().decode(stdout).trim();
  return line !== "" && !line.includes("Z");
}

async function waitForText(path: string): Promise<string> {
  for (let i = 0; i < 200; i++) {
    const text = await Deno.readTextFile(path).catch(() => "");
    if (text.endsWith("\n")) return text.trim();
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error(`nothing was written to ${path}`);
}

async function caught(work: Promise<unknown>): Promise<ExternalToolError> {
  const error = await work.then(() => undefined, (reason) => reason);
  assert.ok(error instanceof ExternalToolError, `expected an ExternalToolError, got ${error}`);
  return error;
}

Deno.test("runTool() passes arguments as they are and returns both outputs", async () => {
  const run = await runTool("sh", ["-c", 'echo "$0|$1"; echo aside >&2', "a b", "$HOME;*"]);
  assert.equal(run.stdout, "a b|$HOME;*\n");
  assert.equal(run.stderr, "aside\n");
  assert.equal(run.command.at(-1), "$HOME;*");
});

Deno.test("runTool() takes the first of several names that is on PATH", async () => {
  const run = await runTool(["gppy-no-such-program", "echo"], ["here"]);
  assert.equal(run.stdout, "here\n");
});

Deno.test("runTool() says how to get a program that is missing", async () => {
  const env = { PATH: "/nonexistent" };
  const scamp = await caught(runTool("scamp", [], { env }));
  assert.match(scamp.message, /Cannot run "scamp": not found on PATH; .*Debian package `scamp`/);
  const solve = await caught(runTool("solve-field", [], { env }));
  assert.match(solve.message, /astrometry\.net/);
  const unknown = await caught(runTool(["gppy-a", "gppy-b"], []));
  assert.equal(unknown.details.command, "gppy-a or gppy-b");
});

Deno.test("runTool() reports command, exit code and the tail of stderr", async () => {
  const script = "for i in $(seq 1 40); do echo line $i >&2; done; exit 3";
  const error = await caught(runTool("sh", ["-c", script]));
  assert.match(error.message, /exit code 3/);
  assert.match(error.message, /line 40$/);
  assert.doesNotMatch(error.message, /line 20\n/);
  assert.equal(error.details.code, 3);
  assert.equal(error.details.signal, null);
  assert.match(String(error.details.command), /sh -c for i/);
  assert.equal(typeof error.details.elapsedS, "number");
});

Deno.test("runTool() accepts the exit codes it is told to accept", async () => {
  assert.equal((await runTool("sh", ["-c", "exit 4"], { okCodes: [0, 4] })).stdout, "");
});

Deno.test("runTool() reports a program that was killed", async () => {
  const error = await caught(runTool("sh", ["-c", "kill -KILL $$"]));
  assert.match(error.message, /killed by SIGKILL/);
  assert.equal(error.details.signal, "SIGKILL");
});

Deno.test("runTool() reports a folder that does not exist", async () => {
  const error = await caught(runTool("echo", [], { cwd: "/nonexistent/folder" }));
  assert.match(error.message, /Cannot start/);
});

Deno.test("runTool() ends the whole process group at the time limit", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const file = `${folder}/pid`;
    const script = `sleep 600 & echo $! > "$0"; sleep 600`;
    const error = await caught(runTool("sh", ["-c", script, file], { timeoutS: 0.5 }));
    assert.match(error.message, /still running after its time limit of 0\.5 s/);
    assert.equal(error.details.timedOut, true);
    assert.equal(await isAlive(Number(await waitForText(file))), false);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("runTool() ends a program that ignores SIGTERM", async () => {
  const error = await caught(
    runTool("sh", ["-c", "trap '' TERM; while :; do sleep 0.1; done"], { timeoutS: 0.3 }),
  );
  assert.equal(error.details.signal, "SIGKILL");
});

Deno.test("runTool() ends the whole process group on abort and throws the reason", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const file = `${folder}/pid`;
    const controller = new AbortController();
    const work = runTool("sh", ["-c", `sleep 600 & echo $! > "$0"; wait`, file], {
      signal: controller.signal,
    }).then(() => undefined, (reason) => reason);
    const pid = Number(await waitForText(file));
    assert.equal(await isAlive(pid), true);
    controller.abort(new DOMException("stopped by the user", "AbortError"));
    const reason = await work;
    assert.ok(reason instanceof DOMException);
    assert.equal(reason.message, "stopped by the user");
    assert.equal(await isAlive(pid), false);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("runTool() does not start anything once aborted", async () => {
  const signal = AbortSignal.abort(new DOMException("too late", "AbortError"));
  await assert.rejects(runTool("echo", [], { signal }), /too late/);
});

Deno.test("runTool() does not wait for a process left behind in the background", async () => {
  const run = await runTool("sh", ["-c", "sleep 600 & echo done"], { timeoutS: 60 });
  assert.equal(run.stdout, "done\n");
});

Deno.test("findTool() finds the Debian programs and their versions", async () => {
  assert.match((await findTool(["source-extractor", "sex"]))!.version, /^2\.\d+/);
  assert.match((await findTool("scamp"))!.version, /^2\.\d+/);
  assert.match((await findTool("missfits"))!.version, /^2\.\d+/);
  assert.match((await findTool(["SWarp", "swarp"]))!.version, /^2\.\d+/);
  assert.match((await findTool("imhead"))!.version, /^\d\.\d+/);
  assert.equal(await findTool("gppy-no-such-program"), undefined);
});

Deno.test("locateTool() ignores files that cannot be executed", async () => {
  const folder = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(`${folder}/hotpants`, "not a program", { mode: 0o644 });
    assert.equal(await locateTool("hotpants", folder), undefined);
    await Deno.chmod(`${folder}/hotpants`, 0o755);
    assert.equal(await locateTool("hotpants", folder), `${folder}/hotpants`);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("toolSet() records the versions of what was run, and nothing else", async () => {
  const tools = toolSet({ signal: new AbortController().signal });
  assert.equal(await tools.has("scamp"), true);
  assert.equal(await tools.has("gppy-no-such-program"), false);
  assert.deepEqual(tools.versions, {});
  await tools.run("missfits", ["--version"]);
  assert.deepEqual(Object.keys(tools.versions), ["missfits"]);
});
