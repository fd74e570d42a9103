import { spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import type { ResolverSpec } from "../../../../src/model/resources/resolver.ts";
import { temporaryFolder } from "../../../support/folder.ts";
import { commandObstacle, namespaceObstacle } from "../../../support/netns.ts";

const obstacle = namespaceObstacle() ?? commandObstacle("unshare", "mount");
const SPEC: ResolverSpec = { method: "file", servers: ["10.8.0.1"], search: [], device: "" };
const BEFORE = "nameserver 192.0.2.53\n";

describe.skipIf(obstacle !== undefined)(`a resolv.conf that is mounted over (${obstacle ?? "here"})`, () => {
  const folder = temporaryFolder("t-mounted");
  const places = { resolvConf: join(folder, "etc", "resolv.conf"), original: join(folder, "state", "original.json") };
  const own = join(folder, "own");

  /** As `ip netns exec` does: the namespace's own file lies over the machine's, whose folder everybody shares. */
  function inMounts(spec: ResolverSpec | null): void {
    const script = join(import.meta.dirname, "mounted-file.script.ts");
    const argv = [
      "-c",
      'mount --bind "$1" "$2" && exec "$3" "$4"',
      "sh",
      own,
      places.resolvConf,
      process.execPath,
      script,
    ];
    const input = JSON.stringify({ places, spec });
    const { status, stderr } = spawnSync("unshare", ["--mount", "sh", ...argv], { encoding: "utf8", input });
    expect(status, stderr).toBe(0);
  }

  beforeAll(() => {
    for (const name of ["etc", "state"]) mkdirSync(join(folder, name));
    writeFileSync(places.resolvConf, "the machine's\n");
    writeFileSync(own, BEFORE);
    // Another namespace's awg is at work in the folder that both see.
    mkdirSync(`${places.resolvConf}.awg-new`);
  });

  test("law 6: it is written in place; nothing is made in the folder that others share", () => {
    inMounts(SPEC);
    expect(readFileSync(own, "utf8")).toContain("nameserver 10.8.0.1");
    inMounts(null);
    expect(readFileSync(own, "utf8")).toBe(BEFORE);
    expect(readFileSync(places.resolvConf, "utf8")).toBe("the machine's\n");
    expect(readdirSync(join(folder, "etc")).toSorted()).toEqual(["resolv.conf", "resolv.conf.awg-new"]);
  });
});
