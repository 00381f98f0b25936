import assert from "node:assert/strict";
import { join } from "node:path";
import { inspect } from "node:util";
import { getLogger, type LogRecord } from "@logtape/logtape";
import { loadSite } from "../config/site.ts";
import { logged, withLog } from "./_log_list.ts";
import { CHANNEL, SlackServer, TOKEN } from "./_slack_server.ts";
import type { NoticeBody } from "./notices.ts";
import { createNotifier, type NotifierOptions } from "./notify.ts";

const NIGHT = { unit: "7DT07", date: "2024-04-23" };
const SUMMARY: NoticeBody = {
  ...NIGHT,
  elapsedS: 3725,
  counts: { raw: 40, frame: 30, stack: 3, difference: 3 },
  candidates: 41,
  transients: 2,
  depths: [{ id: "a", depth5: 19.5 }, { id: "b", depth5: 20.25 }, { id: "c", depth5: 20 }],
  stages: [{ stage: "calib", s: 75 }, { stage: "astrom", s: 0.1 }, { stage: "stack", s: 31 }],
};

interface World {
  readonly server: SlackServer;
  readonly records: LogRecord[];
  readonly env: Record<string, string>;
  readonly folder: string;
}

async function withSlack(
  test: (world: World) => Promise<void>,
  server = new SlackServer(),
): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "gppy-notify-" });
  const env = {
    GPPY_SLACK_TOKEN: TOKEN,
    GPPY_SLACK_CHANNEL: CHANNEL.name,
    GPPY_SLACK_API_URL: server.url,
    GPPY_PATH_BASE: folder,
  };
  try {
    await using running = server;
    await withLog((records) => test({ server: running, records, env, folder }));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function notifier(env: Record<string, string>, options: NotifierOptions = {}) {
  const site = await loadSite({ env });
  const courier = { gapMs: 0 };
  return createNotifier(site, getLogger(["gppy", "notify"]), { env, courier, ...options });
}

function assertNoToken(...things: readonly unknown[]): void {
  for (const thing of things) {
    assert.ok(!inspect(thing, { depth: 9, showHidden: true }).includes("very-secret"));
    assert.ok(!(JSON.stringify(thing) ?? "").includes("very-secret"));
  }
}

Deno.test("the notifier posts start, finish and failure to the channel, in order", () =>
  withSlack(async ({ env, server, records }) => {
    await using slack = await notifier(env);
    assert.equal(slack.active, true);
    slack.tell("start", NIGHT);
    slack.tell("finish", SUMMARY);
    slack.tell("failure", {
      ...NIGHT,
      stage: "astrom",
      errorClass: "DataError",
      message: 'Cannot read "a<b>.fits": 3 & 4 bytes',
      frames: ["a<b>.fits"],
      retryInS: 600,
    });
    assert.deepEqual(await slack.flush(10), { sent: 3, waiting: 0, againMs: undefined });
    assert.deepEqual(logged(records), []);
    assert.ok(server.requests.every(({ form }) => form.get("channel") === CHANNEL.name));
    assert.deepEqual(server.messages.map(({ text }) => text), [
      ":telescope: *7DT07* 2024-04-23: started",
      ":white_check_mark: *7DT07* 2024-04-23: done in 1 h 2 min: 30 frames from 40 raw ones, " +
      "3 stacks, 3 differences\nDepth (5σ): 20.00 mag, 19.50 to 20.25 over 3 stacks\n" +
      "Transients: 2 of 41 candidates\nTimes: calib 1 min, stack 31 s",
      ":red_circle: *7DT07* 2024-04-23: failed in astrom: DataError\n" +
      'Cannot read "a&lt;b&gt;.fits": 3 &amp; 4 bytes\nFrame:\n• a&lt;b&gt;.fits\n' +
      "Next: tried again in 10 min",
    ]);
  }));

Deno.test("a notice leaves in the background, without anybody waiting for it", () =>
  withSlack(async ({ env, server }) => {
    await using slack = await notifier(env);
    slack.tell("failure", { ...NIGHT, message: "disk full" });
    while (server.messages.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    assert.match(server.messages[0]!.text, /disk full/);
  }));

Deno.test("the finish notice tells of transients in images that are doubted", () =>
  withSlack(async ({ env, server }) => {
    await using slack = await notifier(env);
    slack.tell("finish", { ...SUMMARY, suspect: 1 });
    await slack.flush(10);
    const text = server.messages[0]?.text ?? "";
    assert.match(
      text,
      /Transients: 2 of 41 candidates; 1 of them in images that are doubted as a whole/,
    );
  }));

Deno.test("the finish notice lists failed gates and what was left behind, shortened", () =>
  withSlack(async ({ env, server }) => {
    await using slack = await notifier(env);
    const left = Array.from({ length: 7 }, (_, index) => ({
      stage: "calib",
      id: `frame${index}`,
      message: "x".repeat(2000),
    }));
    const gates = [{ id: "s1", gate: "zero point scatter", value: 0.123456, threshold: "< 0.1" }];
    slack.tell("finish", { ...SUMMARY, left, gates, transients: null });
    await slack.flush(10);
    const text = server.messages[0]?.text ?? "";
    assert.match(text, /gates not passed:\n• s1: zero point scatter 0\.1235, wanted &lt; 0\.1\n/);
    assert.match(text, /7 left behind:\n• calib: frame0: x+…/);
    assert.match(text, /frame4/);
    assert.match(text, /• and 2 more$/);
    assert.doesNotMatch(text, /frame5|Transients/);
    assert.ok(text.length < 4000, `${text.length}`);
  }));

Deno.test("the picture of a night is shown in the thread of its notice", () =>
  withSlack(async ({ env, server, folder, records }) => {
    const picture = join(folder, "stamp.png");
    await Deno.writeFile(picture, new Uint8Array(1234));
    await using slack = await notifier(env);
    slack.tell("finish", { ...SUMMARY, pictures: [picture] });
    await slack.flush(10);
    assert.deepEqual(server.files, [
      { name: "stamp.png", title: "stamp.png", bytes: 1234, thread: server.messages[0]!.ts },
    ]);
    assert.deepEqual(logged(records), []);
  }));

Deno.test("a picture that is gone costs the picture, not the notice", () =>
  withSlack(async ({ env, server, records }) => {
    await using slack = await notifier(env);
    slack.tell("finish", { ...SUMMARY, pictures: ["/nowhere/stamp.png"] });
    await slack.flush(10);
    assert.equal(server.messages.length, 1);
    assert.match(logged(records).join(), /^info: Cannot show "\/nowhere\/stamp\.png"/);
  }));

Deno.test("no pictures go out where the site does not want them", () =>
  withSlack(async ({ env, server, folder }) => {
    const picture = join(folder, "stamp.png");
    await Deno.writeFile(picture, new Uint8Array(10));
    await Deno.writeTextFile(join(folder, "gppy.toml"), "[notices]\npictures = false\n");
    const site = await loadSite({ folder, env });
    await using slack = createNotifier(site, getLogger(["gppy", "notify"]), { env });
    slack.tell("finish", { ...SUMMARY, pictures: [picture] });
    await slack.flush(10);
    assert.deepEqual([server.messages.length, server.files.length], [1, 0]);
  }));

Deno.test("the token is in no log, outbox or request body, whatever Slack answers", async () => {
  const faults = [
    { status: 500 },
    { status: 403, body: `Bearer ${TOKEN}` },
    { status: 200, body: `<html>${TOKEN}</html>` },
    { status: 429, headers: { "retry-after": "3600" } },
    { error: `bad Bearer ${TOKEN}` },
    { error: "invalid_auth" },
  ];
  for (const fault of faults) {
    await withSlack(async ({ env, server, records, folder }) => {
      server.fail("chat.postMessage", fault);
      await using slack = await notifier(env);
      slack.tell("failure", { ...NIGHT, message: `called with ${TOKEN}` });
      const { waiting } = await slack.flush(2);
      assert.equal(waiting, 1, JSON.stringify(fault));
      assert.match(logged(records).join(), /^warning: Slack did not take a notice/);
      assertNoToken(records, server.requests.map(({ form }) => [...form]));
      for await (const { name } of Deno.readDir(join(folder, "journal"))) {
        const bytes = await Deno.readFile(join(folder, "journal", name));
        assert.ok(!new TextDecoder("latin1").decode(bytes).includes("very-secret"), name);
      }
    });
  }
});

Deno.test("what could not be sent is sent by the next gppy, once", () =>
  withSlack(async ({ env, server }) => {
    server.fail("chat.postMessage", { error: "invalid_auth" });
    {
      await using slack = await notifier(env);
      slack.tell("start", NIGHT, "a");
      assert.equal((await slack.flush(2)).waiting, 1);
      slack.tell("finish", SUMMARY, "b");
      assert.equal(slack.tell("finish", SUMMARY, "b"), false);
    }
    await using slack = await notifier(env);
    assert.equal((await slack.flush(10)).waiting, 0);
    assert.deepEqual(server.messages.map(({ text }) => text.slice(0, 10)), [
      ":telescope",
      ":white_che",
    ]);
  }));

Deno.test("flush() waits out a rate limit that is shorter than its time", () =>
  withSlack(async ({ env, server }) => {
    server.fail("chat.postMessage", { status: 429, headers: { "retry-after": "1" } });
    await using slack = await notifier(env);
    slack.tell("start", NIGHT);
    assert.equal((await slack.flush(10)).waiting, 0);
    assert.deepEqual(server.requests.map(({ result }) => result), ["429, wait 1 s", "ok"]);
  }));

Deno.test("a night goes on when the outbox cannot be written", () =>
  withSlack(async ({ env, server, records, folder }) => {
    await Deno.writeTextFile(join(folder, "journal"), "a file where a folder should be");
    await using slack = await notifier(env);
    slack.tell("start", NIGHT);
    await slack.flush(10);
    assert.equal(server.messages.length, 1);
    assert.match(logged(records).join(), /^warning: Cannot open the outbox/);
  }));

Deno.test("without keys the notifier says once that Slack is off, and stays silent", () =>
  withSlack(async ({ env, server, records }) => {
    await using slack = await notifier({ GPPY_SLACK_API_URL: env["GPPY_SLACK_API_URL"] ?? "" });
    assert.equal(slack.tell("start", NIGHT), false);
    await slack.flush(1);
    assert.equal(slack.active, false);
    assert.equal(server.requests.length, 0);
    assert.deepEqual(logged(records), [
      "info: Slack notices are off: there is no site folder with keys.dat",
    ]);
  }));

Deno.test("a keys.dat that everyone may read is a warning, and nothing is sent", () =>
  withSlack(async ({ env, server, records, folder }) => {
    const path = join(folder, "keys.dat");
    await Deno.writeTextFile(path, `slack_token ${TOKEN}\nslack_channel #night\n`);
    await Deno.chmod(path, 0o644);
    const site = await loadSite({ folder, env: {} });
    await using slack = createNotifier(site, getLogger(["gppy", "notify"]), { env });
    slack.tell("start", NIGHT);
    await slack.flush(1);
    assert.equal(server.requests.length, 0);
    assert.match(logged(records).join(), /^warning: Slack notices are off: .*chmod 600/);
    assertNoToken(records);
  }));

Deno.test("token and channel are taken from a keys.dat of one's own", () =>
  withSlack(async ({ env, server, folder }) => {
    const path = join(folder, "keys.dat");
    await Deno.writeTextFile(path, `slack_token ${TOKEN}\nslack_channel ${CHANNEL.name}\n`);
    await Deno.chmod(path, 0o600);
    const site = await loadSite({ folder, env: { GPPY_PATH_BASE: folder } });
    await using slack = createNotifier(site, getLogger(["gppy", "notify"]), { env });
    slack.tell("start", NIGHT);
    await slack.flush(10);
    assert.equal(server.messages.length, 1);
  }));

Deno.test("the token is sent neither in the clear to other machines nor to a wrong address", () =>
  withSlack(async ({ env, records }) => {
    for (const url of ["http://example.org/api/", "ftp://localhost/", "nonsense"]) {
      records.length = 0;
      await using slack = await notifier({ ...env, GPPY_SLACK_API_URL: url });
      assert.equal(slack.active, false, url);
      assert.match(logged(records).join(), /^warning: Slack notices are off: GPPY_SLACK_API_URL/);
      assertNoToken(records);
    }
  }));
