/**
 * One header card: 80 characters to a value and back.
 *
 * Reads what real files hold (free format, lower case exponents, missing
 * quotes); writes only what the FITS standard 4.0 allows.
 *
 * @module
 */

import { DataError } from "../config/errors.ts";

/** What a card may hold; `null` is a card with a keyword and an undefined value. */
export type CardValue = string | number | bigint | boolean | null;

/** One card of a header; a long string with its CONTINUE cards is one card. */
export interface Card {
  /** Upper case; `""` for a blank keyword, without the prefix for HIERARCH. */
  readonly keyword: string;
  /** The value; of a commentary card, its text. Complex values are kept as text. */
  readonly value: CardValue;
  /** What stands behind the slash, or `""`. */
  readonly comment: string;
  /** Whether it is COMMENT, HISTORY, blank, or another card without a value. */
  readonly commentary: boolean;
  /** The card as it was read, kept only where it obeys the standard. */
  readonly raw?: string;
}

/** Characters in one card. */
export const CARD_LENGTH = 80;

const STANDARD_KEYWORD = /^[A-Z0-9_-]{1,8}$/;
const COMMENTARY = new Set(["COMMENT", "HISTORY", ""]);
const INTEGER = /^[+-]?\d+$/;
const REAL = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[EDed][+-]?\d+)?$/;
const NOT_FINITE = /^[+-]?(?:nan|inf|infinity)$/i;
const QUOTED = /^ *'((?:[^']|'')*)'([^/]*)(?:\/(.*))?$/;
const STRICT_PLAIN =
  /^ *(?:[TF]|[+-]?(?:\d+\.?\d*|\.\d+)(?:[ED][+-]?\d+)?|\([^()/]*\))? *(?:\/[ -~]*)?$/;
const STRICT_QUOTED = /^ *'(?:[^']|'')*' *(?:\/[ -~]*)?$/;
const PRINTABLE = /^[ -~]*$/;

/** Tells whether a keyword stands for commentary and may occur many times. */
export function isCommentary(keyword: string): boolean {
  return COMMENTARY.has(keyword);
}

/** The form in which keywords are stored and looked up: upper case, no HIERARCH prefix. */
export function normalizeKeyword(keyword: string): string {
  const upper = keyword.trim().toUpperCase();
  return upper.startsWith("HIERARCH ") ? upper.slice(9).trim() : upper;
}

/**
 * Reads the cards of a header.
 *
 * @param text The header, 80 characters a card, without END.
 * @returns Its cards, CONTINUE cards joined to the string they prolong.
 */
export function parseCards(text: string): Card[] {
  const cards: Card[] = [];
  for (let at = 0; at < text.length; at += CARD_LENGTH) {
    const line = text.slice(at, at + CARD_LENGTH).padEnd(CARD_LENGTH);
    const before = cards.at(-1);
    const joined = line.startsWith("CONTINUE") && before !== undefined
      ? joinContinued(before, line)
      : undefined;
    if (joined) cards[cards.length - 1] = joined;
    else cards.push(parseCard(line));
  }
  return cards;
}

function parseCard(line: string): Card {
  const name = line.slice(0, 8).trimEnd().toUpperCase();
  const equals = line.indexOf("=");
  if (name === "HIERARCH" && equals > 9) {
    const keyword = normalizeKeyword(line.slice(0, equals));
    return valueCard(keyword, line.slice(equals + 1), line, true);
  }
  if (!isCommentary(name) && line[8] === "=") {
    const standard = line[9] === " " && STANDARD_KEYWORD.test(line.slice(0, 8).trimEnd());
    return valueCard(name, line.slice(9), line, standard);
  }
  const text = line.slice(8).trimEnd();
  const kept = PRINTABLE.test(line) && line.slice(0, 8).trimEnd() === name;
  return { keyword: name, value: text, comment: "", commentary: true, ...(kept && { raw: line }) };
}

function valueCard(keyword: string, field: string, line: string, standard: boolean): Card {
  const quoted = QUOTED.exec(field);
  const strict = quoted ? STRICT_QUOTED : STRICT_PLAIN;
  const raw = standard && PRINTABLE.test(line) && strict.test(field) ? { raw: line } : {};
  if (quoted) {
    const value = (quoted[1] ?? "").replaceAll("''", "'").trimEnd();
    return { keyword, value, comment: commentOf(quoted[3]), commentary: false, ...raw };
  }
  if (/^ *'/.test(field)) { // a string whose closing quote is missing
    const value = field.trim().slice(1).replaceAll("''", "'").trimEnd();
    return { keyword, value, comment: "", commentary: false };
  }
  const slash = field.indexOf("/");
  const token = (slash < 0 ? field : field.slice(0, slash)).trim();
  const comment = commentOf(slash < 0 ? undefined : field.slice(slash + 1));
  return { keyword, value: parseToken(token), comment, commentary: false, ...raw };
}

function commentOf(text: string | undefined): string {
  return (text ?? "").replace(/^ /, "").trimEnd();
}

function parseToken(token: string): CardValue {
  if (token === "" || NOT_FINITE.test(token)) return null;
  if (token === "T") return true;
  if (token === "F") return false;
  if (INTEGER.test(token)) {
    const value = Number(token);
    return Number.isSafeInteger(value) ? value : BigInt(token.replace(/^\+/, ""));
  }
  if (REAL.test(token)) {
    const value = Number(token.replace(/[dD]/, "E"));
    return Number.isFinite(value) ? value : null;
  }
  return token;
}

function joinContinued(before: Card, line: string): Card | undefined {
  if (before.commentary || typeof before.value !== "string" || !before.value.endsWith("&")) {
    return undefined;
  }
  const quoted = QUOTED.exec(line.slice(8));
  if (!quoted) return undefined;
  const part = (quoted[1] ?? "").replaceAll("''", "'").trimEnd();
  const comment = [before.comment, commentOf(quoted[3])].filter((text) => text !== "").join(" ");
  const kept = before.raw !== undefined && PRINTABLE.test(line) &&
    line.slice(8, 10) === "  " && STRICT_QUOTED.test(line.slice(8));
  const value = before.value.slice(0, -1) + part;
  const joined = { keyword: before.keyword, value, comment, commentary: false };
  return kept ? { ...joined, raw: before.raw + line } : joined;
}

/**
 * Writes one card.
 *
 * @returns 80 characters, or a multiple for a long string or a long commentary. What was read
 * from a file that breaks the standard and cannot stand in a card becomes a comment.
 */
export function encodeCard(card: Card): string {
  if (card.raw !== undefined) return card.raw;
  if (card.commentary) return encodeCommentary(card.keyword, String(card.value ?? ""));
  return encodeValue(card) ??
    encodeCommentary("COMMENT", `${card.keyword} = ${card.value} / ${card.comment}`);
}

/**
 * Makes sure that a card can be written as what it is.
 *
 * @throws {DataError} If the value has no form in FITS or keyword and value are too long.
 */
export function requireEncodable(card: Card): void {
  if (!card.keyword.includes("=") && encodeValue(card) !== undefined) return;
  throw new DataError(
    `Cannot write card '${card.keyword}': '${card.value}' has no form of 80 characters in FITS`,
    { details: { card: card.keyword, value: String(card.value) } },
  );
}

function encodeValue({ keyword, value, comment }: Card): string | undefined {
  const head = STANDARD_KEYWORD.test(keyword)
    ? `${keyword.padEnd(8)}= `
    : `HIERARCH ${toAscii(keyword)} = `;
  if (typeof value === "string") return encodeText(head, value, comment);
  const text = formatValue(value);
  const fixed = head.length === 10 ? text?.padStart(20) : text;
  if (fixed === undefined || head.length + fixed.length > CARD_LENGTH) return undefined;
  return withComment(head + fixed, comment);
}

function encodeCommentary(keyword: string, value: string): string {
  const name = toAscii(keyword).slice(0, 8).padEnd(8);
  const text = toAscii(value).trimEnd();
  const width = CARD_LENGTH - 8;
  let out = "";
  for (let at = 0; at === 0 || at < text.length; at += width) {
    out += name + text.slice(at, at + width).padEnd(width);
  }
  return out;
}

function encodeText(head: string, value: string, comment: string): string | undefined {
  const quoted = toAscii(value).trimEnd().replaceAll("'", "''");
  const single = `${head}'${quoted.padEnd(8)}'`;
  if (single.length <= CARD_LENGTH) return withComment(single, comment);
  let room = CARD_LENGTH - head.length - 3;
  if (room < 2) return undefined;
  let out = "";
  let prefix = head;
  let rest = quoted;
  while (rest.length > room) {
    const cut = splitPoint(rest, room);
    out += `${prefix}'${rest.slice(0, cut)}&'`.padEnd(CARD_LENGTH);
    rest = rest.slice(cut);
    prefix = "CONTINUE  ";
    room = CARD_LENGTH - 13;
  }
  // A last "&" would be taken for the sign of continuation, so one more card ends it.
  if (rest.endsWith("&")) {
    return out + `${prefix}'${rest}&'`.padEnd(CARD_LENGTH) + withComment("CONTINUE  ''", comment);
  }
  return out + withComment(`${prefix}'${rest}'`, comment);
}

/** Where to cut a quoted text so that no doubled quote is torn apart. */
function splitPoint(text: string, room: number): number {
  let quotes = 0;
  while (quotes < room && text[room - 1 - quotes] === "'") quotes++;
  return quotes % 2 === 0 ? room : room - 1;
}

function formatValue(value: number | bigint | boolean | null): string | undefined {
  if (value === null) return "";
  if (typeof value === "boolean") return value ? "T" : "F";
  if (typeof value === "bigint") return value.toString();
  if (!Number.isFinite(value)) return undefined;
  if (Object.is(value, -0)) return "-0.0";
  const whole = Number.isInteger(value) && !Number.isSafeInteger(value);
  const text = (whole ? value.toExponential() : String(value)).toUpperCase();
  return /^-?\dE/.test(text) ? text.replace("E", ".0E") : text;
}

function withComment(card: string, comment: string): string {
  const text = toAscii(comment).trimEnd();
  if (text === "") return card.padEnd(CARD_LENGTH);
  const start = Math.max(card.length, 30);
  return `${card.padEnd(start)} / ${text}`.slice(0, CARD_LENGTH).padEnd(CARD_LENGTH);
}

/** Printable ASCII: accents are dropped, line breaks become blanks, the rest `?`. */
function toAscii(text: string): string {
  if (PRINTABLE.test(text)) return text;
  return text.normalize("NFKD").replace(/\p{M}/gu, "").replace(/[\t\r\n]+/g, " ")
    .replace(/[^ -~]/gu, "?");
}
