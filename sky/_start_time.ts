/**
 * When an exposure began, from whatever cards tell it.
 *
 * @module
 */

import { DataError } from "../config/errors.ts";
import type { HeaderCards } from "./_header_cards.ts";
import { hasClock, parseUtc } from "./time.ts";

/** Cards with the time of the day in UTC, beside a DATE-OBS that is a date alone. */
const CLOCK_CARDS = ["UT", "TIME-OBS", "UTSTART", "UT-START", "UTC-OBS", "UT-OBS", "UTC", "UTSHUT"];

/**
 * Reads the start of the exposure.
 *
 * DATE-OBS with a time of the day wins; then DATE-OBS with a card of the time; then
 * MJD-OBS or JD, which some telescopes round to the day or the minute.
 *
 * @param cards Cards of the frame.
 * @returns Modified Julian day, UTC.
 * @throws {DataError} If no card tells it; it names the file and DATE-OBS.
 */
export function readStart(cards: HeaderCards): number {
  const date = cards.text("DATE-OBS");
  const days = mjdOf(cards);
  if (date === undefined) {
    if (days === undefined) throw cards.missing("DATE-OBS");
    return days;
  }
  const clock = hasClock(date) ? undefined : cards.text(...CLOCK_CARDS);
  if (!hasClock(date) && clock === undefined && days !== undefined) return days;
  try {
    return parseUtc(date, clock);
  } catch (error) {
    if (!(error instanceof DataError)) throw error;
    if (days !== undefined) return days;
    throw cards.bad("DATE-OBS", clock === undefined ? date : `${date} ${clock}`);
  }
}

function mjdOf(cards: HeaderCards): number | undefined {
  const mjd = cards.number("MJD-OBS", "MJD", "MJDSTART");
  if (mjd !== undefined) return mjd;
  const jd = cards.number("JD", "JD-OBS");
  return jd === undefined ? undefined : jd - 2_400_000.5;
}
