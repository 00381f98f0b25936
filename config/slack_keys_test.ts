import assert from "node:assert/strict";
import { join } from "node:path";
import { inspect } from "node:util";
import { configure, type LogRecord, reset } from "@logtape/logtape";
import { loadSite } from "./site.ts";
import { readSlackKeys, Secret } from "./slack_keys.ts";

const TOKEN = "xoxb-1234-secret";

async function withKeys(
  text: string,
  mode: number,
  test: (folder: string) => void | Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "gppy-keys-" });
  try {
    await Deno.writeTextFile(join(folder, "keys.dat"), text);
    await Deno.chmod(join(folder, "keys.dat"), mode);
    await test(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("a Secret shows as *** however it is printed", () => {
  const secret = new Secret(TOKEN);
  const shown = [
    `${secret}`,
    String(secret),
    JSON.stringify({ secret }),
    inspect({ secret }, { showHidden: true, depth: 9 }),
    Deno.inspect({ secret }, { showHidden: true }),
    Object.values(secret).join(),
    JSON.stringify(structuredClone({ ...secret })),
  ];
  for (const text of shown) assert.ok(!text.includes("1234"), text);
  assert.equal(secret.reveal(), TOKEN);
});

Deno.test("readSlackKeys() takes tabs or blanks, comments, the old name and its heading", async () => {
  const texts = [
    `slack_token\t${TOKEN}\nslack_channel\t#night\n`,
    `SLACK_TOKEN ${TOKEN}\nSLACK_CHANNEL #night\n`,
    `# mine\n\nname key\nslack    ${TOKEN}  \n  slack_channel #night`,
    `\uFEFFslack_channel #night\r\nslack_token ${TOKEN}\r\n`,
  ];
  for (const text of texts) {
    await withKeys(text, 0o600, (folder) => {
      const status = readSlackKeys(folder, {});
      assert.ok(status.state === "ok", JSON.stringify(status));
      assert.equal(status.keys.token.reveal(), TOKEN);
      assert.equal(status.keys.channel, "#night");
      assert.ok(!JSON.stringify(status).includes("1234"));
    });
  }
});

Deno.test("readSlackKeys() refuses a file that everyone may read, and says how to mend it", async () => {
  for (const mode of [0o644, 0o604, 0o602]) {
    await withKeys(`slack_token ${TOKEN}\nslack_channel #x\n`, mode, (folder) => {
      const status = readSlackKeys(folder, {});
      assert.ok(status.state === "refused");
      assert.match(status.message, /may be read or changed by every user.*run "chmod 600 /);
      assert.ok(!status.message.includes("1234"));
    });
  }
});

Deno.test("readSlackKeys() names the line that is wrong and never its value", async () => {
  const cases: [text: string, message: RegExp][] = [
    [`token ${TOKEN}\n`, /keys\.dat:1: the first word must be one of slack, slack_token/],
    [`# a\nslack_token\n`, /keys\.dat:2: a name and one value are needed, found 1 words/],
    [`slack_token ${TOKEN} more\n`, /keys\.dat:1: .*found 3 words/],
    [`slack ${TOKEN}\nslack_token ${TOKEN}\n`, /keys\.dat:2: slack_token stands twice/],
    [`slack_token ${TOKEN}\n`, /there is a token but no slack_channel/],
    [`${TOKEN}\n`, /keys\.dat:1/],
  ];
  for (const [text, message] of cases) {
    await withKeys(text, 0o600, (folder) => {
      const status = readSlackKeys(folder, {});
      assert.ok(status.state === "invalid");
      assert.match(status.message, message);
      assert.ok(!status.message.includes("1234"), status.message);
    });
  }
});

Deno.test("readSlackKeys() takes the environment before the file", async () => {
  const env = { GPPY_SLACK_TOKEN: "xoxb-env", GPPY_SLACK_CHANNEL: "C012" };
  const alone = readSlackKeys(null, env);
  assert.ok(alone.state === "ok");
  assert.equal(alone.source, "environment GPPY_SLACK_TOKEN");
  await withKeys(`slack_token ${TOKEN}\nslack_channel #file\n`, 0o600, (folder) => {
    const status = readSlackKeys(folder, { GPPY_SLACK_TOKEN: "xoxb-env" });
    assert.ok(status.state === "ok");
    assert.equal(status.keys.token.reveal(), "xoxb-env");
    assert.equal(status.keys.channel, "#file");
  });
});

Deno.test("keys() says once why there are none", async () => {
  const records: LogRecord[] = [];
  await configure({
    reset: true,
    sinks: { list: (record) => records.push(record) },
    loggers: [
      { category: ["gppy"], lowestLevel: "info", sinks: ["list"] },
      { category: ["logtape", "meta"], lowestLevel: "error", sinks: ["list"] },
    ],
  });
  try {
    const site = await loadSite({ env: {} });
    assert.equal(site.keys(), null);
    assert.equal(site.keys(), null);
    assert.equal(records.length, 1);
    await withKeys(`slack_token ${TOKEN}\nslack_channel #x\n`, 0o644, async (folder) => {
      const other = await loadSite({ folder, env: {} });
      assert.equal(other.keys(), null);
      assert.equal(records.at(-1)?.level, "warning");
      const explained = JSON.stringify(other.explain());
      assert.ok(!explained.includes("1234"));
    });
  } finally {
    await reset();
  }
});

Deno.test("explain() shows the token as ***", async () => {
  await withKeys(`slack_token ${TOKEN}\nslack_channel #x\n`, 0o600, async (folder) => {
    const site = await loadSite({ folder, env: {} });
    const slack = site.explain().find((entry) => entry.name === "slack");
    assert.equal(slack?.value, "#x, token ***");
    assert.equal(site.keys()?.token.reveal(), TOKEN);
  });
});
