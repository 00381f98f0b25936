/**
 * Takes notices from the outbox to Slack: in order, one at a time over all processes, each once.
 *
 * @module
 */

import type { Logger } from "@logtape/logtape";
import type { Notice, Outbox, Pause } from "./outbox.ts";
import type { SlackAnswer, SlackClient, SlackFailure } from "./slack_client.ts";

/** When to send, and for how long to keep trying. */
export interface CourierOptions {
  /** Wall clock, milliseconds since 1970. */
  readonly now?: () => number;
  /** Waits between two notices. */
  readonly sleep?: (ms: number) => Promise<void>;
  /** Slack takes about one message a second in a channel. */
  readonly gapMs?: number;
}

/** Where the outbox stands after a round. */
export interface Delivery {
  /** Notices that went out. */
  readonly sent: number;
  /** Notices that wait. */
  readonly waiting: number;
  /** When to try again, milliseconds since 1970; undefined if nothing waits for a time. */
  readonly againMs: number | undefined;
}

/** The first wait after a failure, doubled with each one in a row. */
const FIRST_WAIT_MS = { outage: 5_000, settings: 60_000, refused: 0 } as const;
/** The longest wait. */
const LONGEST_WAIT_MS = 15 * 60_000;
/** How long the right to send is held without a sign of life. */
const LEASE_MS = 120_000;
/** How soon to look again when another process is sending. */
const BUSY_MS = 500;
/** Notices that are older than this say when they were written. */
const LATE_MS = 10 * 60_000;
const GAP_MS = 1_100;

/** Takes notices from an outbox to Slack. No method throws for what goes wrong with Slack. */
export class Courier {
  readonly #outbox: Outbox;
  readonly #slack: SlackClient;
  readonly #log: Logger;
  readonly #options: Required<CourierOptions>;
  #lastMs = -Infinity;
  #told = "";

  /**
   * Prepares the courier; nothing is sent.
   *
   * @param outbox Where the notices wait.
   * @param slack Where they go.
   * @param log Told once about each trouble, and when it is over.
   * @param options Clock and pace.
   */
  constructor(outbox: Outbox, slack: SlackClient, log: Logger, options: CourierOptions = {}) {
    this.#outbox = outbox;
    this.#slack = slack;
    this.#log = log;
    this.#options = {
      now: options.now ?? Date.now,
      sleep: options.sleep ?? ((ms) => new Promise((resolve) => setTimeout(resolve, ms))),
      gapMs: options.gapMs ?? GAP_MS,
    };
  }

  /**
   * Sends what may be sent now.
   *
   * @param until Begins no attempt after this time, milliseconds since 1970.
   * @returns What was sent, and when to come again.
   */
  async round(until = Infinity): Promise<Delivery> {
    const { now } = this.#options;
    let sent = 0;
    if (this.#outbox.waiting() === 0) return { sent, waiting: 0, againMs: undefined };
    if (!this.#outbox.acquire(now(), LEASE_MS)) return this.#report(sent, now() + BUSY_MS);
    while (now() <= until) {
      const notice = this.#outbox.take(now());
      if (notice === undefined) return this.#report(sent, this.#outbox.pause()?.untilMs);
      await this.#keepPace();
      if (await this.#carry(notice)) sent++;
      this.#outbox.acquire(now(), LEASE_MS);
    }
    this.#outbox.release();
    return this.#report(sent, now());
  }

  #report(sent: number, againMs: number | undefined): Delivery {
    const waiting = this.#outbox.waiting();
    return { sent, waiting, againMs: waiting === 0 ? undefined : againMs };
  }

  async #keepPace(): Promise<void> {
    const { now, sleep, gapMs } = this.#options;
    const wait = this.#lastMs + gapMs - now();
    if (wait > 0 && wait <= gapMs) await sleep(wait);
    this.#lastMs = now();
  }

  /** One attempt; true if Slack has the notice now. */
  async #carry(notice: Notice): Promise<boolean> {
    const answer = notice.file === undefined
      ? await this.#carryText(notice)
      : await this.#carryPicture(notice);
    const { now } = this.#options;
    if (answer.outcome === "taken") {
      this.#outbox.sent(notice.id, answer, now());
      if (answer.channel !== null) {
        this.#outbox.rememberChannel(this.#slack.channel, answer.channel);
      }
      if (this.#told !== "") this.#log.info("Slack takes notices again");
      this.#told = "";
      return true;
    }
    if (answer.outcome === "refused") this.#giveUp(notice, answer.reason);
    else this.#postpone(notice, answer);
    return false;
  }

  async #carryText(notice: Notice): Promise<SlackAnswer> {
    if (notice.unsure) {
      const found = await this.#find(notice);
      if (found !== undefined) return found;
    }
    return await this.#slack.post({ text: this.#late(notice), messageId: notice.messageId });
  }

  /** Looks for a notice that may have arrived; undefined if it is to be posted (again). */
  async #find(notice: Notice): Promise<SlackAnswer | undefined> {
    const channel = this.#outbox.channelId(this.#slack.channel) ??
      (/^[CDG][A-Z0-9]{6,}$/.test(this.#slack.channel) ? this.#slack.channel : undefined);
    // Without the id of the channel Slack's own check of the message's id must do.
    if (channel === undefined) return undefined;
    const since = notice.firstTryMs ?? notice.createdMs;
    const found = await this.#slack.find(notice.messageId, channel, since);
    if (found.outcome === "absent") return undefined;
    // The app may not read the channel: here too Slack's own check must do.
    if (found.outcome === "settings" || found.outcome === "refused") return undefined;
    return found;
  }

  async #carryPicture(notice: Notice): Promise<SlackAnswer> {
    const { file, thread } = notice;
    const parent = thread === undefined ? undefined : this.#outbox.find(thread);
    const refuse = (reason: string): SlackFailure => ({
      outcome: "refused",
      reason,
      unsure: false,
    });
    if (file === undefined || !parent?.channel || !parent.ts) {
      return refuse("the message that it belongs to was not sent");
    }
    // Slack has no id for uploads: one that may be there is not made twice.
    if (notice.unsure) return refuse("an earlier attempt may have arrived");
    const { channel, ts } = parent;
    const answer = await this.#slack.show({
      channel,
      thread: ts,
      name: file.name,
      title: notice.text,
      bytes: file.bytes,
    });
    // An app that may post but not upload is as good: the picture is a help, no message.
    return answer.outcome === "settings" ? refuse(answer.reason) : answer;
  }

  #giveUp(notice: Notice, reason: string): void {
    this.#outbox.refused(notice.id, reason);
    const level = notice.file === undefined ? "warn" : "info";
    this.#log[level]("Slack did not take a notice ({key}): {reason}", { key: notice.key, reason });
  }

  #postpone(notice: Notice, failure: SlackFailure): void {
    this.#outbox.failed(notice.id, failure.reason, failure.unsure);
    const pause = this.#nextPause(failure);
    this.#outbox.setPause(pause);
    if (this.#told === failure.outcome) return;
    this.#told = failure.outcome;
    this.#log.warn(
      "Slack did not take a notice: {reason}; {waiting} wait, next try {next}",
      {
        reason: failure.reason,
        waiting: this.#outbox.waiting(),
        next: new Date(pause.untilMs).toISOString(),
      },
    );
  }

  #nextPause(failure: SlackFailure): Pause {
    const now = this.#options.now();
    const earlier = this.#outbox.pause();
    const failures = (earlier?.failures ?? 0) + 1;
    const wait = failure.outcome === "rate"
      ? (failure.waitS ?? 1) * 1000
      : Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS[failure.outcome] * 2 ** (failures - 1));
    return {
      sinceMs: now,
      untilMs: now + wait,
      cause: failure.outcome === "refused" ? "settings" : failure.outcome,
      reason: failure.reason,
      failures,
    };
  }

  #late(notice: Notice): string {
    if (this.#options.now() - notice.createdMs < LATE_MS) return notice.text;
    const written = new Date(notice.createdMs).toISOString().slice(0, 16).replace("T", " ");
    return `${notice.text}\n_Written ${written} UTC; Slack could not be reached until now._`;
  }
}
