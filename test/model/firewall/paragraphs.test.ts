import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const root = fileURLToPath(new URL("../../../", import.meta.url));
const text = readFileSync(`${root}docs/security.md`, "utf8");
const stated = new Set([...text.matchAll(/^(?:-|\|) \*\*(S\d+\.\d+)\*\*/gm)].map((match) => match[1] as string));

function citedIn(folders: readonly string[]): Map<string, string> {
  const cited = new Map<string, string>();
  for (const folder of folders) {
    for (const name of readdirSync(`${root}${folder}`, { recursive: true }).map(String)) {
      if (!name.endsWith(".ts")) continue;
      const source = readFileSync(`${root}${folder}/${name}`, "utf8");
      for (const [paragraph] of source.matchAll(/\bS\d+\.\d+\b/g)) cited.set(paragraph, `${folder}/${name}`);
    }
  }
  return cited;
}

test("the code and its tests cite only paragraphs that docs/security.md has", () => {
  const cited = citedIn([
    "src/model/firewall",
    "src/host/linux/firewall",
    "test/model/firewall",
    "test/host/linux/firewall",
  ]);
  expect(cited.size).toBeGreaterThan(30);
  expect([...cited].filter(([paragraph]) => !stated.has(paragraph))).toEqual([]);
});

test("every paragraph about packets is carried out somewhere", () => {
  const cited = citedIn(["src/model/firewall", "src/host/linux/firewall"]);
  const aboutPackets = [...stated].filter((paragraph) => /^S[2-9]\./.test(paragraph));
  expect(aboutPackets.length).toBeGreaterThan(30);
  expect(aboutPackets.filter((paragraph) => !cited.has(paragraph))).toEqual([]);
});
