import { spawnSync } from "node:child_process";
import { existsSync, globSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { temporaryFolder } from "../../../support/folder.ts";
import { commandObstacle, makeNamespace, namespaceObstacle, type TestNamespace } from "../../../support/netns.ts";

const here = (name: string) => fileURLToPath(new URL(name, import.meta.url));
/** The service's program: the installed one, or the one that scripts/test-packages unpacked beside the toolchain. */
const UNPACKED = here("../../../../.toolchain/resolved");
const RESOLVED = ["/lib/systemd/systemd-resolved", `${UNPACKED}/lib/systemd/systemd-resolved`].find(canRun);

/** Where the unpacked program finds its shared library; the folder is named after the processor. */
function libraries(): string {
  return globSync(`${UNPACKED}/usr/lib/*/systemd`).join(":");
}

function canRun(program: string): boolean {
  const env = { ...process.env, LD_LIBRARY_PATH: libraries() };
  return spawnSync(program, ["--version"], { env, timeout: 10_000 }).status === 0;
}

const obstacle =
  namespaceObstacle() ??
  commandObstacle("dbus-daemon", "unshare") ??
  (RESOLVED === undefined ? "needs systemd-resolved; scripts/test-packages unpacks it" : undefined);

let namespace: TestNamespace;
let folder: string;

describe.skipIf(obstacle !== undefined)(`systemd-resolved (${obstacle ?? "a real one"})`, () => {
  beforeEach(() => {
    folder = temporaryFolder("t-resolved");
    namespace = makeNamespace("resolved");
    namespace.run(["ip", "link", "add", "d0", "type", "veth", "peer", "name", "d1"]);
    for (const device of ["d0", "d1"]) namespace.run(["ip", "link", "set", device, "up"]);
  });
  afterEach(() => {
    namespace[Symbol.dispose]();
  });

  test("a link carries the servers, is read back, changes, and is reverted", () => {
    const script = [process.execPath, here("./resolved.script.ts"), join(folder, "link.json"), "d0"];
    const world = ["unshare", "--mount", here("./resolved-world.sh"), RESOLVED ?? "", folder, libraries()];
    const { stdout } = namespace.run([...world, ...script], { timeoutMs: 90_000 });
    const nothing = { method: "resolved", servers: [], search: [], device: "", ownedByAwg: false };
    const ours = { method: "resolved", device: "d0", ownedByAwg: true };
    expect(JSON.parse(stdout)).toEqual([
      "file",
      nothing,
      { ...ours, servers: ["10.8.0.1", "fd00::1"], search: ["corp.example"] },
      { ...ours, servers: ["10.8.0.9"], search: [] },
      ["10.255.255.53", "192.0.2.53"],
      nothing,
    ]);
    expect(existsSync(join(folder, "link.json"))).toBe(false);
  });
});
