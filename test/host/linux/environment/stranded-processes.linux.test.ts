import { statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import {
  type NamespacedProcess,
  readStrandedProcesses,
  strandedProcesses,
} from "../../../../src/host/linux/environment/stranded-processes.ts";
import { ROOT } from "../../../repository/sources.ts";
import { tunnelConfig, writePrivateKey } from "../../../support/config.ts";
import { temporaryFolder } from "../../../support/folder.ts";
import { commandObstacle, makeNamespace, namespaceObstacle, tunObstacle } from "../../../support/netns.ts";

const obstacle = namespaceObstacle() ?? tunObstacle() ?? commandObstacle("ip", "nft");
const LIMIT_MS = 30_000;

test("only awg's own processes in a namespace without a mount are stranded", () => {
  const at = (pid: number, namespace: string, role?: "keeper" | "engine"): NamespacedProcess => ({
    pid,
    namespace,
    role,
  });
  const processes = [
    at(1, "10"),
    at(2, "11", "keeper"),
    at(3, "12", "keeper"),
    at(4, "12"),
    at(6, "13", "engine"),
    at(5, "13", "keeper"),
  ];
  expect(strandedProcesses(processes, new Set(["10", "11"]))).toEqual([
    { pid: 5, role: "keeper", namespace: "13" },
    { pid: 6, role: "engine", namespace: "13" },
  ]);
});

describe.skipIf(obstacle !== undefined)(`a deleted namespace${obstacle === undefined ? "" : ` (${obstacle})`}`, () => {
  test("its keeper and engine are found, and kill -KILL ends them", { timeout: 4 * LIMIT_MS }, async () => {
    const folder = temporaryFolder("stranded");
    const tunnel = `s${process.pid.toString(36)}`.slice(0, 10);
    const config = join(folder, "config.yaml");
    writeFileSync(config, tunnelConfig({ tunnel, keyFile: writePrivateKey(folder), killSwitch: "{ enabled: false }" }));
    const namespace = makeNamespace("stranded");
    const inode = String(statSync(`/run/netns/${namespace.name}`).ino);
    const stranded = () => readStrandedProcesses().filter((one) => one.namespace === inode);
    const awg = [process.execPath, "--disable-warning=ExperimentalWarning", join(ROOT, "src/cli/awg.ts")];
    const state = ["--state-dir", join(folder, "state")];
    namespace.run(["ip", "link", "add", "v0", "type", "veth", "peer", "name", "v1"]);
    namespace.run(["ip", "address", "add", "192.0.2.2/24", "dev", "v0"]);
    namespace.run(["ip", "link", "set", "v0", "up"]);
    try {
      namespace.run([...awg, "apply", "-f", config, "--auto-approve", ...state]);
      expect(stranded()).toEqual([]);
    } finally {
      namespace[Symbol.dispose]();
    }
    const found = stranded();
    expect(new Set(found.map(({ role }) => role))).toEqual(new Set(["engine", "keeper"]));
    for (const { pid } of found) process.kill(pid, "SIGKILL");
    for (const endMs = Date.now() + LIMIT_MS; stranded().length > 0; await sleep(50))
      if (Date.now() > endMs) throw new Error(`still there: ${JSON.stringify(stranded())}`);
  });
});
