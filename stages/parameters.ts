/**
 * The parameters of a stage: their description for flags, help and docs, and
 * their values with where each came from.
 *
 * Precedence: flag, environment, configuration file, default.
 *
 * @module
 */

import * as z from "zod";
import { UsageError } from "../config/errors.ts";

/** One parameter, as flags, help, completions and docs need it. */
export interface ParameterInfo {
  /** Key in the schema, camelCase. */
  readonly key: string;
  /** Name of the flag without dashes, kebab-case. */
  readonly flag: string;
  /** Name of the environment variable. */
  readonly environment: string;
  /** What it does. */
  readonly description: string;
  /** What its value is. */
  readonly type: "string" | "number" | "integer" | "boolean" | "array";
  /** Type of the items when `type` is `array`. */
  readonly itemType: "string" | "number" | "integer";
  /** The only values allowed; empty if any will do. */
  readonly choices: readonly string[];
  /** The value it has when nobody sets it. */
  readonly default: unknown;
  /** Unit of the value, if it has one. */
  readonly unit: string | undefined;
  /** Whether it may be null, written `none`. */
  readonly nullable: boolean;
}

/** Where a value came from. */
export type ParameterSource = "flag" | "environment" | "config" | "default";

/** The values of a stage's parameters, and the record of them. */
export interface ResolvedParameters {
  /** Checked values by schema key. */
  readonly values: Record<string, unknown>;
  /** The same with where each came from, for the manifest. */
  readonly record: Record<string, { value: z.core.util.JSONType; source: string }>;
}

/** The places that values come from; strings are converted, other values are taken as they are. */
export interface ParameterSources {
  /** By schema key. */
  readonly flags?: Readonly<Record<string, unknown>>;
  /** By name of the variable. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
  /** By schema key. */
  readonly config?: Readonly<Record<string, unknown>>;
}

/** What has parameters: a stage, or a command like one. */
export interface ParameterOwner {
  /** Its name, part of environment names and messages. */
  readonly name: string;
  /** The schema. */
  readonly params: z.ZodObject;
}

interface JsonSchema {
  readonly type?: string | readonly string[];
  readonly description?: string;
  readonly default?: unknown;
  readonly unit?: string;
  readonly enum?: readonly unknown[];
  readonly items?: JsonSchema;
  readonly anyOf?: readonly JsonSchema[];
  readonly properties?: Readonly<Record<string, JsonSchema>>;
}

/**
 * Describes every parameter of a stage.
 *
 * @param owner The stage: its name and its schema.
 * @returns One entry a parameter, in the order of the schema.
 */
export function describeParameters(owner: ParameterOwner): readonly ParameterInfo[] {
  const known = described.get(owner);
  if (known !== undefined) return known;
  const schema = z.toJSONSchema(owner.params, { io: "input" }) as JsonSchema;
  const infos = Object.entries(schema.properties ?? {}).map(([key, property]) =>
    describeOne(owner.name, key, property)
  );
  described.set(owner, infos);
  return infos;
}

/** A command asks several times, and a schema takes a while to describe. */
const described = new WeakMap<ParameterOwner, readonly ParameterInfo[]>();

/**
 * Settles the value of every parameter.
 *
 * @param owner The stage: its name and its schema.
 * @param sources Flags and configuration by schema key, the environment by variable name.
 * @returns Checked values, and each with where it came from.
 * @throws {UsageError} If a key is unknown or a value does not fit; says where it came from.
 */
export function resolveParameters(
  owner: ParameterOwner,
  sources: ParameterSources,
): ResolvedParameters {
  const infos = describeParameters(owner);
  refuseUnknown(owner, infos, sources);
  const given: Record<string, unknown> = {};
  const origin: Record<string, ParameterSource> = {};
  for (const info of infos) {
    const found = findValue(info, sources);
    origin[info.key] = found?.source ?? "default";
    if (found) given[info.key] = convert(owner, info, found.value, found.source);
  }
  const parsed = owner.params.safeParse(given);
  if (!parsed.success) throw wrongValue(owner, infos, origin, parsed.error);
  const values = parsed.data as Record<string, unknown>;
  const record = Object.fromEntries(infos.map(({ key }) => [key, {
    value: (values[key] ?? null) as z.core.util.JSONType,
    source: origin[key] ?? "default",
  }]));
  return { values, record };
}

/**
 * Turns camelCase into kebab-case.
 *
 * @param key For example `clipSigma`.
 * @returns For example `clip-sigma`.
 */
export function kebabCase(key: string): string {
  return key.replace(/[A-Z]+/g, (capitals) => `-${capitals.toLowerCase()}`)
    .replace(/([a-z])(\d)/g, "$1$2");
}

function describeOne(stage: string, key: string, property: JsonSchema): ParameterInfo {
  const branches = property.anyOf ?? [property];
  const solid = branches.find((branch) => typesOf(branch).some((type) => type !== "null")) ??
    property;
  const flag = kebabCase(key);
  return {
    key,
    flag,
    environment: `GPPY_${stage}_${flag}`.toUpperCase().replaceAll("-", "_"),
    description: property.description ?? solid.description ?? "",
    type: parameterType(solid),
    itemType: itemType(solid.items),
    choices: (solid.enum ?? solid.items?.enum ?? []).map(String),
    default: property.default,
    unit: property.unit ?? solid.unit,
    nullable: branches.some((branch) => typesOf(branch).includes("null")),
  };
}

function typesOf(schema: JsonSchema): readonly string[] {
  return schema.type === undefined ? [] : [schema.type].flat();
}

function parameterType(schema: JsonSchema): ParameterInfo["type"] {
  const type = typesOf(schema).find((name) => name !== "null");
  switch (type) {
    case "number":
    case "integer":
    case "boolean":
    case "array":
      return type;
    default:
      return "string";
  }
}

function itemType(schema: JsonSchema | undefined): ParameterInfo["itemType"] {
  return schema?.type === "number" || schema?.type === "integer" ? schema.type : "string";
}

function findValue(
  info: ParameterInfo,
  sources: ParameterSources,
): { value: unknown; source: ParameterSource } | undefined {
  const flag = sources.flags?.[info.key];
  if (flag !== undefined) return { value: flag, source: "flag" };
  const environment = sources.environment?.[info.environment];
  if (environment !== undefined) return { value: environment, source: "environment" };
  const config = sources.config?.[info.key];
  return config === undefined ? undefined : { value: config, source: "config" };
}

function convert(
  owner: ParameterOwner,
  info: ParameterInfo,
  value: unknown,
  source: string,
): unknown {
  if (typeof value !== "string") return value;
  if (info.nullable && value === "none") return null;
  switch (info.type) {
    case "number":
    case "integer":
      return toNumber(value) ?? fail();
    case "boolean":
      return { true: true, yes: true, 1: true, false: false, no: false, 0: false }[value] ?? fail();
    case "array":
      return value === ""
        ? []
        : value.split(",").map((item) =>
          info.itemType === "string" ? item.trim() : toNumber(item) ?? fail()
        );
    default:
      return value;
  }
  function fail(): never {
    throw new UsageError(
      `Cannot take "${value}" for ${sourceName(owner, info, source)}: ` +
        `not ${info.type === "array" ? `a list of ${info.itemType}s` : `a ${info.type}`}`,
    );
  }
}

function toNumber(text: string): number | undefined {
  const number = Number(text);
  return text.trim() === "" || !Number.isFinite(number) ? undefined : number;
}

function sourceName(owner: ParameterOwner, info: ParameterInfo, source: string): string {
  if (source === "environment") return info.environment;
  if (source === "config") return `"${info.key}" in section [${owner.name}] of gppy.toml`;
  return `--${info.flag}`;
}

function refuseUnknown(
  owner: ParameterOwner,
  infos: readonly ParameterInfo[],
  sources: ParameterSources,
): void {
  const known = new Set(infos.map((info) => info.key));
  const places = [[sources.flags, "flags"], [sources.config, "gppy.toml"]] as const;
  for (const [values, place] of places) {
    const stray = Object.keys(values ?? {}).find((key) => !known.has(key));
    if (stray !== undefined) {
      throw new UsageError(
        `Cannot set "${stray}" of ${owner.name} (${place}): no such parameter; ` +
          `there are ${[...known].join(", ")}`,
      );
    }
  }
  refuseUnknownVariable(owner, infos, sources.environment ?? {});
}

function refuseUnknownVariable(
  owner: ParameterOwner,
  infos: readonly ParameterInfo[],
  environment: Readonly<Record<string, string | undefined>>,
): void {
  const start = `GPPY_${owner.name.toUpperCase()}_`;
  const known = new Set(infos.map((info) => info.environment));
  const stray = Object.keys(environment).find((name) => name.startsWith(start) && !known.has(name));
  if (stray === undefined) return;
  throw new UsageError(
    `Cannot take ${stray} from the environment: ${owner.name} has no such parameter ` +
      `(gppy ${owner.name} --help lists them)`,
  );
}

function wrongValue(
  owner: ParameterOwner,
  infos: readonly ParameterInfo[],
  origin: Readonly<Record<string, ParameterSource>>,
  error: z.ZodError,
): UsageError {
  const lines = error.issues.map((issue) => {
    const info = infos.find((candidate) => candidate.key === issue.path[0]);
    const name = info
      ? sourceName(owner, info, origin[info.key] ?? "default")
      : issue.path.join(".");
    return `${name}: ${issue.message}`;
  });
  return new UsageError(`Cannot run ${owner.name}: ${lines.join("; ")}`, { cause: error });
}
