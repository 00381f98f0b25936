/**
 * Settings of the programs of astromatic.net on their command line.
 *
 * @module
 */

/** The value of a setting; a list becomes comma-separated, a boolean `Y` or `N`. */
export type SettingValue =
  | string
  | number
  | boolean
  | readonly (string | number)[];

/** Settings by their keyword in the program's configuration file. */
export type Settings = Readonly<Record<string, SettingValue>>;

/**
 * Writes settings as arguments.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * const args = settingArgs({ DETECT_THRESH: 1.5, BACK_SIZE: [64, 32], FILTER: false });
 * assert.deepEqual(args, ["-DETECT_THRESH", "1.5", "-BACK_SIZE", "64,32", "-FILTER", "N"]);
 * ```
 *
 * @param settings Keywords and values, in this order.
 * @returns `-KEYWORD value` for each.
 */
export function settingArgs(settings: Settings): string[] {
  return Object.entries(settings).flatMap((
    [keyword, value],
  ) => [`-${keyword}`, formatValue(value)]);
}

function formatValue(value: SettingValue): string {
  if (typeof value === "boolean") return value ? "Y" : "N";
  return typeof value === "object" ? value.join(",") : String(value);
}
