import { configJsonSchema } from "./json-schema.ts";

type Json = Readonly<Record<string, unknown>>;

/** Parts of the configuration that have a table of their own, in the order they are explained. */
const SECTIONS: readonly (readonly [title: string, pointer: string])[] = [
  ["At the top", ""],
  ["A WireGuard or AmneziaWG tunnel", "$defs/AmneziaTunnel"],
  ["A peer", "$defs/Peer"],
  ["obfuscation", "$defs/AmneziaTunnel/properties/obfuscation"],
  ["A proxy", "$defs/Socks5Tunnel"],
  ["A rule", "$defs/Rule"],
  ["default", "properties/default"],
  ["killSwitch", "properties/killSwitch"],
  ["killSwitch.allow", "properties/killSwitch/properties/allow/items"],
  ["dns", "properties/dns"],
  ["service", "properties/service"],
  ["systemExtension", "properties/systemExtension"],
  ["update", "properties/update"],
  ["probes", "properties/probes/items"],
  ["reconcile", "properties/reconcile"],
  ["lifecycle", "properties/lifecycle"],
  ["captivePortal", "properties/captivePortal"],
  ["api", "properties/api"],
  ["fleet", "properties/fleet"],
  ["fakeIp", "properties/fakeIp"],
];

/** Markdown tables of all keys: what each takes, its default and what it means. */
export function renderKeyTables(): string {
  const schema = configJsonSchema();
  return SECTIONS.map(([title, pointer]) => renderTable(title, at(schema, pointer))).join("\n");
}

function at(schema: Json, pointer: string): Json {
  const found = pointer
    .split("/")
    .reduce<unknown>((json, step) => (step === "" ? json : (json as Json)?.[step]), schema);
  return found as Json;
}

function renderTable(title: string, json: Json): string {
  const required = (json["required"] as readonly string[] | undefined) ?? [];
  const rows = Object.entries(json["properties"] as Readonly<Record<string, Json>>).map(([key, property]) => {
    const value = property["default"];
    const fallback = required.includes(key) ? "required" : value === undefined ? "" : `\`${JSON.stringify(value)}\``;
    return `| \`${key}\` | ${fallback} | ${escapeCell(String(property["description"] ?? ""))} |`;
  });
  return `### ${title}\n\n| key | default | meaning |\n|---|---|---|\n${rows.join("\n")}\n`;
}

/** A bar would end the cell, and angle brackets would begin HTML. */
function escapeCell(text: string): string {
  return text.replaceAll("|", "\\|").replaceAll("<", "&lt;");
}
