/**
 * The page `docs/benchmarks.md`: sections between marks, each renewed by its own script.
 *
 * @module
 */

import { join } from "node:path";

const PAGE = join(import.meta.dirname ?? ".", "..", "docs", "benchmarks.md");

/**
 * Replaces one section of the page, or adds it at the end.
 *
 * @param name Of the marks `<!-- begin:NAME -->` and `<!-- end:NAME -->`.
 * @param title Its heading.
 * @param lines Its text in Markdown.
 */
export async function writeSection(
  name: string,
  title: string,
  lines: readonly string[],
): Promise<void> {
  const page = await Deno.readTextFile(PAGE).catch(() => "# Benchmarks\n");
  const [begin, end] = [`<!-- begin:${name} -->`, `<!-- end:${name} -->`];
  const section = [begin, `## ${title}`, "", ...lines, end].join("\n");
  const from = page.indexOf(begin), to = page.indexOf(end);
  const text = from < 0 || to < from
    ? `${page.trimEnd()}\n\n${section}\n`
    : page.slice(0, from) + section + page.slice(to + end.length);
  await Deno.writeTextFile(`${PAGE}.part`, text);
  await Deno.rename(`${PAGE}.part`, PAGE);
}
