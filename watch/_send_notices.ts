/**
 * Sends what waits in an outbox, to be killed by a test:
 *
 *   _send_notices.ts OUTBOX API_URL
 *
 * @module
 */

import { getLogger } from "@logtape/logtape";
import { Secret } from "../config/slack_keys.ts";
import { CHANNEL, TOKEN } from "./_slack_server.ts";
import { Courier } from "./courier.ts";
import { Outbox } from "./outbox.ts";
import { SlackClient } from "./slack_client.ts";

const [path = "", slackApiUrl = ""] = Deno.args;
using outbox = new Outbox(path);
const keys = { token: new Secret(TOKEN), channel: CHANNEL.name };
const slack = new SlackClient(keys, { slackApiUrl, timeoutS: 5 });
const courier = new Courier(outbox, slack, getLogger(["gppy"]), { gapMs: 10 });
while ((await courier.round()).waiting > 0) {
  await new Promise((resolve) => setTimeout(resolve, 5));
}
