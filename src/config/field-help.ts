import { z } from "zod";
import { nearestWord } from "./field/edit-distance.ts";
import { schemasAt, unwrap } from "./schema-keys.ts";

type Json = Readonly<Record<string, unknown>>;

/**
 * What a field of the configuration is and takes, as text for a terminal; `undefined` where there is no such field.
 * The path is keys with dots, `killSwitch.allow.ports`; list positions are left out, and names of tunnels may be.
 */
export function fieldHelp(path: string): string | undefined {
  const steps = path.split(".").filter((step) => step !== "");
  const schemas = schemasAt(steps.map(withoutPosition));
  if (schemas.length === 0) return undefined;
  const described = schemas.map((schema) => z.toJSONSchema(schema as z.ZodType, JSON_OPTIONS) as Json);
  const lines = [path === "" ? "the whole configuration" : steps.join(".")];
  const description = described.find((json) => json["description"] !== undefined)?.["description"];
  if (description !== undefined) lines.push("", `  ${description}`);
  const facts = described.flatMap(factsOf);
  if (facts.length > 0) lines.push("", ...[...new Set(facts)].map((fact) => `  ${fact}`));
  const keys = schemas.flatMap((schema) => keysOf(schema as z.ZodType));
  if (keys.length > 0) lines.push("", "  Keys:", ...alignKeys(keys));
  return lines.join("\n");
}

/** The field that a path with a slip of the pen means; `undefined` where none is near, step by step. */
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
  readonly description: string;
}

function factsOf(json: Json): string[] {
  const facts: string[] = [];
  const forms = [json, ...((json["anyOf"] as Json[] | undefined) ?? [])];
  const types = [...new Set(forms.map((form) => form["type"]).filter((type) => type !== undefined))];
  if (types.length > 0) facts.push(`Type: ${types.join(" or ")}`);
  for (const form of forms) {
    if (Array.isArray(form["enum"])) facts.push(`One of: ${form["enum"].join(", ")}`);
    if (form["const"] !== undefined) facts.push(`Value: ${String(form["const"])}`);
    if (form["minimum"] !== undefined)
      facts.push(`Range: ${String(form["minimum"])} to ${String(form["maximum"] ?? "any")}`);
  }
  if (json["default"] !== undefined) facts.push(`Default: ${JSON.stringify(json["default"])}`);
  return facts;
}

function keysOf(schema: z.ZodType): KeyHelp[] {
  const bare = unwrap(schema);
  if (bare instanceof z.ZodUnion) return bare.options.flatMap((option) => keysOf(option as z.ZodType));
  if (bare instanceof z.ZodArray) return keysOf(bare.element as z.ZodType);
  if (bare instanceof z.ZodRecord) return keysOf(bare.valueType as z.ZodType);
  if (!(bare instanceof z.ZodObject)) return [];
  return Object.entries(bare.shape).map(([key, value]) => ({ key, description: descriptionOf(value as z.ZodType) }));
}

function descriptionOf(schema: z.ZodType): string {
  let current: z.core.$ZodType | undefined = schema;
  while (current !== undefined) {
    const description = (current as z.ZodType).description;
    if (description !== undefined) return description;
    current = (current._zod.def as { innerType?: z.core.$ZodType }).innerType;
  }
  return "";
}

function alignKeys(keys: readonly KeyHelp[]): string[] {
  const byKey = new Map<string, string>();
  for (const { key, description } of keys) {
    const known = byKey.get(key);
    if (known === undefined) byKey.set(key, description);
    else if (!known.includes(description)) byKey.set(key, `${known} ${description}`);
  }
  const width = Math.max(...[...byKey.keys()].map((key) => key.length));
  return [...byKey].map(([key, description]) => `    ${key.padEnd(width)}  ${description}`);
}
