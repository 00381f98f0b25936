/**
 * What notices say, in Slack's markup.
 *
 * @module
 */

import type { NoticeBody, NoticeKind } from "./notices.ts";

/** Entries of a list that a notice shows. */
const SHOWN = 5;
/** Characters of one text from outside. */
const TEXT_LENGTH = 500;

type Describe = (body: NoticeBody) => string[];

const DESCRIBE: Readonly<Record<NoticeKind, Describe>> = {
  start: (body) => [
    `:telescope: ${night(body)}: ${isAddendum(body) ? `addendum ${run(body)}` : "started"}`,
  ],
  finish,
  failure,
  parked: (body) => [
    `:no_entry: ${night(body)}: parked${inStage(body)}${after(body)}; later nights go on`,
    ...problem(body),
    `Next: \`gppy retry\` when the cause is gone`,
  ],
  paused: (body) => [`:pause_button: ${night(body)}: paused`, ...problem(body)],
  resumed: (body) => [`:arrow_forward: ${night(body)}: goes on`, ...problem(body)],
  incomplete: (body) => [
    `:large_yellow_circle: ${night(body)}: goes on without files that never became whole`,
    ...problem(body),
  ],
  vanished: (body) => [`:no_entry: ${night(body)}: its folder is gone`, ...problem(body)],
  unaccounted: (body) => [
    `:red_circle: ${night(body)}: raw lights are neither in a product nor have a reason`,
    ...problem(body),
  ],
};

/**
 * The text of a notice.
 *
 * @param kind What it is about.
 * @param body The facts.
 * @returns Lines in Slack's markup; texts from outside are shortened and cannot mark or link.
 */
export function describeNotice(kind: NoticeKind, body: NoticeBody): string {
  return DESCRIBE[kind](body).join("\n");
}

/**
 * Cuts a text short and keeps Slack from reading marks or links into it.
 *
 * @param text From outside: a name, a message.
 * @returns Text that shows as it is.
 */
export function plain(text: string): string {
  const short = text.length > TEXT_LENGTH ? `${text.slice(0, TEXT_LENGTH)}…` : text;
  return short.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

/**
 * A time span in words.
 *
 * @param seconds Its length.
 * @returns Such as `3 h 12 min`, `12 min` or `8 s`.
 */
export function formatDuration(seconds: number): string {
  const whole = Math.round(seconds);
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  return hours > 0 ? `${hours} h ${minutes} min` : minutes > 0 ? `${minutes} min` : `${whole} s`;
}

/** The median of depths, and how many there are: `19.8 mag (3)`; undefined without any. */
export function formatDepth(depths: readonly number[]): string | undefined {
  if (depths.length === 0) return undefined;
  const sorted = [...depths].sort((a, b) => a - b);
  const half = sorted.length >> 1;
  const median = sorted.length % 2 === 1
    ? sorted[half] ?? 0
    : ((sorted[half - 1] ?? 0) + (sorted[half] ?? 0)) / 2;
  const spread = sorted.length > 1
    ? `, ${sorted[0]?.toFixed(2)} to ${sorted.at(-1)?.toFixed(2)} over ${sorted.length} stacks`
    : "";
  return `${median.toFixed(2)} mag${spread}`;
}

function finish(body: NoticeBody): string[] {
  const left = body.left ?? [];
  const gates = body.gates ?? [];
  const icon = left.length === 0 ? ":white_check_mark:" : ":large_yellow_circle:";
  const label = isAddendum(body) ? `addendum ${run(body)} done` : "done";
  const depth = formatDepth((body.depths ?? []).map(({ depth5 }) => depth5));
  const stages = (body.stages ?? []).filter(({ s }) => s >= 0.5);
  return [
    `${icon} ${night(body)}: ${label}${lasting(body)}: ${counts(body)}`,
    ...(depth === undefined ? [] : [`Depth (5σ): ${depth}`]),
    ...searched(body),
    ...(stages.length === 0 ? [] : [
      `Times: ${stages.map(({ stage, s }) => `${plain(stage)} ${formatDuration(s)}`).join(", ")}`,
    ]),
    ...list(
      `${gates.length} gates not passed`,
      gates.map(({ id, gate, value, threshold }) =>
        `${plain(id)}: ${plain(gate)} ${
          value === null ? "unknown" : Number(value.toPrecision(4))
        }` +
        (threshold === undefined ? "" : `, wanted ${plain(threshold)}`)
      ),
    ),
    ...list(
      `${left.length} left behind`,
      left.map(({ stage, id, message }) => `${plain(stage)}: ${plain(id)}: ${plain(message)}`),
    ),
  ];
}

function failure(body: NoticeBody): string[] {
  const kind = body.errorClass === undefined ? "" : `: ${plain(body.errorClass)}`;
  const next = body.retryInS === undefined
    ? []
    : [`Next: tried again in ${formatDuration(body.retryInS)}`];
  return [
    `:red_circle: ${night(body)}: failed${inStage(body)}${kind}${after(body)}`,
    ...problem(body),
    ...next,
  ];
}

function counts(body: NoticeBody): string {
  const of = (kind: string) => body.counts?.[kind] ?? 0;
  return [
    `${of("frame")} frames from ${of("raw")} raw ones`,
    `${of("stack")} stacks`,
    `${of("difference")} differences`,
  ].join(", ");
}

function searched({ candidates, transients, suspect }: NoticeBody): string[] {
  if (typeof transients !== "number") return [];
  const of = typeof candidates === "number" ? ` of ${candidates} candidates` : "";
  const doubted = suspect ? `; ${suspect} of them in images that are doubted as a whole` : "";
  return [`Transients: ${transients}${of}${doubted}`];
}

function problem(body: NoticeBody): string[] {
  return [
    ...(body.message === undefined ? [] : [plain(body.message)]),
    ...list(
      (body.frames?.length ?? 0) === 1 ? "Frame" : `${body.frames?.length} frames`,
      (body.frames ?? []).map(plain),
    ),
  ];
}

function list(title: string, entries: readonly string[]): string[] {
  if (entries.length === 0) return [];
  const more = entries.length > SHOWN ? [`• and ${entries.length - SHOWN} more`] : [];
  return [`${title}:`, ...entries.slice(0, SHOWN).map((entry) => `• ${entry}`), ...more];
}

function night({ unit, date, folder }: NoticeBody): string {
  const name = unit === undefined ? "*gppy*" : `*${plain(unit)}*`;
  const special = folder !== undefined && date !== undefined && /_ToO/i.test(folder) ? " ToO" : "";
  return date === undefined ? name : `${name} ${plain(date)}${special}`;
}

function isAddendum(body: NoticeBody): boolean {
  return (body.run ?? 1) > 1;
}

function run(body: NoticeBody): number {
  return (body.run ?? 1) - 1;
}

function lasting({ elapsedS }: NoticeBody): string {
  return elapsedS === undefined ? "" : ` in ${formatDuration(elapsedS)}`;
}

function inStage({ stage }: NoticeBody): string {
  return stage === undefined ? "" : ` in ${plain(stage)}`;
}

function after({ attempts }: NoticeBody): string {
  return attempts === undefined ? "" : ` (try ${attempts})`;
}
