import { z } from "zod";
import { wrapText } from "../model/text/wrap.ts";
import { nearestWord } from "./field/edit-distance.ts";
import { typeText } from "./key-type.ts";
import { schemasAt, unwrap } from "./schema-keys.ts";

type Json = Readonly<Record<string, unknown>>;

/**
 * Help on a field of the config, for a terminal; `undefined` if there is no such field. The path is keys with dots,
 * `killSwitch.allow.ports`; list positions are omitted, and tunnel names may be.
 */
export function fieldHelp(path: string, width: number): string | undefined {
  const steps = path.split(".").filter((step) => step !== "");
  const schemas = schemasAt(steps.map(withoutPosition));
  if (schemas.length === 0) return undefined;
  const described = schemas.map((schema) => z.toJSONSchema(schema as z.ZodType, JSON_OPTIONS) as Json);
  const lines = [path === "" ? "the whole configuration" : steps.join(".")];
  const description = described.find((json) => json["description"] !== undefined)?.["description"];
  if (description !== undefined) lines.push("", `  ${description}`);
  const keys = mergedKeys(schemas.flatMap((schema) => keysOf(schema as z.ZodType)));
  const facts = keys.length > 0 ? [] : described.flatMap(factsOf);
  if (facts.length > 0) lines.push("", ...[...new Set(facts)].map((fact) => `  ${fact}`));
  if (keys.length > 0) lines.push("", "  Keys:", ...keys.flatMap(keyLines));
  return wrapText(lines.join("\n"), width, 0);
}

/** The existing field closest to a misspelt path; `undefined` if none is close. */
export function nearestField(path: string): string | undefined {
  const meant: string[] = [];
  for (const step of path.split(".").filter((one) => one !== "")) {
    const [key = "", position = ""] = /^([^[]*)(\[[0-9]*\])?$/.exec(step)?.slice(1) ?? [step];
    const above = schemasAt(meant.map(withoutPosition));
    const isKnown = schemasAt([...meant.map(withoutPosition), key]).length > 0;
    const keys = isKnown ? [] : above.flatMap((schema) => keysOf(schema as z.ZodType));
    const near = isKnown ? key : nearestWord(key, [...new Set(keys.map((one) => one.key))]);
    if (near === undefined) return undefined;
    meant.push(`${near}${position}`);
  }
  return meant.join(".");
}

function withoutPosition(step: string): string {
  return step.replace(/\[[0-9]*\]$/, "");
}

const JSON_OPTIONS = { io: "input", unrepresentable: "any" } as const;

interface KeyHelp {
  readonly key: string;
  readonly type: string;
  readonly fallback: string;
  readonly description: string;
}

function factsOf(json: Json): string[] {
  const type = typeText(json, (json["$defs"] ?? {}) as Readonly<Record<string, Json>>);
  const fallback = json["default"] === undefined ? [] : [`Default: ${JSON.stringify(json["default"])}`];
  return [`Type: ${type}`, ...fallback];
}

function keysOf(schema: z.ZodType): KeyHelp[] {
  const bare = unwrap(schema);
  if (bare instanceof z.ZodUnion) return bare.options.flatMap((option) => keysOf(option as z.ZodType));
  if (bare instanceof z.ZodArray) return keysOf(bare.element as z.ZodType);
  if (bare instanceof z.ZodRecord) return keysOf(bare.valueType as z.ZodType);
  if (!(bare instanceof z.ZodObject)) return [];
  return Object.entries(bare.shape).map(([key, value]) => keyHelp(key, value as z.ZodType));
}

function keyHelp(key: string, schema: z.ZodType): KeyHelp {
  const json = z.toJSONSchema(schema, JSON_OPTIONS) as Json;
  const isOptional = schema.safeParse(undefined).success || schema instanceof z.ZodExactOptional;
  const value = json["default"];
  return {
    key,
    type: typeText(json, (json["$defs"] ?? {}) as Readonly<Record<string, Json>>),
    fallback: value !== undefined ? `default ${JSON.stringify(value)}` : isOptional ? "" : "required",
    description: String(json["description"] ?? ""),
  };
}

/** A key that several forms have, such as a tunnel's protocol, has the types of all, and what they say in common. */
function mergedKeys(keys: readonly KeyHelp[]): readonly KeyHelp[] {
  const byKey = new Map<string, KeyHelp>();
  for (const one of keys) {
    const known = byKey.get(one.key);
    if (known === undefined) byKey.set(one.key, one);
    else if (known.type !== one.type) {
      byKey.set(one.key, { ...known, type: `${known.type} | ${one.type}`, description: together(known, one) });
    }
  }
  return [...byKey.values()];
}

/** What each form of a key means, behind its name: "wireguard: Plain WireGuard." */
function together(known: KeyHelp, one: KeyHelp): string {
  const first = known.type.includes(" | ") ? known.description : `${known.type}: ${known.description}`;
  return known.description === "" || one.description === "" ? "" : `${first} ${one.type}: ${one.description}`;
}

function keyLines({ key, type, fallback, description }: KeyHelp): readonly string[] {
  const head = `    ${key}: ${type}${fallback === "" ? "" : `, ${fallback}`}`;
  return description === "" ? [head] : [head, `        ${description}`];
}
