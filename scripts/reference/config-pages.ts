import type { SystemSupport } from "../../src/config/feature/support.ts";
import { annotatedSchema } from "../../src/config/json-schema.ts";
import { typeText } from "../../src/config/key-type.ts";
import { cell, code, generatedFrom, page, table } from "./markdown.ts";

type Json = Readonly<Record<string, unknown>>;

interface ConfigPage {
  readonly file: string;
  readonly title: string;
  readonly about: string;
  /** Title of a table, and where its keys lie in the schema. */
  readonly tables: readonly (readonly [title: string, pointer: string])[];
}

/** The parts of the configuration, in the order in which they are explained. */
const CONFIG_PAGES: readonly ConfigPage[] = [
  {
    file: "config-top.md",
    title: "Config keys: top level",
    about: "This page is for authors of a config. It lists the keys at the top, and those of the host itself.",
    tables: [
      ["Top level", ""],
      ["service", "properties/service"],
      ["systemExtension", "properties/systemExtension"],
      ["probes", "properties/probes/items"],
      ["reconcile", "properties/reconcile"],
      ["api", "properties/api"],
      ["captivePortal", "properties/captivePortal"],
      ["lifecycle", "properties/lifecycle"],
      ["moved", "properties/moved/items"],
      ["invariants", "properties/invariants/items"],
    ],
  },
  {
    file: "config-tunnels.md",
    title: "Config keys: tunnels",
    about: "This page is for authors of a config. It lists the keys of a tunnel and its peers.",
    tables: [
      ["WireGuard or AmneziaWG tunnel", "$defs/AmneziaTunnel"],
      ["Peer", "$defs/Peer"],
      ["failover", "$defs/AmneziaTunnel/properties/failover"],
      ["Proxy", "$defs/Socks5Tunnel"],
    ],
  },
  {
    file: "config-obfuscation.md",
    title: "Config keys: obfuscation",
    about: "This page is for authors of a config. It lists the AmneziaWG parameters of a tunnel.",
    tables: [["obfuscation", "$defs/AmneziaTunnel/properties/obfuscation"]],
  },
  {
    file: "config-policy.md",
    title: "Config keys: rules, kill switch, DNS",
    about: "This page is for authors of a config. It lists the keys that decide which packet takes which path.",
    tables: [
      ["Rule", "$defs/Rule"],
      ["Network of when", "$defs/NetworkCondition"],
      ["default", "properties/default"],
      ["killSwitch", "properties/killSwitch"],
      ["Exception of killSwitch.allow", "properties/killSwitch/properties/allow/items"],
      ["dns", "properties/dns"],
    ],
  },
  {
    file: "config-planned.md",
    title: "Config keys: not implemented yet",
    about:
      "This page is for authors of a config. It lists the keys of sections that validate and that a plan refuses, on every system.",
    tables: [
      ["update", "properties/update"],
      ["fleet", "properties/fleet"],
    ],
  },
];

const LEGEND = [
  "*Linux* and *macOS* say whether a key works there. *not yet*: `awg plan` refuses it (exit 12). *no*: the system has no such thing.",
  "A remark in brackets is about single values. macOS: see [platforms](../platforms.md) for what was run on a Mac.",
].join("\n");

const SUPPORT_TEXTS: Readonly<Record<SystemSupport, string>> = { yes: "yes", "not-yet": "not yet", never: "no" };

/** The pages of all keys: type, default, where each works and what it means. */
export function configPages(): ReadonlyMap<string, string> {
  const schema = annotatedSchema();
  return new Map(CONFIG_PAGES.map((one) => [`docs/reference/${one.file}`, renderPage(one, schema)]));
}

function renderPage({ title, about, tables }: ConfigPage, schema: Json): string {
  const sections = tables.flatMap(([heading, pointer]) => [
    `## ${heading}`,
    keyTable(at(schema, pointer), schema, outerSupport(schema, pointer)),
  ]);
  const source = "src/config/section and support.ts";
  return page(generatedFrom(source), `# ${title}`, about, LEGEND, ...sections);
}

function at(schema: Json, pointer: string): Json {
  return pointer
    .split("/")
    .reduce<unknown>((json, step) => (step === "" ? json : (json as Json)?.[step]), schema) as Json;
}

/** Where the section works that holds the keys: a key works nowhere else. */
function outerSupport(schema: Json, pointer: string): Support {
  const steps = pointer.split("/");
  const around = steps.map((_, index) => at(schema, steps.slice(0, index + 1).join("/")));
  const known = around.flatMap((json) => (json?.["support"] === undefined ? [] : [json["support"] as Support]));
  return known.at(-1) ?? supportOfProtocol(at(schema, pointer)) ?? EVERYWHERE;
}

function supportOfProtocol(json: Json): Support | undefined {
  const { protocol } = (json["properties"] ?? {}) as Readonly<Record<string, Json>>;
  const of = protocol?.["const"] === undefined ? undefined : protocol["support"];
  return of as Support | undefined;
}

interface Support {
  readonly linux: SystemSupport;
  readonly darwin: SystemSupport;
}

const EVERYWHERE: Support = { linux: "yes", darwin: "yes" };

function keyTable(json: Json, schema: Json, outer: Support): string {
  const required = (json["required"] as readonly string[] | undefined) ?? [];
  const definitions = schema["$defs"] as Readonly<Record<string, Json>>;
  const rows = Object.entries(json["properties"] as Readonly<Record<string, Json>>).map(([key, property]) => {
    const value = property["default"];
    const fallback = required.includes(key) ? "required" : value === undefined ? "" : code(JSON.stringify(value));
    const support = (property["support"] as Support | undefined) ?? EVERYWHERE;
    const works = (system: keyof Support) => SUPPORT_TEXTS[outer[system] === "yes" ? support[system] : outer[system]];
    const meaning = cell(String(property["description"] ?? ""));
    return [code(key), cell(typeText(property, definitions)), fallback, works("linux"), works("darwin"), meaning];
  });
  return table(["key", "type", "default", "Linux", "macOS", "meaning"], rows);
}
