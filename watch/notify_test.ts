import assert from "node:assert/strict";
import { join } from "node:path";
import { inspect } from "node:util";
import { configure, getLogger, type LogRecord, reset } from "@logtape/logtape";
import { DataError } from "../config/errors.ts";
import { loadSite } from "../config/site.ts";
import { createNotifier, type NightSummary, type NotifierOptions } from "./notify.ts";

const TOKEN = "xoxb-17-very-secret";
const NIGHT = { unit: "7DT07", date: "2024-04-23" };
const SUMMARY: NightSummary = {
  ...NIGHT,
  elapsedS: 3725,
  raw: 40,
  frames: 30,
  stacks: 3,
  differences: 3,
  transients: 2,
  left: [],
};

interface Request {
  readonly path: string;
  readonly authorization: string | null;
  readonly form: URLSearchParams;
}

type Answer = (request: Request) => Response | Promise<Response>;

const slackAnswer: Answer = ({ authorization }) =>
  authorization === `Bearer ${TOKEN}`
    ? Response.json({ ok: true, ts: "1.2", channel: "C1" })
    : Response.json({ ok: false, error: "invalid_auth" });

/** Runs a real HTTP server and gives all that it was asked and all that was logged. */
async function withSlack(
  answer: Answer,
  test: (
    world: { env: Record<string, string>; requests: Request[]; records: LogRecord[] },
  ) => Promise<void>,
): Promise<void> {
  const requests: Request[] = [];
  const records: LogRecord[] = [];
  const closing = new AbortController();
  const server = Deno.serve(
    { port: 0, hostname: "127.0.0.1", signal: closing.signal, onListen: () => {} },
    async (request) => {
      const seen = {
        path: new URL(request.url).pathname,
        authorization: request.headers.get("authorization"),
        form: new URLSearchParams(await request.text()),
      };
      requests.push(seen);
      return await answer(seen);
    },
  );
  await configure({
    reset: true,
    sinks: { list: (record) => records.push(record) },
    loggers: [
      { category: ["gppy"], lowestLevel: "debug", sinks: ["list"] },
      { category: ["logtape", "meta"], lowestLevel: "error", sinks: ["list"] },
    ],
  });
  const env = {
    GPPY_SLACK_TOKEN: TOKEN,
    GPPY_SLACK_CHANNEL: "#night",
    GPPY_SLACK_API_URL: `http://127.0.0.1:${server.addr.port}/api`,
  };
  try {
    await test({ env, requests, records });
  } finally {
    closing.abort();
    await server.finished;
    await reset();
  }
}

async function notifier(env: Record<string, string>, options: NotifierOptions = {}) {
  const site = await loadSite({ env });
  return createNotifier(site, getLogger(["gppy", "notify"]), { env, retries: 0, ...options });
}

function logged(records: readonly LogRecord[]): string[] {
  return records.map((record) => `${record.level}: ${record.message.map(String).join("")}`);
}

function assertNoToken(...things: readonly unknown[]): void {
  for (const thing of things) {
    assert.ok(!inspect(thing, { depth: 9, showHidden: true }).includes("very-secret"));
    assert.ok(!(JSON.stringify(thing) ?? "").includes("very-secret"));
  }
}

Deno.test("the notifier posts start, finish and failure to the channel", () =>
  withSlack(slackAnswer, async ({ env, requests, records }) => {
    const slack = await notifier(env);
    assert.equal(slack.active, true);
    await slack.start(NIGHT);
    await slack.finish(SUMMARY);
    await slack.failure({
      ...NIGHT,
      stage: "astrom",
      error: new DataError('Cannot read "a<b>.fits": 3 & 4 bytes'),
      next: "tried again in 10 minutes",
    });
    assert.deepEqual(logged(records), []);
    assert.deepEqual(requests.map(({ path }) => path), Array(3).fill("/api/chat.postMessage"));
    assert.ok(requests.every(({ form }) => form.get("channel") === "#night"));
    const [start, finish, failure] = requests.map(({ form }) => form.get("text"));
    assert.equal(start, ":telescope: *7DT07* 2024-04-23: started");
    assert.match(
      finish ?? "",
      /done in 1 h 2 min: 30 frames from 40 raw ones, 3 stacks, 3 differences, 2 transients$/,
    );
    assert.match(
      failure ?? "",
      /failed in astrom: DataError\nCannot read "a&lt;b&gt;\.fits": 3 &amp; 4 bytes/,
    );
    assert.match(failure ?? "", /\nNext: tried again in 10 minutes$/);
  }));

Deno.test("the finish notice lists what was left behind, shortened", () =>
  withSlack(slackAnswer, async ({ env, requests }) => {
    const left = Array.from({ length: 7 }, (_, index) => ({
      stage: "calib",
      id: `frame${index}`,
      message: "x".repeat(2000),
    }));
    await (await notifier(env)).finish({ ...SUMMARY, left, transients: null });
    const text = requests[0]?.form.get("text") ?? "";
    assert.match(text, /7 left behind:\n• calib: frame0: x+…/);
    assert.match(text, /frame4/);
    assert.doesNotMatch(text, /frame5|transients/);
    assert.match(text, /• and 2 more$/);
    assert.ok(text.length < 4000);
  }));

Deno.test("a bad token is one warning a notice, and the token is never shown", () =>
  withSlack(slackAnswer, async ({ env, records }) => {
    const bad = { ...env, GPPY_SLACK_TOKEN: "xoxb-wrong-very-secret" };
    const slack = await notifier(bad);
    await slack.start(NIGHT);
    await slack.failure({ ...NIGHT, error: new Error("x") });
    assert.equal(records.length, 2);
    assert.match(logged(records)[0] ?? "", /^warning: Slack did not take a notice: .*invalid_auth/);
    assertNoToken(records, slack);
  }));

Deno.test("what Slack answers never stops a night and never shows the token", async () => {
  const answers: [name: string, answer: Answer, reason: RegExp][] = [
    ["error page", () => new Response("broken", { status: 500 }), /500/],
    ["no JSON", () => new Response("<html>", { status: 200 }), /Slack did not take a notice/],
    ["echo", ({ authorization }) => new Response(authorization, { status: 403 }), /403/],
    [
      "rate limit",
      () => new Response("", { status: 429, headers: { "retry-after": "3600" } }),
      /rate-limit/,
    ],
    [
      "echoed in an error",
      ({ authorization }) => Response.json({ ok: false, error: `bad ${authorization}` }),
      /bad Bearer \*\*\*/,
    ],
  ];
  for (const [name, answer, reason] of answers) {
    await withSlack(answer, async ({ env, records }) => {
      await (await notifier(env)).start(NIGHT);
      assert.equal(records.length, 1, name);
      assert.match(logged(records)[0] ?? "", reason, name);
      assertNoToken(records);
    });
  }
});

Deno.test("a server that never answers is given up", () => {
  const held = Promise.withResolvers<Response>();
  return withSlack(() => held.promise, async ({ env, records }) => {
    await (await notifier(env, { timeoutS: 0.2 })).start(NIGHT);
    assert.equal(records.length, 1);
    held.resolve(new Response(""));
  });
});

Deno.test("a notice is tried again after a broken answer", () => {
  let asked = 0;
  const answer: Answer = (request) =>
    ++asked === 1 ? new Response("", { status: 502 }) : slackAnswer(request);
  return withSlack(answer, async ({ env, requests, records }) => {
    await (await notifier(env, { retries: 1 })).start(NIGHT);
    assert.deepEqual(logged(records), []);
    assert.equal(requests.length, 2);
  });
});

Deno.test("a server that cannot be reached is one warning", () =>
  withSlack(slackAnswer, async ({ env, records }) => {
    const unused = Deno.listen({ port: 0, hostname: "127.0.0.1" });
    const { port } = unused.addr;
    unused.close();
    const slack = await notifier({ ...env, GPPY_SLACK_API_URL: `http://127.0.0.1:${port}/api/` });
    await slack.start(NIGHT);
    assert.match(logged(records).join(), /^warning: Slack did not take a notice/);
    assertNoToken(records);
  }));

Deno.test("without keys the notifier says once that Slack is off, and stays silent", () =>
  withSlack(slackAnswer, async ({ env, requests, records }) => {
    const slack = await notifier({ GPPY_SLACK_API_URL: env["GPPY_SLACK_API_URL"] ?? "" });
    await slack.start(NIGHT);
    await slack.finish(SUMMARY);
    assert.equal(slack.active, false);
    assert.equal(requests.length, 0);
    assert.deepEqual(logged(records), ["info: Slack notices are off: no slack_token in keys.dat"]);
  }));

Deno.test("a keys.dat that everyone may read is a warning, and nothing is sent", () =>
  withSlack(slackAnswer, async ({ env, requests, records }) => {
    const folder = await Deno.makeTempDir({ prefix: "gppy-notify-" });
    try {
      const path = join(folder, "keys.dat");
      await Deno.writeTextFile(path, `slack_token ${TOKEN}\nslack_channel #night\n`);
      await Deno.chmod(path, 0o644);
      const site = await loadSite({ folder, env: {} });
      const slack = createNotifier(site, getLogger(["gppy", "notify"]), { env });
      await slack.start(NIGHT);
      assert.equal(requests.length, 0);
      assert.match(logged(records).join(), /^warning: Slack notices are off: .*chmod 600/);
      assertNoToken(records);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  }));

Deno.test("the token is sent neither in the clear to other machines nor to a wrong address", () =>
  withSlack(slackAnswer, async ({ env, records }) => {
    for (const url of ["http://example.org/api/", "ftp://localhost/", "nonsense"]) {
      records.length = 0;
      const slack = await notifier({ ...env, GPPY_SLACK_API_URL: url });
      assert.equal(slack.active, false, url);
      assert.match(logged(records).join(), /^warning: Slack notices are off: GPPY_SLACK_API_URL/);
      assertNoToken(records);
    }
  }));

Deno.test("a token inside an error message is hidden from Slack too", () =>
  withSlack(slackAnswer, async ({ env, requests, records }) => {
    const error = new Error(`called with ${TOKEN}`);
    await (await notifier(env)).failure({ ...NIGHT, error });
    assert.match(requests[0]?.form.get("text") ?? "", /defect \(Error\)\ncalled with \*\*\*/);
    assertNoToken(requests.map(({ form }) => form.toString()), records);
  }));
