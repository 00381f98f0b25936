/** The routines around the watcher, run for real: tmux, cron's line under flock, systemd's units. */

import assert from "node:assert/strict";
import { basename, dirname, join } from "node:path";
import { FAST, output, start } from "./_processes.ts";
import { World } from "./_watch_world.ts";
import { readLines } from "./worker.ts";

const SCRIPTS = join(import.meta.dirname ?? ".", "..", "scripts");

async function run(
  command: readonly string[],
  env: Record<string, string> = {},
  clearEnv = false,
): Promise<{ code: number; text: string }> {
  const { code, stdout, stderr } = await new Deno.Command(command[0]!, {
    args: command.slice(1),
    env: { NO_COLOR: "1", ...env },
    clearEnv,
    stdin: "null",
  }).output();
  const decoder = new TextDecoder();
  return { code, text: decoder.decode(stdout) + decoder.decode(stderr) };
}

async function isInstalled(program: string): Promise<boolean> {
  return await new Deno.Command(program, { args: ["--version"], stdout: "null", stderr: "null" })
    .output().then(() => true, () => false);
}

async function until(what: string, test: () => Promise<boolean>): Promise<void> {
  for (let i = 0; i < 300; i++) {
    if (await test()) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  assert.fail(`waited in vain: ${what}`);
}

Deno.test("gppy_tmux.sh opens a window a telescope, leaves running ones alone and revives ended ones", async () => {
  await using world = await World.make();
  const list = join(world.folder, "units.txt");
  await Deno.writeTextFile(list, "# the south\n7DT01\n\n 7DT02  # new camera\n");
  const env = { GPPY_PATH_BASE: world.site.paths.base, GPPY_UNITS: list, TMUX: "" };
  const socket = join(world.folder, "tmux.sock");
  const tmux = (...args: string[]) =>
    run([join(SCRIPTS, "gppy_tmux.sh"), "-S", socket, ...args], env);
  const dead = async () => (await tmux("status")).text.match(/has ended/g)?.length ?? 0;
  try {
    assert.equal((await tmux("start")).text, "7DT01: started\n7DT02: started\n");
    const before = (await tmux("status")).text;
    assert.match(before, /^7DT01: runs, process \d+\n7DT02: runs, process \d+\n$/);
    assert.equal((await tmux("start")).text, "7DT01: runs already\n7DT02: runs already\n");
    assert.equal((await tmux("status")).text, before);
    await tmux("-s", "nobody", "start");
    assert.equal((await Deno.stat(socket)).mode! & 0o777, 0o660, "the group may attach");
    const { text } = await run(["tmux", "-S", socket, "server-access", "-l"]);
    assert.match(text, /^nobody /m);
    await until("both watch", async () => {
      const screens = await Promise.all(
        ["7DT01", "7DT02"].map((unit) =>
          run(["tmux", "-S", socket, "capture-pane", "-p", "-t", `=gppy:=${unit}`])
        ),
      );
      return screens.every(({ text }) => /Watching/.test(text));
    });
    Deno.kill(Number(/7DT02: runs, process (\d+)/.exec(before)?.[1]), "SIGKILL");
    await until("one has ended", async () => await dead() === 1);
    assert.equal((await tmux("start")).text, "7DT01: runs already\n7DT02: started again\n");
    await until("the revived one watches", async () => {
      const { text } = await run([
        "tmux",
        "-S",
        socket,
        "capture-pane",
        "-p",
        "-t",
        "=gppy:=7DT02",
      ]);
      return /Watching/.test(text);
    });
    assert.equal((await tmux("stop")).text, "7DT01: asked to end\n7DT02: asked to end\n");
    await until("both have ended", async () => await dead() === 2);
  } finally {
    await run(["tmux", "-S", socket, "kill-server"]);
  }
});

Deno.test("the line of cron.example runs a night in cron's bare environment, and two at once do not meet", async () => {
  await using world = await World.make();
  await world.addLights("7DT01", "2024-04-23_gain2750", ["T1"]);
  const text = await Deno.readTextFile(join(SCRIPTS, "cron.example"));
  const line = /^\*\/10 \* \* \* \* (.*)$/m.exec(text)?.[1] ?? "";
  assert.match(line, /^flock /);
  const set = Object.fromEntries(
    [...text.matchAll(/^([A-Z_]+)=(.*)$/gm)].map((found) => [found[1] ?? "", found[2] ?? ""]),
  );
  assert.deepEqual(Object.keys(set), ["GPPY_CONFIG", "PATH", "LOCK", "LOG"]);
  const config = join(world.folder, "site");
  await Deno.mkdir(config);
  await Deno.writeTextFile(
    join(config, "path.json"),
    JSON.stringify({ path_base: world.site.paths.base }),
  );
  await Deno.writeTextFile(
    join(config, "gppy.toml"),
    "[watch]\ngraceS = 0\nminFreeDiskGb = 0\n",
  );
  const log = join(world.folder, "watch.log");
  // What cron itself sets, then what the crontab does; Deno may be installed elsewhere.
  const env = {
    HOME: Deno.env.get("HOME") ?? "/",
    LOGNAME: "gppy",
    SHELL: "/bin/sh",
    GPPY_CONFIG: config,
    PATH: `${(set["PATH"] ?? "").replace("/opt/gppy/scripts", SCRIPTS)}:${
      dirname(Deno.execPath())
    }`,
    LOCK: join(world.folder, "lock"),
    LOG: log,
  };
  const both = await Promise.all([1, 2].map(() => run(["sh", "-c", line], env, true)));
  assert.deepEqual(both.map(({ code, text }) => [code, text]), [[0, ""], [0, ""]]);
  const said = await Deno.readTextFile(log);
  assert.equal(said.match(/Watching/g)?.length, 1, said);
  using journal = world.journal();
  assert.deepEqual(World.states(journal.nights()), ["7DT01 2024-04-23_gain2750 partial 1"]);
});

Deno.test({
  name: "logrotate takes the file of logrotate.example and rotates the log that is written to",
  ignore: Deno.uid() !== 0 || !await isInstalled("logrotate"),
  fn: async () => {
    await using world = await World.make();
    const log = join(world.folder, "watch.log");
    const config = join(world.folder, "gppy.conf");
    const example = await Deno.readTextFile(join(SCRIPTS, "logrotate.example"));
    await Deno.writeTextFile(
      config,
      example.replace("/var/log/gppy/*.log", log).replace("su gppy gppy", "su root root"),
    );
    await Deno.chmod(config, 0o644);
    await Deno.writeTextFile(log, "before\n");
    using open = await Deno.open(log, { append: true });
    const state = join(world.folder, "state");
    const { code, text } = await run(["logrotate", "--force", "--state", state, config]);
    assert.equal(code, 0, text);
    await open.write(new TextEncoder().encode("after\n"));
    assert.equal(await Deno.readTextFile(log), "after\n");
    assert.equal(await Deno.readTextFile(`${log}.1`), "before\n");
  },
});

/** Prints what comes to a socket such as systemd's, a line a datagram. */
const LISTENER = `
import socket, sys
listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
listener.bind(sys.argv[1])
print("listening", flush=True)
while True:
    print(listener.recv(4096).decode().strip(), flush=True)
`;

Deno.test("a watcher tells systemd that it is ready, that it lives, and that it stops", async () => {
  await using world = await World.make();
  const socket = join(world.folder, "notify.sock");
  const listener = new Deno.Command("/usr/bin/python3", {
    args: ["-c", LISTENER, socket],
    stdout: "piped",
  }).spawn();
  const heard: string[] = [];
  const listening = (async () => {
    for await (const line of readLines(listener.stdout)) heard.push(line);
  })();
  await until("the socket is there", () => Promise.resolve(heard.includes("listening")));
  const env = { NOTIFY_SOCKET: socket, WATCHDOG_USEC: "600000" };
  const watcher = start(world, ["watch", "local", JSON.stringify(FAST)], env);
  const alive = () => heard.filter((line) => line === "WATCHDOG=1").length;
  await until("it gives signs of life", () => Promise.resolve(alive() >= 3));
  assert.ok(heard.includes("READY=1") && heard.includes(`MAINPID=${watcher.pid}`), heard.join(" "));
  assert.ok(heard.indexOf("READY=1") < heard.indexOf("WATCHDOG=1"));
  watcher.kill("SIGTERM");
  await output(watcher);
  await until("it says that it stops", () => Promise.resolve(heard.includes("STOPPING=1")));
  listener.kill("SIGKILL");
  await listener.status;
  await listening;
});

Deno.test("systemd accepts the units", async () => {
  await using world = await World.make();
  const paths: string[] = [];
  for (const { name } of Deno.readDirSync(join(SCRIPTS, "systemd"))) {
    const text = await Deno.readTextFile(join(SCRIPTS, "systemd", name));
    const path = join(world.folder, name.replace("@.", "@7DT07."));
    await Deno.writeTextFile(path, text.replaceAll("/opt/gppy/scripts", SCRIPTS));
    paths.push(path);
  }
  assert.deepEqual(paths.map((path) => basename(path)).sort(), [
    "gppy-watch.service",
    "gppy-watch@7DT07.service",
  ]);
  const { code, text } = await run(["systemd-analyze", "verify", "--man=no", ...paths]);
  assert.deepEqual([code, text], [0, ""]);
});
