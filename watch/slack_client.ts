/**
 * What gppy asks of Slack, and what each answer means for a notice: it is there, it may be
 * there, try later, someone must change a setting, or it will never be taken.
 *
 * The token never leaves this module except in the header of a request.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import type { ChatPostMessageResponse, WebClient } from "@slack/web-api";
import type { SlackKeys } from "../config/site.ts";
import { interpretError, type SlackFailure } from "./slack_errors.ts";

export type { SlackFailure } from "./slack_errors.ts";

/** How Slack is reached. */
export interface SlackSettings {
  /** Address of the API, ending in a slash. */
  readonly slackApiUrl: string;
  /** How long to wait for one answer, in seconds. */
  readonly timeoutS: number;
}

/** Slack has the message. */
export interface SlackTaken {
  readonly outcome: "taken";
  /** Id of the channel. */
  readonly channel: string | null;
  /** Time stamp by which Slack knows the message. */
  readonly ts: string | null;
}

/** What became of a request. */
export type SlackAnswer = SlackTaken | SlackFailure;

/** A message for the channel. */
export interface SlackMessage {
  readonly text: string;
  /** The same in every attempt: Slack takes one message of an id, where it knows the field. */
  readonly messageId: string;
}

/** A picture for the thread of a message. */
export interface SlackPicture {
  readonly channel: string;
  readonly thread: string;
  readonly name: string;
  readonly title: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** Name of the metadata event by which gppy finds its own messages again. */
const EVENT = "gppy_notice";
/** Slack's and the own clock may differ by this much. */
const SLACK_CLOCK_S = 300;

/** Speaks to Slack's Web API. No method throws. */
export class SlackClient {
  readonly #keys: SlackKeys;
  readonly #settings: SlackSettings;
  #client: Promise<WebClient> | undefined;
  #lastUrl = "";

  /**
   * Prepares the client; nothing is sent.
   *
   * @param keys Token and channel.
   * @param settings How Slack is reached.
   */
  constructor(keys: SlackKeys, settings: SlackSettings) {
    this.#keys = keys;
    this.#settings = settings;
  }

  /** The channel as the keys name it. */
  get channel(): string {
    return this.#keys.channel;
  }

  /** Replaces the token, plain or as part of an address, by `***`. */
  hide(text: string): string {
    const token = this.#keys.token.reveal();
    return text.replaceAll(token, "***").replaceAll(encodeURIComponent(token), "***");
  }

  /** Posts a message. */
  async post(message: SlackMessage): Promise<SlackAnswer> {
    return await this.#ask(async (client) => {
      const answer: ChatPostMessageResponse = await client.apiCall("chat.postMessage", {
        channel: this.#keys.channel,
        text: message.text,
        client_msg_id: message.messageId,
        metadata: { event_type: EVENT, event_payload: { id: message.messageId } },
        unfurl_links: false,
        unfurl_media: false,
      });
      return taken(answer.channel, answer.ts);
    });
  }

  /**
   * Looks whether a message of which no answer came is in the channel.
   *
   * @param messageId Its id.
   * @param channel Id of the channel.
   * @param sinceMs When it was first tried, milliseconds since 1970.
   * @returns Taken, `absent`, or why it cannot be known.
   */
  async find(
    messageId: string,
    channel: string,
    sinceMs: number,
  ): Promise<SlackAnswer | { readonly outcome: "absent" }> {
    return await this.#ask(async (client) => {
      let cursor: string | undefined;
      do {
        const page = await client.conversations.history({
          channel,
          oldest: String(Math.floor(sinceMs / 1000) - SLACK_CLOCK_S),
          limit: 200,
          include_all_metadata: true,
          ...(cursor === undefined ? {} : { cursor }),
        });
        const found = (page.messages ?? []).find((message) => idOf(message) === messageId);
        if (found !== undefined) return taken(channel, found.ts);
        cursor = page.response_metadata?.next_cursor || undefined;
      } while (cursor !== undefined);
      return { outcome: "absent" };
    });
  }

  /**
   * Shows a picture in the thread of a message (files upload, second version). It can be
   * seen only when the last of three requests was taken.
   */
  async show(picture: SlackPicture): Promise<SlackAnswer> {
    this.#lastUrl = "";
    const answer = await this.#ask(async (client) => {
      await client.filesUploadV2({
        channel_id: picture.channel,
        thread_ts: picture.thread,
        file: Buffer.from(picture.bytes),
        filename: picture.name,
        title: picture.title,
        alt_text: picture.title,
      });
      return taken(picture.channel, undefined);
    });
    const last = this.#lastUrl.endsWith("/files.completeUploadExternal");
    return answer.outcome === "taken" || last ? answer : { ...answer, unsure: false };
  }

  async #ask<Answer>(
    work: (client: WebClient) => Promise<Answer>,
  ): Promise<Answer | SlackFailure> {
    try {
      return await work(await (this.#client ??= this.#connect()));
    } catch (error) {
      const failure = interpretError(error);
      return { ...failure, reason: this.hide(failure.reason) };
    }
  }

  /** Loaded when first needed: most commands never speak to Slack. */
  async #connect(): Promise<WebClient> {
    const { LogLevel, WebClient } = await import("./_slack_library.ts");
    const { slackApiUrl, timeoutS } = this.#settings;
    const ignore = () => {};
    return new WebClient(this.#keys.token.reveal(), {
      slackApiUrl,
      timeout: timeoutS * 1000,
      allowAbsoluteUrls: false,
      rejectRateLimitedCalls: true, // the outbox waits, not the client
      retryConfig: { retries: 0 }, // and it knows what an attempt may have left behind
      fetch: (url, init) => {
        this.#lastUrl = String(url);
        return fetch(url, init);
      },
      logger: {
        debug: ignore,
        info: ignore,
        warn: ignore, // every failure reaches #ask() as an error
        error: ignore,
        setLevel: ignore,
        getLevel: () => LogLevel.ERROR,
        setName: ignore,
      },
    });
  }
}

function taken(channel: unknown, ts: unknown): SlackTaken {
  return {
    outcome: "taken",
    channel: typeof channel === "string" ? channel : null,
    ts: typeof ts === "string" ? ts : null,
  };
}

function idOf(message: object): unknown {
  const { client_msg_id: own, metadata } = message as {
    client_msg_id?: string;
    metadata?: { event_payload?: { id?: unknown } };
  };
  return metadata?.event_payload?.id ?? own;
}
