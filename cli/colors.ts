/**
 * Colours of the terminal, where it shows them.
 *
 * @module
 */

/** Gives a text its colour, if colours are shown. */
export type Paint = (text: string) => string;

/** Codes that begin and end a colour (ECMA-48, Select Graphic Rendition). */
const CODES = { dim: [2, 22], red: [31, 39], green: [32, 39], yellow: [33, 39] } as const;

/** The colours in use. */
export type Colors = Readonly<Record<keyof typeof CODES, Paint>>;

/**
 * The colours for what is written to a stream: plain text unless it is a terminal, or if NO_COLOR
 * is set.
 *
 * @param stream Where the text goes.
 * @returns A function for each colour.
 */
export function colorsFor(stream: { isTerminal(): boolean }): Colors {
  const shown = !Deno.noColor && stream.isTerminal();
  const paint = (name: keyof typeof CODES): Paint => {
    const [begin, end] = CODES[name];
    return shown ? (text) => `\x1b[${begin}m${text}\x1b[${end}m` : (text) => text;
  };
  return { dim: paint("dim"), red: paint("red"), green: paint("green"), yellow: paint("yellow") };
}
