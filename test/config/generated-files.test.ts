import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { generatedFiles } from "../../scripts/generated-files.ts";

const files = await generatedFiles();

test("four files are generated", () => {
  expect([...files.keys()]).toEqual([
    "schema/awg.schema.json",
    "schema/awg.d.ts",
    "docs/problems.md",
    "docs/configuration.md",
  ]);
});

test.each([...files])("%s is what scripts/generate writes", (path, content) => {
  expect(readFileSync(new URL(`../../${path}`, import.meta.url), "utf8")).toBe(content);
});

test("every key of the configuration has a description", () => {
  const schema = JSON.parse(files.get("schema/awg.schema.json") ?? "{}");
  const missing: string[] = [];
  visit(schema, "", (path, property) => {
    if (typeof property["description"] !== "string") missing.push(path);
  });
  expect(missing).toEqual([]);
});

type Json = Readonly<Record<string, unknown>>;

/** Every property of every object with named keys; the one-key forms of references describe themselves by their key. */
function visit(json: unknown, path: string, found: (path: string, property: Json) => void): void {
  if (typeof json !== "object" || json === null) return;
  const properties = (json as Json)["properties"] as Readonly<Record<string, Json>> | undefined;
  const isOneKey = properties !== undefined && Object.keys(properties).length === 1;
  for (const [key, property] of Object.entries(properties ?? {})) if (!isOneKey) found(`${path}.${key}`, property);
  for (const [key, value] of Object.entries(json)) visit(value, `${path}.${key}`, found);
}
