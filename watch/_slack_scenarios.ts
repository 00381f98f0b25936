/**
 * The scenarios of Slack's failures, each a row of the table in `docs/notices.md`.
 *
 * @module
 */

import { type ServerOptions, TOKEN } from "./_slack_server.ts";
import type { Stage } from "./_slack_stage.ts";
import type { NewNotice } from "./outbox.ts";

/** What a scenario does and expects. */
export interface Scenario {
  readonly name: string;
  readonly server?: ServerOptions;
  readonly play: (stage: Stage) => Promise<void>;
}

const PICTURE = { name: "stamp.png", bytes: new Uint8Array(64) };
const withPicture: NewNotice = {
  key: "finish/picture",
  text: "stamp",
  thread: "finish",
  file: PICTURE,
};
/** Makes the channel's id known, as the first notice does. */
const known = async (stage: Stage) => {
  await stage.put("start").run();
};

/** Every scenario, in the order of the table. */
export const SCENARIOS: readonly Scenario[] = [
  {
    name: "All is well",
    play: async (stage) => void await stage.put("start", "finish", withPicture).run(),
  },
  {
    name: "Rate limit: 429 with Retry-After",
    play: async (stage) => {
      stage.server.fail("chat.postMessage", { status: 429, headers: { "retry-after": "30" } });
      await stage.put("start", "failure").run();
    },
  },
  {
    name: "500, three times",
    play: async (stage) => {
      await known(stage);
      for (let i = 0; i < 3; i++) stage.server.fail("chat.postMessage", { status: 500 });
      await stage.put("failure").run();
    },
  },
  {
    name: "500, but the message is there",
    server: { dropsDoubles: false },
    play: async (stage) => {
      await known(stage);
      stage.server.fail("chat.postMessage", "done-500");
      await stage.put("failure").run();
    },
  },
  {
    name: "No answer in time, nothing done",
    server: { dropsDoubles: false },
    play: async (stage) => {
      await known(stage);
      stage.server.fail("chat.postMessage", "hang");
      await stage.put("failure").run();
    },
  },
  {
    name: "No answer in time, but the message is there",
    server: { dropsDoubles: false },
    play: async (stage) => {
      await known(stage);
      stage.server.fail("chat.postMessage", "done-hang");
      await stage.put("failure").run();
    },
  },
  {
    name: "The same, and the app may not read the channel: Slack knows the id",
    server: { scopes: ["chat:write"] },
    play: async (stage) => {
      await known(stage);
      stage.server.fail("chat.postMessage", "done-hang");
      await stage.put("failure").run();
    },
  },
  {
    name: "Connection cut in the middle of the answer",
    server: { dropsDoubles: false },
    play: async (stage) => {
      await known(stage);
      stage.server.fail("chat.postMessage", "done-cut");
      await stage.put("failure").run();
    },
  },
  {
    name: "Connection refused for an hour",
    play: async (stage) => {
      await known(stage);
      await stage.stopServer();
      await stage.put("failure", "start 2", "finish 2").run(1);
      await stage.startServer().run();
    },
  },
  {
    name: "Bad token, then a good one",
    play: async (stage) => {
      await stage.restart("xoxb-wrong").put("start").run(0.5);
      await stage.restart(TOKEN).put("finish").run();
    },
  },
  {
    name: "Killed between Slack's answer and its record",
    server: { dropsDoubles: false },
    play: async (stage) => {
      await known(stage);
      await stage.put("failure").dieAfterPosting();
      await stage.run();
    },
  },
  {
    name: "One event told twice",
    play: async (stage) => void await stage.put("parked", "parked").run(),
  },
  {
    name: "The app may not upload",
    server: { scopes: ["chat:write", "channels:history"] },
    play: async (stage) => void await stage.put("finish", withPicture).run(),
  },
  {
    name: "No answer to the upload's last step",
    play: async (stage) => {
      stage.server.fail("files.completeUploadExternal", "done-hang");
      await stage.put("finish", withPicture).run();
    },
  },
  {
    name: "An upload fails before its last step",
    play: async (stage) => {
      stage.server.fail("files.getUploadURLExternal", { status: 503 });
      await stage.put("finish", withPicture).run();
    },
  },
  {
    name: "A message that Slack refuses; the next one goes",
    play: async (stage) => {
      stage.server.fail("chat.postMessage", { error: "msg_too_long" });
      await stage.put("finish", "failure").run();
    },
  },
  {
    name: "A message that always fails; others pass it",
    play: async (stage) => {
      for (let i = 0; i < 7; i++) stage.server.fail("chat.postMessage", { status: 500 });
      await stage.put("poison", "failure").run();
    },
  },
  {
    name: "A proxy answers with a page",
    play: async (stage) => {
      stage.server.fail("chat.postMessage", { status: 200, body: "<html>log in</html>" });
      await stage.put("failure").run();
    },
  },
  {
    name: "Slack is away for three weeks",
    play: async (stage) => {
      await stage.stopServer();
      await stage.put("failure").run(1);
      stage.wait(21 * 24 * 60).tidy(14);
      await stage.startServer().put("start").run();
    },
  },
];
