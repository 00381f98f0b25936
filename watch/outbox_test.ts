import assert from "node:assert/strict";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { SlackServer } from "./_slack_server.ts";
import { Outbox } from "./outbox.ts";

const SCRIPT = new URL("./_send_notices.ts", import.meta.url).pathname;
const CONFIG = new URL("../deno.json", import.meta.url).pathname;

async function withOutbox(test: (path: string) => Promise<void> | void): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "gppy-outbox-" });
  try {
    await test(join(folder, "outbox.sqlite"));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

function sendAll(path: string, url: string): Deno.ChildProcess {
  const args = ["run", "-A", "--quiet", "--no-check", "--config", CONFIG, SCRIPT, path, url];
  return new Deno.Command(Deno.execPath(), { args, stdout: "null", stderr: "inherit" }).spawn();
}

function put(outbox: Outbox, count: number): string[] {
  const keys = Array.from({ length: count }, (_, index) => `notice ${index}`);
  for (const key of keys) outbox.put({ key, text: key });
  return keys;
}

Deno.test("an event is taken once, and keeps the id that Slack knows it by", () =>
  withOutbox((path) => {
    using outbox = new Outbox(path);
    assert.equal(outbox.put({ key: "a", text: "first" }, 1000), true);
    assert.equal(outbox.put({ key: "a", text: "second" }, 2000), false);
    assert.equal(outbox.find("a")?.text, "first");
    const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
    assert.match(outbox.find("a")!.messageId, uuid);
  }));

Deno.test("a notice put in within a transaction is kept exactly when that is", () =>
  withOutbox((path) => {
    using database = new DatabaseSync(path);
    using outbox = new Outbox(database);
    database.exec("BEGIN");
    outbox.put({ key: "a", text: "a" });
    database.exec("ROLLBACK");
    assert.equal(outbox.waiting(), 0);
    database.exec("BEGIN");
    outbox.put({ key: "a", text: "a" });
    database.exec("COMMIT");
    assert.equal(outbox.waiting(), 1);
  }));

Deno.test("one process sends at a time; the right of a dead one passes on at once", () =>
  withOutbox((path) => {
    using one = new Outbox(path);
    using two = new Outbox(path);
    assert.equal(one.acquire(1000, 60_000), true);
    assert.equal(two.acquire(2000, 60_000), false);
    assert.equal(two.acquire(61_001, 60_000), true); // without a sign of life for a minute
    two.release();
    assert.equal(one.acquire(61_002, 60_000), true);
    using database = new DatabaseSync(path);
    database.exec(
      `UPDATE outbox_state SET value = json_set(value, '$.mark.started', '1', '$.holder', 'x')`,
    );
    assert.equal(two.acquire(61_003, 60_000), true);
  }));

Deno.test("a clock that was set back ends a pause", () =>
  withOutbox((path) => {
    using outbox = new Outbox(path);
    outbox.put({ key: "a", text: "a" }, 0);
    const pause = { cause: "outage", reason: "", failures: 1 } as const;
    outbox.setPause({ ...pause, sinceMs: 10_000, untilMs: 20_000 });
    assert.equal(outbox.take(15_000), undefined);
    assert.equal(outbox.take(5_000)?.key, "a");
  }));

Deno.test("a picture waits for its message", () =>
  withOutbox((path) => {
    using outbox = new Outbox(path);
    const file = { name: "p.png", bytes: new Uint8Array([1, 2, 3]) };
    outbox.put({ key: "a/picture", text: "p", thread: "a", file }, 0);
    outbox.put({ key: "a", text: "a" }, 0);
    const first = outbox.take(1)!;
    assert.equal(first.key, "a");
    outbox.sent(first.id, { channel: "C1", ts: "1.1" }, 2);
    assert.deepEqual(outbox.take(3)?.file, file);
  }));

Deno.test("what was sent months ago is forgotten, what waits for weeks is given up", () =>
  withOutbox((path) => {
    using outbox = new Outbox(path);
    const day = 86_400_000;
    outbox.put({ key: "old", text: "old" }, 0);
    outbox.sent(outbox.take(0)!.id, { channel: null, ts: null }, 0);
    outbox.put({ key: "stuck", text: "stuck" }, 80 * day);
    outbox.put({ key: "new", text: "new" }, 99 * day);
    assert.equal(outbox.tidy(100 * day, 14), 1);
    assert.equal(outbox.find("old"), undefined);
    assert.equal(outbox.find("stuck")?.state, "refused");
    assert.equal(outbox.find("new")?.state, "waiting");
  }));

Deno.test("two processes on one outbox send each notice once, in order", () =>
  withOutbox(async (path) => {
    await using server = new SlackServer({ dropsDoubles: false });
    using outbox = new Outbox(path);
    const keys = put(outbox, 40);
    const children = [sendAll(path, server.url), sendAll(path, server.url)];
    for (const child of children) assert.equal((await child.status).code, 0);
    assert.deepEqual(server.messages.map(({ text }) => text), keys);
  }));

Deno.test("killed at random instants and started again, each notice is in the channel once", () =>
  withOutbox(async (path) => {
    await using server = new SlackServer({ dropsDoubles: false });
    using outbox = new Outbox(path);
    put(outbox, 2);
    await sendAll(path, server.url).status; // the channel is known by its id now
    put(outbox, 120);
    let cut = 0;
    for (let round = 0; round < 12; round++) {
      const before = server.requests.length;
      const child = sendAll(path, server.url);
      let ended = false;
      const status = child.status.finally(() => ended = true);
      while (!ended && server.requests.length < before + 2 + round % 5) {
        await new Promise((resolve) => setTimeout(resolve, 1));
      }
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 12));
      if (!ended) child.kill("SIGKILL");
      if (!(await status).success) cut++;
    }
    assert.ok(cut >= 8, `only ${cut} were cut off`);
    assert.equal((await sendAll(path, server.url).status).code, 0);
    const times = new Map<string, number>();
    for (const { text } of server.messages) times.set(text, (times.get(text) ?? 0) + 1);
    assert.equal(times.size, 120);
    assert.deepEqual([...times].filter(([, count]) => count !== 1), []);
  }));
