import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { generatedFiles } from "../../scripts/generated-files.ts";

const files = await generatedFiles();

test("schemas, the public types and the reference are generated, and nothing old is left beside them", () => {
  const root = fileURLToPath(new URL("../../", import.meta.url));
  const schemas = readdirSync(`${root}schema`, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => relative(root, join(parentPath, name)));
  expect([...files.keys()].filter((path) => path.startsWith("schema/")).toSorted()).toEqual(schemas.toSorted());
  const pages = readdirSync(`${root}docs/reference`).filter((name) => name.endsWith(".md"));
  const generated = pages.filter((name) => readFileSync(`${root}docs/reference/${name}`, "utf8").startsWith("<!--"));
  expect(generated.map((name) => files.has(`docs/reference/${name}`))).not.toContain(false);
  expect(generated.length).toBeGreaterThan(10);
});

test("no page of the reference has more than 1,500 words", () => {
  const pages = [...files].filter(([path]) => path.endsWith(".md"));
  const words = pages.map(
    ([path, text]) => [path, text.split(/\s+/).filter((word) => /\w/.test(word)).length] as const,
  );
  expect(words.filter(([, count]) => count > 1500)).toEqual([]);
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
  // What keys have in common names keys that are described above.
  const parts = Object.entries(json).filter(([key]) => key !== "allOf");
  for (const [key, value] of parts) visit(value, `${path}.${key}`, found);
}
