/**
 * Reads what a child process writes, keeping no more than a bounded tail.
 *
 * @module
 */

/** What is kept of a stream at most, in bytes. */
export const CAPTURE_LIMIT_BYTES = 16 * 1024 * 1024;

/**
 * Reads a stream to its end and keeps its last bytes.
 *
 * @param stream Standard output or error of a child.
 * @param limitBytes How much of the end is kept.
 * @returns The text; it begins with `…` when something was dropped.
 */
export async function captureTail(
  stream: ReadableStream<Uint8Array>,
  limitBytes: number = CAPTURE_LIMIT_BYTES,
): Promise<string> {
  const chunks: Uint8Array[] = [];
  let kept = 0;
  let dropped = false;
  for await (const chunk of stream) {
    chunks.push(chunk);
    kept += chunk.length;
    while (chunks.length > 1 && kept - chunks[0]!.length >= limitBytes) {
      kept -= chunks.shift()!.length;
      dropped = true;
    }
  }
  const bytes = new Uint8Array(kept);
  let offset = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, offset);
    offset += chunk.length;
  }
  return (dropped ? "…" : "") + new TextDecoder().decode(bytes);
}

// deno-lint-ignore no-control-regex -- the programs of astromatic.net move the cursor
const TERMINAL_CODES = /\u001b\[[0-9;]*[A-Za-z]/g;

/**
 * Gives the end of a program's output as one readable piece.
 *
 * @param text Output, perhaps with cursor movements and progress lines.
 * @param lines How many lines are wanted.
 * @returns The last lines that are not blank, each once, joined by newlines.
 */
export function lastLines(text: string, lines: number): string {
  const clean = text.replaceAll(TERMINAL_CODES, "").split(/[\r\n]+/).map((line) => line.trimEnd());
  const kept = clean.filter((line, i) => line.trim() !== "" && line !== clean[i - 1]);
  return kept.slice(-lines).join("\n");
}
