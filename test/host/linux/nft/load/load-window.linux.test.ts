import { expect, test } from "vitest";
import type { PathRef } from "../../../../../src/model/firewall/policy.ts";
import { BLOCK, DIRECT, OFFICE, policyOf } from "../../../../model/firewall/policies.ts";
import { temporaryFolder } from "../../../../support/folder.ts";
import { commandObstacle, makeNamespace, namespaceObstacle } from "../../../../support/netns.ts";
import { countOf } from "../../../../support/size.ts";

const obstacle = namespaceObstacle() ?? commandObstacle("ip", "perl");
/** Loads in one transaction leaked in 22 of 100. */
const LOADS = countOf("AWG_LOADS", 40, 500);

const to = (path: PathRef, destinations: readonly string[]) => ({ origin: "rules/0", match: { destinations }, path });
const POLICIES = [
  [to(BLOCK, ["198.51.100.0/24", "203.0.113.0/25"]), to(OFFICE, ["198.18.0.0/24", "198.18.2.0/24"])],
  [to(OFFICE, ["198.18.0.0/16", "198.19.0.0/24"]), to(BLOCK, ["198.51.100.0/25", "203.0.113.128/25"])],
].map((rules) => policyOf({ flows: { rules, default: DIRECT } }));

test.skipIf(obstacle !== undefined)(
  "law 1: while a policy is loaded, its prefixes hold for every packet, and no other packet is lost",
  { timeout: 60_000 + LOADS * 1000 },
  () => {
    using space = makeNamespace("window");
    const ip = (text: string) => space.run(["ip", ...text.split(" ")]);
    space.run(["sysctl", "-qw", "net.ipv6.conf.default.disable_ipv6=1"]);
    for (const [index, address] of ["192.0.2.2/24", "192.0.3.2/24"].entries()) {
      ip(`link add up${index} type veth peer name peer${index}`);
      ip(`link set peer${index} up`);
      ip(`address add ${address} dev up${index}`);
      ip(`link set up${index} up`);
    }
    ip("route add default via 192.0.2.1");
    ip("neighbour add 192.0.2.1 lladdr 02:00:00:00:00:01 dev up0");
    ip("neighbour add 192.0.3.1 lladdr 02:00:00:00:00:01 dev up1");
    const request = {
      runDir: temporaryFolder("window"),
      policies: POLICIES,
      loads: LOADS,
      refused: { addresses: ["198.51.100.7", "198.18.0.7"], peer: "peer0" },
      allowed: { address: "192.0.3.1", peer: "peer1" },
    };
    const timeoutMs = 60_000 + LOADS * 1000;
    const found = space.runScript("test/host/linux/nft/load/load-window.script.ts", request, { timeoutMs });
    expect(found).toMatchObject({ leakingLoads: 0, leaked: 0, lost: 0, damage: [] });
  },
);
