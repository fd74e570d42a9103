import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { loadConfig } from "../../src/config/load-config.ts";
import type { Resource } from "../../src/model/resource.ts";
import { renderPolicyRule } from "../../src/model/resources/policy-rule.ts";
import { expand } from "../../src/resources/expand.ts";
import { wantedServices } from "../../src/resources/service/wanted-services.ts";
import { facts, secretOf } from "./sample.ts";

const SYSTEMD = {
  kind: "systemd",
  program: ["/usr/local/bin/awg"],
  configFile: "/etc/awg/config.yaml",
  runDir: "/run/awg",
} as const;
const EXAMPLES = join(import.meta.dirname, "..", "..", "examples");
/** Folders with a configuration; `first-tunnel` has only the namespaces of a tutorial. */
const names = readdirSync(EXAMPLES)
  .filter((name) => existsSync(join(EXAMPLES, name, "config.yaml")))
  .toSorted();

function read(name: string, file: string): string {
  return readFileSync(join(EXAMPLES, name, file), "utf8");
}

/** Resources as text that a person can compare: one line for each fact. */
function renderResource({ key, kind, spec }: Resource): string[] {
  if (kind === "routes") {
    const { rules, ...table } = spec;
    return [`${key} ${JSON.stringify(table)}`, ...rules.map((rule) => `  ${renderPolicyRule(rule)}`)];
  }
  if (kind === "firewall") {
    const [layer] = spec.layers;
    const { flows, ...rest } = layer as NonNullable<typeof layer>;
    const lines = Object.entries(rest).map(([field, value]) => `  ${field} ${JSON.stringify(value)}`);
    const rules = flows.rules.map(
      ({ origin, match, path }) => `  ${origin}: ${JSON.stringify(match)} → ${JSON.stringify(path)}`,
    );
    return [key, ...rules, `  default → ${JSON.stringify(flows.default)}`, ...lines];
  }
  return [`${key} ${JSON.stringify(spec)}`];
}

describe("the examples", () => {
  test("there are at least five, each with a page", () => {
    expect(names.length).toBeGreaterThanOrEqual(5);
    for (const name of names) expect(existsSync(join(EXAMPLES, name, "README.md")), name).toBe(true);
  });

  test.each(names)("%s is valid, without a warning, and completes in an editor", (name) => {
    const text = read(name, "config.yaml");
    expect(loadConfig([{ name, text }]).problems).toEqual([]);
    const schema = /^# yaml-language-server: \$schema=(\S+)$/m.exec(text)?.[1];
    expect(schema).toBeDefined();
    expect(existsSync(join(EXAMPLES, name, schema as string))).toBe(true);
  });

  test.each(names)("%s expands to what is written down", async (name) => {
    const { config } = loadConfig([{ name, text: read(name, "config.yaml") }]);
    if (config === undefined) throw new Error("not valid");
    const { desired, notes, unsupported, pathNumbers } = expand(config, facts(), {
      pathNumbers: {},
      secrets: secretOf,
      beside: wantedServices(config, SYSTEMD, "add table inet awg_boot\n"),
    });
    expect(unsupported).toEqual([]);
    const lines = [
      ...desired.resources.flatMap(renderResource),
      ...Object.entries(pathNumbers).map(([tunnel, number]) => `path ${number} ${tunnel}`),
      ...notes.map(({ path, message, enforcement }) => `note ${path} (${enforcement ?? "-"}): ${message}`),
      "",
    ];
    await expect(lines.join("\n")).toMatchFileSnapshot(join(import.meta.dirname, "golden", `${name}.txt`));
  });
});
