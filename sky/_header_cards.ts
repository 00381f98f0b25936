/**
 * Looks cards up under several names, in a header and in that of its extension.
 *
 * @module
 */

import { DataError } from "../config/errors.ts";
import type { FitsHeader } from "../fits/header.ts";

/** The cards of a frame, primary header first, then the extension's. */
export class HeaderCards {
  readonly #headers: readonly FitsHeader[];
  readonly #path: string;

  /**
   * Takes the headers of a frame.
   *
   * @param primary Asked first.
   * @param extension Asked for what the first one lacks.
   * @param path The file, for messages.
   */
  constructor(primary: FitsHeader, extension: FitsHeader | undefined, path: string) {
    this.#headers = extension === undefined ? [primary] : [primary, extension];
    this.#path = path;
  }

  /** Gives the first of the cards that holds something, as text without blanks around it. */
  text(...keywords: readonly string[]): string | undefined {
    for (const keyword of keywords) {
      const value = this.scalar(keyword);
      const text = value === undefined ? "" : String(value).trim();
      if (text !== "") return text;
    }
    return undefined;
  }

  /** Gives the first of the cards that holds a number, or text that is one. */
  number(...keywords: readonly string[]): number | undefined {
    for (const keyword of keywords) {
      for (const header of this.#headers) {
        const value = header.number(keyword);
        if (value !== undefined && !(value === 0 && /GAIN/.test(keyword))) return value;
      }
    }
    return undefined;
  }

  /** Gives a card that holds text or a number. */
  scalar(keyword: string): string | number | undefined {
    for (const header of this.#headers) {
      const value = header.get(keyword);
      if (typeof value === "bigint") return Number(value);
      if (typeof value === "number" || (typeof value === "string" && value.trim() !== "")) {
        return value;
      }
    }
    return undefined;
  }

  /** Gives the length of an axis of the pixels, of the uncompressed image if it is compressed. */
  size(axis: 1 | 2): number | undefined {
    for (const header of this.#headers.toReversed()) {
      const size = header.number(`ZNAXIS${axis}`) ?? header.number(`NAXIS${axis}`);
      if (size !== undefined && size > 0) return size;
    }
    return undefined;
  }

  /** Makes the error for a card that is missing. */
  missing(keyword: string): DataError {
    return this.#error(`card "${keyword}" is missing`, keyword);
  }

  /** Makes the error for a card whose value cannot be used. */
  bad(keyword: string, value: string | number): DataError {
    return this.#error(`card "${keyword}" holds "${value}"`, keyword, value);
  }

  #error(state: string, card: string, value: string | number | null = null): DataError {
    return new DataError(`Cannot use frame "${this.#path}": ${state}`, {
      details: { file: this.#path, card, value },
    });
  }
}
