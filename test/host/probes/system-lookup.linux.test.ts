import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { expect, test } from "vitest";
import { lookUpBySystem } from "../../../src/host/probes/system-lookup.ts";
import { makeNamespace, namespaceObstacle } from "../../support/netns.ts";

test("a name of /etc/hosts", async () => {
  expect(await lookUpBySystem("localhost", 20_000)).toContain("127.0.0.1");
  expect(await lookUpBySystem("--no-such.invalid", 20_000)).toEqual([]);
});

test.skipIf(namespaceObstacle() !== undefined)("a name server that is silent delays the end of no process", () => {
  using space = makeNamespace("lookup");
  const folder = `/etc/netns/${space.name}`;
  mkdirSync(folder, { recursive: true });
  try {
    writeFileSync(`${folder}/resolv.conf`, "nameserver 127.0.0.1\n");
    const began = performance.now();
    expect(space.runScript("test/host/probes/system-lookup.script.ts", ["silent.example.org", 500])).toEqual([]);
    expect(performance.now() - began).toBeLessThan(8_000);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
