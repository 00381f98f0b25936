/** The metrics, as a file and over HTTP. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { logged, withLog } from "./_log_list.ts";
import { getLogger } from "@logtape/logtape";
import { allSettled, World } from "./_watch_world.ts";
import { journalMetrics } from "./metrics.ts";
import { serveMetrics } from "./metrics_server.ts";

const NIGHT = "2024-04-23_gain2750";

/** Name, type, help and samples: what a Prometheus server reads. */
function parseMetrics(text: string): Map<string, string[]> {
  const found = new Map<string, string[]>();
  let name = "";
  for (const line of text.trimEnd().split("\n")) {
    const declared = /^# (HELP|TYPE) (\w+) (.+)$/.exec(line);
    if (declared) {
      name = declared[2]!;
      found.set(name, found.get(name) ?? []);
      if (declared[1] === "TYPE") assert.match(declared[3]!, /^(gauge|counter)$/);
      continue;
    }
    assert.match(line, /^\w+(\{\w+="(\\.|[^"\\])*"(,\w+="(\\.|[^"\\])*")*\})? -?[\d.e+]+$/);
    assert.equal(/^\w+/.exec(line)?.[0], name, line);
    found.get(name)!.push(line);
  }
  return found;
}

Deno.test("a watcher serves its metrics and its health to this machine, and ends with its port free", async () => {
  await using world = await World.make();
  await world.addLights("7DT01", NIGHT, ["T1", "BAD"]);
  let port = 0;
  let asked: Promise<void> | undefined;
  let over = false;
  await withLog(async (records) => {
    await world.watch((nights) => {
      const line = logged(records).find((text) => text.includes("Metrics at"));
      port = Number(/:(\d+)\/metrics$/.exec(line ?? "")?.[1] ?? 0);
      if (port > 0 && allSettled(nights)) asked ??= ask(port).finally(() => over = true);
      return over;
    }, { settings: { metricsPort: 0 } });
  });
  await asked;
  await assert.rejects(fetch(`http://127.0.0.1:${port}/healthz`), TypeError);
});

async function ask(port: number): Promise<void> {
  const get = async (path: string, init: RequestInit = {}) => {
    const answer = await fetch(`http://127.0.0.1:${port}${path}`, init);
    return {
      status: answer.status,
      type: answer.headers.get("content-type"),
      text: await answer.text(),
    };
  };
  const { status, type, text } = await get("/metrics");
  assert.deepEqual([status, type], [200, "text/plain; version=0.0.4; charset=utf-8"]);
  const metrics = parseMetrics(text);
  const page = await Deno.readTextFile(new URL("../docs/watching.md", import.meta.url));
  for (const name of metrics.keys()) assert.ok(page.includes(name), `${name} is documented`);
  assert.deepEqual(metrics.get("gppy_nights"), ['gppy_nights{unit="7DT01",state="partial"} 1']);
  assert.deepEqual(metrics.get("gppy_frames"), [
    'gppy_frames{state="left"} 1',
    'gppy_frames{state="used"} 1',
  ]);
  assert.equal(metrics.get("gppy_stage_tries_total")?.length, 3);
  for (const name of ["gppy_queue_length", "gppy_stage_seconds_total", "gppy_disk_free_bytes"]) {
    assert.ok(metrics.get(name)!.length > 0, name);
  }
  assert.deepEqual(await get("/healthz"), {
    status: 200,
    type: "text/plain; charset=utf-8",
    text: "ok\n",
  });
  assert.equal((await get("/")).status, 404);
  assert.equal((await get("/metrics", { method: "POST" })).status, 405);
}

Deno.test("a watcher that has not come round is not well, and one that is paused says so in its metrics", async () => {
  const trouble = { now: undefined as string | undefined };
  await withLog(async (records) => {
    using _server = serveMetrics(
      0,
      { metrics: () => "", trouble: () => trouble.now },
      getLogger(["gppy"]),
    );
    const port = Number(/:(\d+)\/metrics$/.exec(logged(records)[0] ?? "")?.[1]);
    const ask = async () => {
      const answer = await fetch(`http://127.0.0.1:${port}/healthz`);
      return `${answer.status} ${await answer.text()}`;
    };
    assert.equal(await ask(), "200 ok\n");
    trouble.now = "the watcher has not come round for 1000 s";
    assert.equal(await ask(), "503 the watcher has not come round for 1000 s\n");
  });
  await using world = await World.make();
  using journal = world.journal();
  journal.setFact("paused", "disk");
  const metrics = parseMetrics(journalMetrics(journal));
  assert.deepEqual(metrics.get("gppy_paused"), ["gppy_paused 1"]);
});

Deno.test("a port that is taken is said, and the watcher works without", async () => {
  await using world = await World.make();
  await world.addLights("7DT01", NIGHT, ["T1"]);
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = taken.addr as Deno.NetAddr;
  await withLog(async (records) => {
    const nights = await world.watch(allSettled, { settings: { metricsPort: port } });
    assert.deepEqual(World.states(nights), [`7DT01 ${NIGHT} done 1`]);
    assert.match(logged(records).join("\n"), /warning: Cannot serve metrics at port/);
  });
  const file = await Deno.readTextFile(join(world.site.paths.base, "journal", "gppy.prom"));
  assert.ok(parseMetrics(file).has("gppy_heartbeat_seconds"));
});
