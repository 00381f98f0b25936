/**
 * A FITS header as an ordered list of cards that can be looked up by keyword.
 *
 * @module
 */

import { DataError } from "../config/errors.ts";
import { type Card, CARD_LENGTH, type CardValue, encodeCard } from "./card.ts";
import { isCommentary, normalizeKeyword, parseCards, requireEncodable } from "./card.ts";

export type { Card, CardValue } from "./card.ts";

/** Bytes in one FITS block; headers and data are padded to it. */
export const BLOCK_BYTES = 2880;

const latin1 = new TextDecoder("latin1");
const utf8 = new TextEncoder();

/**
 * A FITS header: cards in order, looked up by keyword.
 *
 * Where a keyword occurs twice the first one counts, as in cfitsio. HIERARCH
 * keywords are named with or without the prefix. Cards that are not changed
 * are written back as they were read.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 *
 * const header = FitsHeader.from({ OBJECT: "T09614", EXPTIME: [100, "s"], SEEING: null });
 * header.set("EXPTIME", 60).addHistory("made for this example");
 * assert.equal(header.requireNumber("EXPTIME"), 60);
 * assert.equal(header.comment("EXPTIME"), "s");
 * assert.equal(header.number("SEEING"), undefined);
 * assert.equal(FitsHeader.parse(header.encode()).text("OBJECT"), "T09614");
 * ```
 */
export class FitsHeader {
  /** Where it comes from, `file[hdu]`, for messages. */
  where: string;
  #cards: Card[];
  #index: Map<string, number>;

  private constructor(cards: Card[], where: string) {
    this.#cards = cards;
    this.where = where;
    this.#index = new Map();
    this.#reindex();
  }

  /**
   * Reads a header.
   *
   * @param bytes Cards of 80 bytes; reading stops at END, which may be absent.
   * @param where `file[hdu]`, for messages.
   */
  static parse(bytes: Uint8Array, where = ""): FitsHeader {
    const text = latin1.decode(bytes);
    return new FitsHeader(parseCards(text.slice(0, endOfCards(text))), where);
  }

  /**
   * Reads a header from lines of text, such as the `.head` files of SCAMP.
   *
   * @param text One card a line; reading stops at the first END.
   * @param where For messages.
   */
  static fromText(text: string, where = ""): FitsHeader {
    const lines = text.split(/\r?\n/);
    const end = lines.findIndex((line) => line.trimEnd() === "END");
    const cards = lines.slice(0, end < 0 ? lines.length : end)
      .map((line) => line.slice(0, CARD_LENGTH).padEnd(CARD_LENGTH));
    return new FitsHeader(parseCards(cards.join("")), where);
  }

  /** Makes a header of keywords with values, or with pairs of value and comment. */
  static from(
    values: Readonly<Record<string, CardValue | readonly [CardValue, string]>>,
  ): FitsHeader {
    const header = new FitsHeader([], "");
    for (const [keyword, entry] of Object.entries(values)) {
      if (isPair(entry)) header.set(keyword, entry[0], entry[1]);
      else header.set(keyword, entry);
    }
    return header;
  }

  /** All cards in order, commentary and blank ones too, without END. */
  get cards(): readonly Card[] {
    return this.#cards;
  }

  /** Whether a card with this keyword exists, its value defined or not. */
  has(keyword: string): boolean {
    return this.#index.has(normalizeKeyword(keyword));
  }

  /** The value of a card: `null` if it is undefined in the file, `undefined` if there is no card. */
  get(keyword: string): CardValue | undefined {
    return this.#find(keyword)?.value;
  }

  /** The comment of a card, `""` if it has none, `undefined` if there is no card. */
  comment(keyword: string): string | undefined {
    return this.#find(keyword)?.comment;
  }

  /** The value where it is text, else `undefined`. */
  text(keyword: string): string | undefined {
    const value = this.get(keyword);
    return typeof value === "string" ? value : undefined;
  }

  /** The value where it is a number, or text that is one, else `undefined`. */
  number(keyword: string): number | undefined {
    const value = this.get(keyword);
    if (typeof value === "number") return value;
    if (typeof value === "bigint") return Number(value);
    if (typeof value !== "string" || value.trim() === "") return undefined;
    const parsed = Number(value.trim().replace(/^([-+.\d]+)[dD]/, "$1E"));
    return Number.isFinite(parsed) ? parsed : undefined;
  }

  /** The value where it is a logical one, else `undefined`. */
  boolean(keyword: string): boolean | undefined {
    const value = this.get(keyword);
    return typeof value === "boolean" ? value : undefined;
  }

  /**
   * The value of a card that must hold text.
   *
   * @throws {DataError} If the card is missing or of another type.
   */
  requireText(keyword: string): string {
    return this.text(keyword) ?? this.#fail(keyword, "text");
  }

  /**
   * The value of a card that must hold a number.
   *
   * @throws {DataError} If the card is missing or of another type.
   */
  requireNumber(keyword: string): number {
    return this.number(keyword) ?? this.#fail(keyword, "a number");
  }

  /**
   * Sets a card where it stands, or appends it. COMMENT, HISTORY and blank are appended always.
   *
   * @param keyword One longer than 8 characters is written as HIERARCH, which few programs read.
   * @param comment Left out: the comment that is there stays.
   * @throws {DataError} If the value is NaN or infinite, or too long: FITS has no form for it.
   */
  set(keyword: string, value: CardValue, comment?: string): this {
    const name = normalizeKeyword(keyword);
    if (isCommentary(name)) return this.#append(name, String(value ?? ""));
    const at = this.#index.get(name);
    const kept = at === undefined ? "" : this.#cards[at]?.comment ?? "";
    const card = { keyword: name, value, comment: comment ?? kept, commentary: false };
    requireEncodable(card);
    if (at === undefined) {
      this.#index.set(name, this.#cards.push(card) - 1);
    } else {
      this.#cards[at] = card;
    }
    return this;
  }

  /** Removes every card with this keyword; nothing happens if there is none. */
  delete(keyword: string): this {
    const name = normalizeKeyword(keyword);
    if (!this.#index.has(name)) return this;
    return this.filter((card) => card.keyword !== name);
  }

  /** Keeps the cards that the test lets through. */
  filter(keep: (card: Card) => boolean): this {
    this.#cards = this.#cards.filter(keep);
    this.#reindex();
    return this;
  }

  /** Appends HISTORY, on as many cards as the text needs. */
  addHistory(text: string): this {
    return this.#append("HISTORY", text);
  }

  /** Appends COMMENT, on as many cards as the text needs. */
  addComment(text: string): this {
    return this.#append("COMMENT", text);
  }

  /** Appends cards of another header as they are, without looking for duplicates. */
  append(cards: readonly Card[]): this {
    this.#cards.push(...cards);
    this.#reindex();
    return this;
  }

  /** Replaces all cards at once. */
  replace(cards: readonly Card[]): this {
    this.#cards = [...cards];
    this.#reindex();
    return this;
  }

  /** A copy that can be changed without changing this one. */
  clone(): FitsHeader {
    return new FitsHeader([...this.#cards], this.where);
  }

  /** The header as bytes, with END, padded with blanks to a multiple of 2880. */
  encode(): Uint8Array<ArrayBuffer> {
    const text = this.toCards() + "END".padEnd(CARD_LENGTH);
    const size = Math.ceil(text.length / BLOCK_BYTES) * BLOCK_BYTES;
    return utf8.encode(text.padEnd(size));
  }

  /** The cards as one string, 80 characters each, without END. */
  toCards(): string {
    return this.#cards.map(encodeCard).join("");
  }

  /** One line a card as `imhead` prints it, trailing blanks dropped, END last. */
  toText(): string {
    const cards = this.toCards();
    const lines: string[] = [];
    for (let at = 0; at < cards.length; at += CARD_LENGTH) {
      lines.push(cards.slice(at, at + CARD_LENGTH).trimEnd());
    }
    return [...lines, "END", ""].join("\n");
  }

  #find(keyword: string): Card | undefined {
    const at = this.#index.get(normalizeKeyword(keyword));
    return at === undefined ? undefined : this.#cards[at];
  }

  #append(keyword: string, text: string): this {
    const at = this.#cards.push({ keyword, value: text, comment: "", commentary: true }) - 1;
    if (!this.#index.has(keyword)) this.#index.set(keyword, at);
    return this;
  }

  #reindex(): void {
    this.#index.clear();
    this.#cards.forEach(({ keyword }, at) => {
      if (!this.#index.has(keyword)) this.#index.set(keyword, at);
    });
  }

  #fail(keyword: string, wanted: string): never {
    const state = this.has(keyword)
      ? `card '${keyword}' holds '${this.get(keyword)}', not ${wanted}`
      : `card '${keyword}' is missing`;
    throw new DataError(`Cannot use the header of '${this.where}': ${state}`, {
      details: { file: this.where, card: keyword },
    });
  }
}

function isPair(
  entry: CardValue | readonly [CardValue, string],
): entry is readonly [CardValue, string] {
  return Array.isArray(entry);
}

/** Position of the END card in a header's text, or its length. */
export function endOfCards(text: string): number {
  for (let at = 0; at < text.length; at += CARD_LENGTH) {
    if (text.startsWith("END     ", at)) return at;
  }
  return text.length;
}
