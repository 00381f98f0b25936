/**
 * A commented site folder to start from.
 *
 * @module
 */

import * as z from "zod";
import { BUNDLED_FILES } from "./bundled_files.ts";
import { pathSchema } from "./site_paths.ts";
import { ccdTable, fringeTable, obsTable, ruleTable, targetTable } from "./site_tables.ts";

/** What the rows of each starter table are about. */
const TABLES = [
  { ...obsTable, about: "Telescope units. Bundled: 7DT01 to 7DT20." },
  { ...ccdTable, about: "Cameras by gain setting. Bundled: those of 7DT01 to 7DT20." },
  { ...fringeTable, about: "Fringe patterns to subtract. Bundled: none." },
  { ...targetTable, about: "Fields on the sky. Bundled: none." },
  { ...ruleTable, about: "Corrections of header cards. Bundled: usual spellings of IMAGETYP." },
] as const;

/** Rows that show the form, where the bundled table has none. */
const EXAMPLES: Readonly<Record<string, string>> = {
  "fringe.dat": "7DT01 z fringe_z.fits fringe_z.pairs",
  "alltarget.dat": '"NGC 1566" 04:20:00.4 -54:56:16 "galaxy with frequent supernovae"',
};

/**
 * The files of a starter folder.
 *
 * Tables hold their columns and a commented example: rows that a site adds take the
 * place of bundled rows of the same key, and what it leaves out stays as bundled.
 *
 * @returns Text by file name.
 */
export function starterFiles(): Map<string, string> {
  return new Map([
    ["path.json", pathFile()],
    ["keys.dat.example", KEYS_FILE],
    [".gitignore", "keys.dat\n"],
    ...TABLES.map((table) => [table.file, tableFile(table)] as const),
  ]);
}

const KEYS_FILE = `# Copy this to keys.dat and make it yours alone: chmod 600 keys.dat
# A name and a value a line, parted by tabs or blanks. Without keys.dat Slack stays silent.
slack_token    xoxb-the-token-of-your-bot
slack_channel  #your-channel
`;

/** Values that the starter shows for keys that are left out. */
const PATH_EXAMPLES: Readonly<Record<string, string>> = {
  path_obsdata: "<path_base>/../obsdata",
  path_processed: "<path_base>/../processed_1x1_gain2750",
  path_refcat: "<path_base>/ref_cat",
  path_ref_scamp: "<path_base>/ref_scamp",
  path_log: "<path_base>/log/<obs>.log",
  path_masters: "<path_base>/master_frame_1x1_gain2750",
  path_references: "<path_base>/ref_frame",
  path_work: "<path_base>/work",
};

function pathFile(): string {
  const lines = Object.entries(pathSchema.shape).flatMap(([key, schema]) => {
    const about = z.globalRegistry.get(schema)?.description ?? "";
    return key === "path_base"
      ? [`  // ${about}`, `  "${key}": "/data/gppy"`]
      : [`  // ${about}`, `  // "${key}": "${PATH_EXAMPLES[key] ?? ""}",`];
  });
  const [aboutBase = "", base = "", ...others] = lines;
  return [
    "{",
    "  // Where the data lies. Relative paths start at this folder; what is commented is the default.",
    ...others,
    aboutBase,
    base,
    "}",
    "",
  ].join("\n");
}

function tableFile(table: (typeof TABLES)[number]): string {
  const columns = Object.entries(table.columns().shape).map(([name, schema]) =>
    `#   ${name.padEnd(21)} ${schema.description ?? ""}`
  );
  const [header = "", example = EXAMPLES[table.file] ?? ""] = (BUNDLED_FILES.get(table.file) ?? "")
    .split("\n").filter((line) => !/^\s*(#|$)/.test(line));
  return [
    `# ${table.about}`,
    "# Rows here take the place of bundled rows of the same key. Columns, `-` for not given:",
    ...columns,
    header,
    `# ${example}`,
    "",
  ].join("\n");
}
