/**
 * Slack notices: a night begins, ends, fails. What goes wrong with Slack never
 * stops a night, and the token never appears in a message, a log or an error.
 *
 * @module
 */

import type { Logger } from "@logtape/logtape";
import type { WebClient } from "@slack/web-api";
import { GppyError } from "../config/errors.ts";
import type { Environment } from "../config/explain.ts";
import type { Site, SlackKeys } from "../config/site.ts";

/** Which night a notice is about. */
export interface NoticeNight {
  /** Code of the telescope. */
  readonly unit: string;
  /** Night, YYYY-MM-DD. */
  readonly date: string;
}

/** How a night ended. */
export interface NightSummary extends NoticeNight {
  /** Wall-clock time of the night, seconds. */
  readonly elapsedS: number;
  /** Raw frames that were found. */
  readonly raw: number;
  /** Calibrated frames. */
  readonly frames: number;
  /** Deep frames. */
  readonly stacks: number;
  /** Difference images. */
  readonly differences: number;
  /** Candidates that passed; null when nothing was searched. */
  readonly transients: number | null;
  /** What was left behind. */
  readonly left: readonly LeftNotice[];
}

/** One thing that was left behind. */
export interface LeftNotice {
  /** The stage that left it. */
  readonly stage: string;
  /** Name of the frame or group. */
  readonly id: string;
  /** Why. */
  readonly message: string;
}

/** How a night failed. */
export interface NightFailure extends NoticeNight {
  /** What was thrown. */
  readonly error: unknown;
  /** The stage that threw it, when known. */
  readonly stage?: string;
  /** What happens next, such as `tried again in 10 minutes`. */
  readonly next?: string;
}

/** Tells people about nights. No method throws. */
export interface Notifier {
  /** Whether notices go anywhere. */
  readonly active: boolean;
  /** Says that a night begins. */
  start(night: NoticeNight): Promise<void>;
  /** Says how a night ended. */
  finish(summary: NightSummary): Promise<void>;
  /** Says that a night failed, and why. */
  failure(failure: NightFailure): Promise<void>;
}

/** Environment, and how long to wait for Slack. */
export interface NotifierOptions {
  /** Environment with `GPPY_SLACK_API_URL`; that of the process if left out. */
  readonly env?: Environment;
  /** How long to wait for one answer, in seconds. */
  readonly timeoutS?: number;
  /** How often to try again after no or a broken answer. */
  readonly retries?: number;
}

const TIMEOUT_S = 10;
const RETRIES = 2;
/** Entries of what was left behind that a notice lists. */
const LEFT_SHOWN = 5;
/** Characters of one error in a notice. */
const MESSAGE_LENGTH = 500;

/**
 * Makes the notifier of a site.
 *
 * Without keys it stays silent, and says so once in the log: as information when
 * there is no `keys.dat`, as a warning when there is one that cannot be used.
 *
 * @param site Has the keys.
 * @param log Told why Slack is off, and of notices that Slack did not take.
 * @param options Environment, and how long to wait for Slack.
 * @returns The notifier.
 */
export function createNotifier(
  site: Pick<Site, "keysStatus">,
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
  return new SlackNotifier(status.keys, log, {
    slackApiUrl: api.url,
    timeoutS: options.timeoutS ?? TIMEOUT_S,
    retries: options.retries ?? RETRIES,
  });
}

const SILENT: Notifier = {
  active: false,
  start: () => Promise.resolve(),
  finish: () => Promise.resolve(),
  failure: () => Promise.resolve(),
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

interface SlackSettings {
  readonly slackApiUrl: string;
  readonly timeoutS: number;
  readonly retries: number;
}

class SlackNotifier implements Notifier {
  readonly active = true;
  readonly #keys: SlackKeys;
  readonly #log: Logger;
  readonly #settings: SlackSettings;
  #client: Promise<WebClient> | undefined;

  constructor(keys: SlackKeys, log: Logger, settings: SlackSettings) {
    this.#keys = keys;
    this.#log = log;
    this.#settings = settings;
  }

  start(night: NoticeNight): Promise<void> {
    return this.#post(`:telescope: *${plain(night.unit)}* ${plain(night.date)}: started`);
  }

  finish(summary: NightSummary): Promise<void> {
    return this.#post(describeSummary(summary));
  }

  failure(failure: NightFailure): Promise<void> {
    return this.#post(describeFailure(failure));
  }

  async #post(text: string): Promise<void> {
    try {
      const client = await (this.#client ??= this.#connect());
      await client.chat.postMessage({
        channel: this.#keys.channel,
        text: this.#hide(text),
        unfurl_links: false,
        unfurl_media: false,
      });
    } catch (error) {
      const reason = this.#hide(error instanceof Error ? error.message : String(error));
      this.#log.warn("Slack did not take a notice: {reason}", { reason });
    }
  }

  /** Loaded when first needed: most commands never speak to Slack. */
  async #connect(): Promise<WebClient> {
    const { LogLevel, WebClient } = await import("@slack/web-api");
    const { slackApiUrl, timeoutS, retries } = this.#settings;
    const ignore = () => {};
    return new WebClient(this.#keys.token.reveal(), {
      slackApiUrl,
      timeout: timeoutS * 1000,
      allowAbsoluteUrls: false,
      rejectRateLimitedCalls: true, // a night does not wait for Slack
      retryConfig: { retries, minTimeout: 200, maxTimeout: 2000 },
      logger: {
        debug: ignore,
        info: ignore,
        warn: ignore, // every failure reaches #post() as an error
        error: ignore,
        setLevel: ignore,
        getLevel: () => LogLevel.ERROR,
        setName: ignore,
      },
    });
  }

  #hide(text: string): string {
    const token = this.#keys.token.reveal();
    return text.replaceAll(token, "***").replaceAll(encodeURIComponent(token), "***");
  }
}

function describeSummary(summary: NightSummary): string {
  const { left } = summary;
  const counts = [
    `${summary.frames} frames from ${summary.raw} raw ones`,
    `${summary.stacks} stacks`,
    `${summary.differences} differences`,
    ...(summary.transients === null ? [] : [`${summary.transients} transients`]),
  ];
  const shown = left.slice(0, LEFT_SHOWN).map(({ stage, id, message }) =>
    `• ${plain(stage)}: ${plain(id)}: ${plain(message)}`
  );
  const more = left.length > LEFT_SHOWN ? [`• and ${left.length - LEFT_SHOWN} more`] : [];
  const icon = left.length === 0 ? ":white_check_mark:" : ":large_yellow_circle:";
  return [
    `${icon} *${plain(summary.unit)}* ${plain(summary.date)}: done in ` +
    `${formatDuration(summary.elapsedS)}: ${counts.join(", ")}`,
    ...(left.length === 0 ? [] : [`${left.length} left behind:`, ...shown, ...more]),
  ].join("\n");
}

function describeFailure({ unit, date, error, stage, next }: NightFailure): string {
  const name = error instanceof GppyError
    ? error.name
    : `defect (${error instanceof Error ? error.name : typeof error})`;
  const message = error instanceof Error ? error.message : String(error);
  return [
    `:red_circle: *${plain(unit)}* ${plain(date)}: failed` +
    `${stage === undefined ? "" : ` in ${plain(stage)}`}: ${plain(name)}`,
    plain(message),
    ...(next === undefined ? [] : [`Next: ${plain(next)}`]),
  ].join("\n");
}

function formatDuration(seconds: number): string {
  const whole = Math.round(seconds);
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  return hours > 0 ? `${hours} h ${minutes} min` : minutes > 0 ? `${minutes} min` : `${whole} s`;
}

/** Cuts a text short and keeps Slack from reading marks or links into it. */
function plain(text: string): string {
  const short = text.length > MESSAGE_LENGTH ? `${text.slice(0, MESSAGE_LENGTH)}…` : text;
  return short.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
