/**
 * Slack notices of a site: what happens to nights goes into the outbox at once and from
 * there to Slack, in the background. What goes wrong with Slack never stops a night, and
 * the token never appears in a message, a log, an error or the outbox.
 *
 * @module
 */

import { randomUUID } from "node:crypto";
import { basename } from "node:path";
import type { Logger } from "@logtape/logtape";
import type { Environment } from "../config/explain.ts";
import type { Site } from "../config/site.ts";
import { Courier, type CourierOptions, type Delivery } from "./courier.ts";
import { journalPath } from "./journal.ts";
import { describeNotice } from "./notice_text.ts";
import type { NoticeBody, NoticeKind } from "./notices.ts";
import { Outbox } from "./outbox.ts";
import { SlackClient } from "./slack_client.ts";

/** A notice in words. */
export interface Message {
  /** Names the event: a second message with the same key is not sent. */
  readonly key: string;
  /** In Slack's markup. */
  readonly text: string;
  /** A PNG file for the thread of the message, shown where the site allows it. */
  readonly picture?: string | undefined;
}

/** Tells people about nights. No method throws for what goes wrong with Slack. */
export interface Notifier extends AsyncDisposable {
  /** Whether notices go anywhere. */
  readonly active: boolean;
  /**
   * Puts a notice into the outbox; it leaves in the background.
   *
   * @param kind What it is about.
   * @param body The facts.
   * @param key Names the event; made up if left out.
   * @returns False if it was there already, or notices are off; undefined if the outbox could not
   * keep it, such as on a full disk.
   */
  tell(kind: NoticeKind, body: NoticeBody, key?: string): boolean | undefined;
  /** Puts a message into the outbox; returns as {@linkcode tell}. */
  say(message: Message): boolean | undefined;
  /**
   * Waits until nothing is left to send, or for a time; what remains stays in the outbox.
   *
   * @param timeoutS How long, in seconds.
   * @returns Where the outbox stands.
   */
  flush(timeoutS: number): Promise<Delivery>;
}

/** Environment, outbox, and how long to wait for Slack. */
export interface NotifierOptions {
  /** Environment with `GPPY_SLACK_API_URL`; that of the process if left out. */
  readonly env?: Environment;
  /** How long to wait for one answer, in seconds. */
  readonly timeoutS?: number;
  /** The database of the outbox; the journal of the site if left out. */
  readonly outbox?: string;
  /** Clock and pace of the courier. */
  readonly courier?: CourierOptions;
}

const TIMEOUT_S = 10;
/** Days after which a notice that could not be sent is given up. */
const GIVE_UP_DAYS = 14;
const DAY_MS = 86_400_000;
/** Larger pictures are not shown. */
const PICTURE_BYTES = 4 << 20;

/**
 * Makes the notifier of a site; dispose of it to close the outbox.
 *
 * Without keys it stays silent, and says so once in the log: as information when
 * there is no `keys.dat`, as a warning when there is one that cannot be used.
 *
 * @param site Has the keys, the folders, and `[notices] pictures = false` where they are not wanted.
 * @param log Told why Slack is off, and of notices that Slack did not take.
 * @param options Environment, outbox, and how long to wait for Slack.
 * @returns The notifier.
 */
export function createNotifier(
  site: Pick<Site, "keysStatus" | "paths" | "stageSettings">,
  log: Logger,
  options: NotifierOptions = {},
): Notifier {
  const status = site.keysStatus();
  const api = apiUrl(options.env ?? Deno.env.toObject());
  const off = status.state !== "ok"
    ? status.message
    : "problem" in api
    ? `Slack notices are off: ${api.problem}`
    : undefined;
  if (off !== undefined) {
    if (status.state === "missing") log.info("{off}", { off });
    else log.warn("{off}", { off });
  }
  if (status.state !== "ok" || "problem" in api) return SILENT;
  const slack = new SlackClient(status.keys, {
    slackApiUrl: api.url,
    timeoutS: options.timeoutS ?? TIMEOUT_S,
  });
  const outbox = openOutbox(options.outbox ?? journalPath(site.paths), log);
  const pictures = site.stageSettings("notices")["pictures"] !== false;
  return new SlackNotifier(outbox, slack, { log, pictures, courier: options.courier ?? {} });
}

const SILENT: Notifier = {
  active: false,
  tell: () => false,
  say: () => false,
  flush: () => Promise.resolve({ sent: 0, waiting: 0, againMs: undefined }),
  [Symbol.asyncDispose]: () => Promise.resolve(),
};

/** The token travels in the clear to http, so that only this machine may ask for it. */
function apiUrl(env: Environment): { url: string } | { problem: string } {
  const text = env["GPPY_SLACK_API_URL"] || "https://slack.com/api/";
  if (!URL.canParse(text)) return { problem: `GPPY_SLACK_API_URL is not an address: "${text}"` };
  const url = new URL(text);
  const local = ["localhost", "127.0.0.1", "[::1]"].includes(url.hostname);
  if (url.protocol !== "https:" && !(url.protocol === "http:" && local)) {
    return { problem: `GPPY_SLACK_API_URL must be https: "${url.origin}"` };
  }
  return { url: url.href.endsWith("/") ? url.href : `${url.href}/` };
}

/** A full disk or a damaged file costs the memory of unsent notices, not the night. */
function openOutbox(path: string, log: Logger): Outbox {
  try {
    return new Outbox(path);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    log.warn("Cannot open the outbox {path}: {reason}; notices that cannot be sent are lost", {
      path,
      reason,
    });
    return new Outbox(":memory:");
  }
}

interface NotifierParts {
  readonly log: Logger;
  readonly pictures: boolean;
  readonly courier: CourierOptions;
}

class SlackNotifier implements Notifier {
  readonly active = true;
  readonly #outbox: Outbox;
  readonly #slack: SlackClient;
  readonly #courier: Courier;
  readonly #parts: NotifierParts;
  readonly #now: () => number;
  #round: Promise<Delivery> | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #closed = false;
  #tidiedMs = -Infinity;

  constructor(outbox: Outbox, slack: SlackClient, parts: NotifierParts) {
    this.#outbox = outbox;
    this.#slack = slack;
    this.#parts = parts;
    this.#now = parts.courier.now ?? Date.now;
    this.#courier = new Courier(outbox, slack, parts.log, parts.courier);
    this.#tidy();
    // The token or the channel may be another one than that which was turned down.
    if (outbox.pause()?.cause === "settings") outbox.endPause();
    this.#kick(0);
  }

  tell(kind: NoticeKind, body: NoticeBody, key: string = randomUUID()): boolean | undefined {
    return this.say({ key, text: describeNotice(kind, body), picture: body.pictures?.[0] });
  }

  say({ key, text, picture }: Message): boolean | undefined {
    if (this.#closed) return undefined;
    try {
      const isNew = this.#outbox.put({ key, text: this.#slack.hide(text) }, this.#now());
      if (isNew && picture !== undefined && this.#parts.pictures) this.#addPicture(key, picture);
      this.#kick(0);
      return isNew;
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      this.#parts.log.warn("Cannot keep a notice: {reason}", { reason });
      return undefined;
    }
  }

  async flush(timeoutS: number): Promise<Delivery> {
    const until = this.#now() + timeoutS * 1000;
    for (;;) {
      const delivery = await this.#deliver(until);
      const again = delivery.againMs;
      if (delivery.waiting === 0 || again === undefined || again > until) return delivery;
      await new Promise((resolve) => setTimeout(resolve, Math.max(10, again - this.#now())));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    await this.#round;
    this.#outbox[Symbol.dispose]();
  }

  /** Once a day, as a watcher may run for months. */
  #tidy(): void {
    const now = this.#now();
    if (Math.abs(now - this.#tidiedMs) < DAY_MS) return;
    this.#tidiedMs = now;
    const given = this.#outbox.tidy(now, GIVE_UP_DAYS);
    if (given > 0) this.#parts.log.warn("{given} notices could not be sent for days", { given });
  }

  #addPicture(key: string, path: string): void {
    const name = basename(path);
    try {
      const bytes = Deno.readFileSync(path);
      if (bytes.length > PICTURE_BYTES) throw new Error(`it has ${bytes.length} bytes`);
      const file = { name, bytes };
      this.#outbox.put({ key: `${key}/picture`, text: name, thread: key, file }, this.#now());
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      this.#parts.log.info('Cannot show "{path}": {reason}', { path, reason });
    }
  }

  /** One round at a time; a second caller waits for the first and then begins its own. */
  async #deliver(until: number): Promise<Delivery> {
    while (this.#round !== undefined) await this.#round;
    this.#round = this.#courier.round(until);
    try {
      return await this.#round;
    } finally {
      this.#round = undefined;
    }
  }

  #kick(waitMs: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#background(), Math.min(waitMs, 2 ** 31 - 1));
    Deno.unrefTimer(Number(this.#timer));
  }

  async #background(): Promise<void> {
    if (this.#closed || this.#round !== undefined) return;
    try {
      this.#tidy();
      const { againMs } = await this.#deliver(Infinity);
      if (againMs !== undefined && !this.#closed) this.#kick(Math.max(10, againMs - this.#now()));
    } catch (error) {
      const reason = this.#slack.hide(error instanceof Error ? error.message : String(error));
      this.#parts.log.warn("Cannot send notices: {reason}", { reason });
    }
  }
}
