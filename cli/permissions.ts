/**
 * The least permissions with which gppy works on a site: what Deno is told to allow.
 *
 * @module
 */

import { delimiter, dirname, join } from "node:path";
import { tmpdir } from "node:os";
import type { Site } from "../config/site.ts";
import { FITSVERIFY } from "../external/fitsverify.ts";
import { type Program, PROGRAMS } from "../external/programs.ts";
import { journalPath } from "../watch/journal.ts";
import type { WatchSettings } from "../watch/settings.ts";

/**
 * - `program`: everything that gppy does on the site, its watcher included
 * - `step`: one step of one night, as the watcher starts it: no network, and neither the token
 *   nor raw data can be touched
 */
export type Role = "program" | "step";

/** What a role needs to know of the site. */
export interface PermissionSite {
  readonly site: Pick<Site, "folder" | "paths">;
  readonly settings: Pick<WatchSettings, "journal" | "metrics">;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** What the program asks the system, by the names of Deno's permissions; a step asks nothing. */
const SYSTEM = ["cpus", "hostname", "osRelease", "statfs", "systemMemoryInfo"];
/** Slack, its uploads, and this machine for metrics. */
const HOSTS = ["slack.com:443", "files.slack.com:443", "127.0.0.1"];

/**
 * The programs that a role may start.
 *
 * @param role Which.
 * @returns Names; the watcher's own executable is not among them.
 */
export function programsOf(role: Role): string[] {
  const astronomy = Object.values<Program>(PROGRAMS).flatMap(({ names }) => names);
  const own = role === "program" ? [...FITSVERIFY, "ps", "systemd-notify"] : [];
  return [...new Set([...astronomy, "kill", ...own])];
}

/**
 * The flags that give a role its permissions on a site.
 *
 * @param where The site, its settings and the environment.
 * @param role Which.
 * @returns For `deno run`; paths are absolute.
 */
export function permissionFlags(where: PermissionSite, role: Role): string[] {
  const { site: { folder, paths }, settings, env } = where;
  const isStep = role === "step";
  const searched = (env["PATH"] ?? "").split(delimiter).filter((path) => path !== "");
  const programs = findPrograms(programsOf(role), searched);
  const logs = dirname(paths.log("7DT01"));
  const journal = dirname(settings.journal ?? journalPath(paths));
  const metrics = settings.metrics === null ? [] : [dirname(settings.metrics)];
  const writes = [
    ...[paths.base, paths.processed, paths.work, paths.masters, logs, tmpdir()],
    ...(isStep ? [] : [journal, ...metrics]),
  ];
  const reads = [
    ...[...writes, paths.obsdata, paths.refcat, paths.refScamp, paths.references],
    ...[...(folder === null ? [] : [folder]), programRoot(), ...searched],
  ];
  return [
    flag("allow-read", reads),
    ...(isStep && folder !== null ? [flag("deny-read", [join(folder, "keys.dat")])] : []),
    flag("allow-write", writes),
    flag("deny-write", [paths.obsdata]),
    flag("allow-run", isStep ? programs : [...programs, Deno.execPath()]),
    ...(isStep ? [] : [flag("allow-net", hosts(env))]),
    ...(isStep ? [] : [flag("allow-sys", SYSTEM)]),
    "--allow-env",
    "--no-prompt",
  ];
}

/**
 * The flags of a program that is compiled once for every site: its folders are not known yet, so
 * that it may read and write everywhere its user may.
 *
 * @returns For `deno compile`; the program finds itself on PATH as `gppy`.
 */
export function compiledFlags(): string[] {
  return [
    "--allow-read",
    "--allow-write",
    flag("allow-run", [...programsOf("program"), "gppy"]),
    flag("allow-net", HOSTS),
    flag("allow-sys", SYSTEM),
    "--allow-env",
    "--no-prompt",
  ];
}

function hosts(env: PermissionSite["env"]): string[] {
  const other = env["GPPY_SLACK_API_URL"];
  return other && URL.canParse(other) ? [...HOSTS, new URL(other).host] : HOSTS;
}

function flag(name: string, values: readonly string[]): string {
  return `--${name}=${[...new Set(values)].map((value) => value.replaceAll(",", ",,")).join(",")}`;
}

/** Where the program's own files are: fonts, default settings. */
function programRoot(): string {
  return join(import.meta.dirname ?? dirname(Deno.execPath()), "..");
}

/** Paths of those programs that are there; one that is installed later needs new flags. */
function findPrograms(names: readonly string[], folders: readonly string[]): string[] {
  return names.flatMap((name) => {
    const path = folders.map((folder) => join(folder, name)).find(isFile);
    return path === undefined ? [] : [path];
  });
}

function isFile(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}
