/**
 * Where a scenario of Slack's failures is played: a real HTTP server, an outbox, a courier,
 * and a clock that jumps to the next try.
 *
 * @module
 */

import assert from "node:assert/strict";
import { join } from "node:path";
import { getLogger } from "@logtape/logtape";
import { Secret } from "../config/slack_keys.ts";
import { CHANNEL, type ServerOptions, SlackServer, TOKEN } from "./_slack_server.ts";
import { Courier } from "./courier.ts";
import { type NewNotice, Outbox } from "./outbox.ts";
import { SlackClient } from "./slack_client.ts";

/** When the scenarios begin. */
const START_MS = Date.parse("2024-04-23T10:00:00Z");
/** How long the client waits for an answer, for real. */
const TIMEOUT_S = 0.3;

/** A row of the table. */
export interface ScenarioRow {
  readonly name: string;
  readonly requests: string;
  readonly times: string;
  readonly end: string;
}

/** One scenario being played. */
export class Stage implements AsyncDisposable {
  server: SlackServer;
  readonly folder: string;
  readonly #options: ServerOptions;
  readonly #seen: SlackServer[] = [];
  #outbox: Outbox;
  #courier: Courier;
  #nowMs = START_MS;
  #token = TOKEN;

  constructor(folder: string, options: ServerOptions) {
    this.folder = folder;
    this.#options = { ...options, now: () => this.#nowMs };
    this.server = new SlackServer(this.#options);
    this.#seen.push(this.server);
    this.#outbox = new Outbox(join(folder, "outbox.sqlite"));
    this.#courier = this.#newCourier();
  }

  /** Puts notices in. */
  put(...notices: readonly (string | NewNotice)[]): this {
    for (const notice of notices) {
      this.#outbox.put(
        typeof notice === "string" ? { key: notice, text: notice } : notice,
        this.#nowMs,
      );
    }
    return this;
  }

  /** Lets time pass until nothing waits, or for a number of hours. */
  async run(hours = 24): Promise<this> {
    const end = this.#nowMs + hours * 3_600_000;
    for (;;) {
      const { againMs } = await this.#courier.round();
      if (againMs === undefined || againMs > end) return this;
      this.#nowMs = Math.max(this.#nowMs + 1, againMs);
    }
  }

  /** Lets time pass without a courier. */
  wait(minutes: number): this {
    this.#nowMs += minutes * 60_000;
    return this;
  }

  /** The process ends, and another begins on the same outbox. */
  restart(token = TOKEN): this {
    this.#outbox[Symbol.dispose]();
    this.#token = token;
    this.#outbox = new Outbox(join(this.folder, "outbox.sqlite"));
    if (this.#outbox.pause()?.cause === "settings") this.#outbox.endPause();
    this.#courier = this.#newCourier();
    return this;
  }

  /** Slack has the next notice, and the process dies before it has recorded it. */
  async dieAfterPosting(): Promise<this> {
    assert.ok(this.#outbox.acquire(this.#nowMs, 120_000));
    const notice = this.#outbox.take(this.#nowMs);
    assert.ok(notice);
    await this.#client().post({ text: notice.text, messageId: notice.messageId });
    return this.wait(3).restart();
  }

  /** Nothing listens at Slack's address any more. */
  async stopServer(): Promise<this> {
    await this.server[Symbol.asyncDispose]();
    return this;
  }

  /** A server listens at the address again; what it is asked counts to the same scenario. */
  startServer(): this {
    const port = Number(new URL(this.server.url).port);
    this.server = new SlackServer({ ...this.#options, port });
    this.#seen.push(this.server);
    return this;
  }

  /** Sums up what was seen. */
  row(name: string): ScenarioRow {
    const requests = this.#seen.flatMap((server) => server.requests);
    const messages = this.#seen.flatMap((server) => server.messages);
    const files = this.#seen.flatMap((server) => server.files.map((file) => file.name));
    const first = (text: string) => text.split("\n")[0] ?? "";
    const counted = new Map<string, number>();
    for (const text of [...messages.map(({ text }) => first(text)), ...files]) {
      counted.set(text, (counted.get(text) ?? 0) + 1);
    }
    const waiting = this.#outbox.list(["waiting", "sending"]).map(({ key }) => key);
    const refused = this.#outbox.list(["refused"]).map(({ key, reason }) =>
      `${key}: ${reason?.replace(/127\.0\.0\.1:\d+/, "127.0.0.1")}`
    );
    return {
      name,
      requests: requests.map(({ atMs, method, form, result }) =>
        `${elapsed(atMs - START_MS)} ${shortMethod(method)}${nameOf(form)}: ${result}`
      ).join("; "),
      times: [...counted].map(([text, times]) => `${text} ×${times}`).join(", "),
      end: [
        waiting.length === 0 ? "nothing waits" : `waits: ${waiting.join(", ")}`,
        ...refused.map((reason) => `given up: ${reason}`),
      ].join("; "),
    };
  }

  /** Whether a text stands anywhere in the outbox's files. */
  async holds(text: string): Promise<boolean> {
    for await (const { name } of Deno.readDir(this.folder)) {
      const bytes = await Deno.readFile(join(this.folder, name));
      if (new TextDecoder("latin1").decode(bytes).includes(text)) return true;
    }
    return false;
  }

  /** Gives up what waited for more than a number of days, as each start does. */
  tidy(days: number): this {
    this.#outbox.tidy(this.#nowMs, days);
    return this;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#outbox[Symbol.dispose]();
    await this.server[Symbol.asyncDispose]();
  }

  #client(): SlackClient {
    const keys = { token: new Secret(this.#token), channel: CHANNEL.name };
    return new SlackClient(keys, { slackApiUrl: this.server.url, timeoutS: TIMEOUT_S });
  }

  #newCourier(): Courier {
    return new Courier(this.#outbox, this.#client(), getLogger(["gppy", "notify"]), {
      now: () => this.#nowMs,
      sleep: (ms) => {
        this.#nowMs += ms;
        return Promise.resolve();
      },
    });
  }
}

function elapsed(ms: number): string {
  const seconds = Math.round(ms / 1000);
  if (seconds < 120) return `${seconds} s`;
  return seconds < 7200 ? `${Math.round(seconds / 60)} min` : `${Math.round(seconds / 3600)} h`;
}

function shortMethod(method: string): string {
  return method.startsWith("/upload/")
    ? "upload"
    : method.replace("chat.postMessage", "post").replace("conversations.history", "look")
      .replace("files.getUploadURLExternal", "ask for upload")
      .replace("files.completeUploadExternal", "show");
}

function nameOf(form: ReadonlyMap<string, string>): string {
  const text = form.get("text")?.split("\n")[0];
  return text === undefined ? "" : ` “${text.slice(0, 12)}”`;
}
