import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { LinuxMachine } from "../host/linux/linux-machine.ts";
import { commandObstacle, namespaceObstacle, tunObstacle } from "../support/netns.ts";
import { clausesOf, coverageOf } from "./coverage.ts";
import type { ClauseRun } from "./linux-clause.script.ts";

const obstacle = namespaceObstacle() ?? tunObstacle() ?? commandObstacle("wireguard-go", "nft");
const KEEPER_SCRIPT = fileURLToPath(new URL("../keeper/keeper.script.ts", import.meta.url));
const UPLINK = "eth0";
let made = 0;

/** A namespace with a physical device, a default route and a resolv.conf of its own. */
function withMachine<T>(use: (machine: LinuxMachine) => T): T {
  using machine = new LinuxMachine("contract");
  const { namespace } = machine;
  const etc = `/etc/netns/${namespace.name}`;
  try {
    mkdirSync(etc, { recursive: true });
    writeFileSync(`${etc}/resolv.conf`, "nameserver 192.0.2.53\n");
    namespace.run(["ip", "link", "add", UPLINK, "type", "veth", "peer", "name", "far0"]);
    namespace.run(["ip", "address", "add", "192.168.1.20/24", "dev", UPLINK]);
    for (const device of [UPLINK, "far0"]) namespace.run(["ip", "link", "set", device, "up"]);
    namespace.run(["ip", "route", "add", "default", "via", "192.168.1.1", "dev", UPLINK]);
    return use(machine);
  } finally {
    rmSync(etc, { recursive: true, force: true });
  }
}

describe.skipIf(obstacle !== undefined)(`the contract of a host, on Linux (${obstacle ?? "on this kernel"})`, () => {
  test("speaks of every method in every situation, or says why not", () => {
    expect(coverageOf("linux")).toMatchObject({ uncovered: [], idle: [] });
  });

  test.each(clausesOf("linux").map(({ port, promise }, index) => ({ port, promise, index })))(
    "$port: $promise",
    ({ index }) => {
      made += 1;
      const device = `awgc${process.pid % 1_000_000}x${made}`;
      const answer = withMachine(({ namespace, folder }) => {
        const keeperCommand = [process.execPath, "--disable-sigusr1", KEEPER_SCRIPT, `${folder}/run`];
        const run: ClauseRun = { index, uplink: UPLINK, device, folder, keeperCommand };
        return namespace.runScript("test/contract/linux-clause.script.ts", run);
      });
      expect(answer).toEqual({ broken: null });
    },
  );
});
