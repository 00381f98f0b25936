/**
 * `gppy verify`: are the products what they were when they were made?
 *
 * @module
 */

import { join, resolve } from "node:path";
import { Command, Option } from "commander";
import { DataError, EXIT_CODES } from "../../config/errors.ts";
import { toolSet } from "../../external/run_tool.ts";
import { manifestsOf } from "../../stages/curate/retention.ts";
import { INDEX_FILES } from "../../stages/curate/tree_index.ts";
import type { VerifyOptions, VerifyReport } from "../../stages/curate/verify_files.ts";
import { verifyManifest, verifyTree } from "../../stages/curate/verify_tree.ts";
import { openSession, type SharedOptions } from "../session.ts";
import { note, print } from "../terminal.ts";
import type { SetExitCode } from "../command_list.ts";

interface VerifyFlags {
  readonly config?: string;
  readonly base?: string;
  readonly quick?: boolean;
  readonly json?: boolean;
  readonly quiet?: boolean;
  readonly logFormat: SharedOptions["logFormat"];
}

/**
 * Makes the command.
 *
 * @param setExitCode Told the outcome: 20 when something is wrong.
 * @returns The command.
 */
export function verifyCommand(setExitCode: SetExitCode): Command {
  return new Command("verify")
    .summary("Check products: digests, FITS, index, manifests")
    .description(
      "Reads every product again and compares it with the index and the manifests: size, digest,\n" +
        "FITS structure, CHECKSUM and DATASUM, and the FITS standard where fitsverify is on PATH.\n" +
        "Names every file that is wrong, missing, or known to one of tree, index and manifest only.",
    )
    .argument("[what...]", "trees, work folders or manifests; the processed tree if left out")
    .option("--quick", "look at sizes and structure alone")
    .option("--json", "print the report as JSON")
    .option("--config <dir>", "site folder with path.json and the tables (GPPY_CONFIG)")
    .option("--base <dir>", "use this path_base (GPPY_PATH_BASE)")
    .addOption(
      new Option("--log-format <format>", "form of the log on stderr")
        .choices(["text", "json"]).default("text"),
    )
    .option("-q, --quiet", "log warnings and errors only")
    .addHelpText("after", "\nExit code: 0 when all is right, 20 when something is wrong.")
    .action(async (what: string[], flags: VerifyFlags) => {
      const report = await verifyAll(what, flags);
      if (flags.json) print(JSON.stringify(report, null, 2));
      else for (const { path, what } of report.problems) print(`${path}: ${what}`);
      note(describe(report));
      setExitCode(report.problems.length === 0 ? EXIT_CODES.done : EXIT_CODES.data);
    });
}

async function verifyAll(what: readonly string[], flags: VerifyFlags): Promise<VerifyReport> {
  using session = await openSession({ ...flags, device: "cpu" });
  const tree = session.site.paths.processed;
  const { signal, log } = session;
  const options: VerifyOptions = {
    quick: flags.quick ?? false,
    tools: toolSet({ signal, log }),
    signal,
    progress: session.display.start("verify"),
  };
  const reports: VerifyReport[] = [];
  for (const path of what.length === 0 ? [tree] : what) {
    reports.push(await verifyOne(resolve(path), tree, options));
  }
  return merge(reports);
}

/** A tree has an index, a work folder has manifests, everything else is a manifest. */
async function verifyOne(
  path: string,
  tree: string,
  options: VerifyOptions,
): Promise<VerifyReport> {
  const info = await Deno.stat(path).catch((cause) => {
    throw new DataError(`Cannot verify "${path}": ${(cause as Error).message}`, { cause });
  });
  if (!info.isDirectory) return await verifyManifest(path, tree, options);
  const index = await Deno.stat(join(path, INDEX_FILES.database)).catch(() => undefined);
  if (index !== undefined) return await verifyTree(path, options);
  const manifests = await manifestsOf(path);
  if (manifests.length > 0) {
    const reports: VerifyReport[] = [];
    for (const manifest of manifests) reports.push(await verifyManifest(manifest, tree, options));
    return merge(reports);
  }
  throw new DataError(
    `Cannot verify "${path}": it has neither ${INDEX_FILES.database} nor manifests of stages`,
    { details: { folder: path } },
  );
}

function merge(reports: readonly VerifyReport[]): VerifyReport {
  return {
    files: reports.reduce((sum, { files }) => sum + files, 0),
    bytes: reports.reduce((sum, { bytes }) => sum + bytes, 0),
    problems: reports.flatMap(({ problems }) => problems),
  };
}

function describe({ files, bytes, problems }: VerifyReport): string {
  const size = `${files} files, ${(bytes / 1e6).toFixed(1)} MB`;
  if (problems.length === 0) return `gppy verify: ${size}, nothing wrong`;
  const wrong = new Set(problems.map(({ path }) => path)).size;
  return `gppy verify: ${size}, ${wrong} files are wrong`;
}
