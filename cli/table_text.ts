/**
 * Columns of text for the terminal.
 *
 * @module
 */

/**
 * Aligns rows in columns, two blanks apart.
 *
 * @param rows Cells; the last one of a row is not padded.
 * @param indent Blanks before each row.
 * @returns Lines joined by newlines.
 */
export function alignColumns(rows: readonly (readonly string[])[], indent = 0): string {
  const widths: number[] = [];
  for (const row of rows) {
    row.forEach((cell, column) => widths[column] = Math.max(widths[column] ?? 0, cell.length));
  }
  return rows.map((row) =>
    " ".repeat(indent) +
    row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join("  ").trimEnd()
  ).join("\n");
}
