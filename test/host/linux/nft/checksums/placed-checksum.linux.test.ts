import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { DIRECT, OFFICE, policyOf } from "../../../../model/firewall/policies.ts";
import { temporaryFolder } from "../../../../support/folder.ts";
import { commandObstacle, makeNamespace, namespaceObstacle } from "../../../../support/netns.ts";

const obstacle = namespaceObstacle() ?? commandObstacle("ip", "ethtool", "python3");
const LOAD = "test/host/linux/nft/load-policy.script.ts";
const PLACED = fileURLToPath(new URL("./placed.py", import.meta.url));
const TO_LAN = { origin: "rules/0 (lan)", match: { destinations: ["192.168.0.0/16"] }, path: DIRECT };
const INTERNET = "198.51.100.10";

test.skipIf(obstacle !== undefined)(
  `S12.3: a bridged guest's checksum is put behind the hook, unless its own device or the tables of IP are asked${obstacle === undefined ? "" : ` (${obstacle})`}`,
  () => {
    using here = makeNamespace("sum");
    using far = makeNamespace("sum-far");
    const runDir = temporaryFolder("sum");

    here.run(["sysctl", "-qw", "net.bridge.bridge-nf-call-iptables=0"], { mayFail: true });
    const lines = [
      `link add eth0 type veth peer name peer0 netns ${far.name}`,
      `link add guest0 type veth peer name guest netns ${far.name}`,
      "link add br0 type bridge forward_delay 0 mcast_snooping 0",
      "link set eth0 master br0 up",
      "link set guest0 master br0 up",
      "link set br0 up",
      "address add 192.168.50.2/24 dev br0",
      "route add default via 192.168.50.1",
    ];
    here.run(["ip", "-batch", "-"], { input: lines.join("\n") });
    far.run(["ip", "-batch", "-"], { input: "link set peer0 up\nlink set guest up" });
    here.run(["ethtool", "-K", "eth0", "tx", "off"]);
    const guestDevice = (tx: "on" | "off") => far.run(["ethtool", "-K", "guest", "tx", tx]);
    const cameOut = () => JSON.parse(here.run(["python3", PLACED, `/run/netns/${far.name}`]).stdout) as unknown;

    expect(cameOut()).toEqual({ plain: INTERNET, placed: INTERNET });
    expect(
      here.runScript(LOAD, { runDir, policy: policyOf({ flows: { rules: [TO_LAN], default: OFFICE } }) }),
    ).toMatchObject({ damage: [] });
    expect(cameOut()).toEqual({ plain: null, placed: INTERNET });
    guestDevice("off");
    expect(cameOut()).toEqual({ plain: null, placed: null });
    guestDevice("on");
    const asked = here.run(["sysctl", "-qw", "net.bridge.bridge-nf-call-iptables=1"], { mayFail: true });
    if (asked.status === 0) expect(cameOut()).toEqual({ plain: null, placed: null });
  },
);
