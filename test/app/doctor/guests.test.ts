import { expect, test } from "vitest";
import { judgeGuests } from "../../../src/app/doctor/guests.ts";
import { guestBridges } from "../../../src/host/linux/environment/guest-bridges.ts";
import type { AllowGrant, FlowMatch, FlowRule, PathRef } from "../../../src/model/firewall/policy.ts";
import type { Resource } from "../../../src/model/resource.ts";
import { policy, state } from "../../reconciler/scenarios.ts";
import { linkOf } from "../../support/links.ts";

const TUNNEL: PathRef = { kind: "tunnel", device: "awg-office", number: 1 };
const DOCKER = { device: "docker0", address: "172.17.0.1/16" };

function applied(
  wish: {
    killSwitch?: boolean;
    allowLan?: boolean;
    path?: PathRef;
    rules?: readonly FlowRule[];
    allow?: AllowGrant;
  } = {},
): Resource {
  const { killSwitch = true, allowLan = false, path = TUNNEL, rules = [] } = wish;
  const allow = wish.allow === undefined ? [] : [wish.allow];
  const { layers, ...rest } = policy();
  const flows = { rules, default: path };
  return {
    kind: "firewall",
    key: "firewall/machine",
    spec: { ...rest, layers: layers.map((layer) => ({ ...layer, killSwitch, allowLan, allow, flows })) },
  };
}
const rule = (path: PathRef, ...destinations: readonly string[]): FlowRule => ({
  origin: "rules.0",
  match: destinations.length === 0 ? {} : { destinations },
  path,
});

const direct = (match: FlowMatch): FlowRule => ({ origin: "rules.0", match, path: { kind: "direct" } });
const NETWORK = ["172.17.0.0/16"];
const PORTS = [{ from: 22, to: 22 }];

test.each<[string, Resource, number]>([
  ["behind a tunnel without the LAN", applied(), 1],
  ["with the LAN", applied({ allowLan: true }), 0],
  ["without the kill switch", applied({ killSwitch: false }), 0],
  ["where the default is direct", applied({ path: { kind: "direct" } }), 0],
  ["with a direct rule for their network", applied({ rules: [rule({ kind: "direct" }, "172.16.0.0/12")] }), 0],
  ["with a direct rule for another", applied({ rules: [rule({ kind: "direct" }, "10.0.0.0/8")] }), 1],
  ["with a direct rule for all", applied({ rules: [direct({})] }), 0],
  ["with a direct rule for a user", applied({ rules: [direct({ uids: [{ from: 1000, to: 1000 }] })] }), 1],
  ["with a direct rule for a port", applied({ rules: [direct({ ports: PORTS })] }), 1],
  ["with a direct rule for a port of theirs", applied({ rules: [direct({ destinations: NETWORK, ports: PORTS })] }), 1],
  ["with an exception for their network", applied({ allow: { direction: "out", prefixes: NETWORK } }), 0],
  ["with one for a port of theirs", applied({ allow: { direction: "out", prefixes: NETWORK, ports: PORTS } }), 1],
  ["with one from their network", applied({ allow: { direction: "in", prefixes: NETWORK } }), 1],
  ["with another rule for theirs", applied({ rules: [rule({ kind: "block" }, "172.16.0.0/12")] }), 1],
])("guests %s", (_what, firewall, expected) => {
  const findings = judgeGuests([DOCKER], state(firewall));
  expect(findings.map(({ id }) => id)).toEqual(new Array(expected).fill("guests-unanswered"));
  expect(judgeGuests([], state(firewall))).toEqual([]);
});

test("a bridge of guests has ports and an address, is up, and leads nowhere else", () => {
  const bridge = (up = true) => linkOf(2, "docker0", { kind: "bridge", up });
  const port = linkOf(3, "veth3", { masterIndex: 2 });
  const address = { family: 4, linkIndex: 2, address: "172.17.0.1/16", scope: 0, flags: 0, protocol: 0 } as const;
  const way = (destination: string) =>
    ({ family: 4, destination, table: 254, type: "unicast", protocol: 3, priority: 0, oif: 2 }) as const;
  expect(guestBridges([bridge(), port], [address], [way("172.17.0.0/16")])).toEqual([DOCKER]);
  expect(guestBridges([bridge(), port], [address], [way("0.0.0.0/0")])).toEqual([]);
  expect(guestBridges([bridge(), port], [], [])).toEqual([]);
  expect(guestBridges([bridge()], [address], [])).toEqual([]);
  expect(guestBridges([bridge(false), port], [address], [])).toEqual([]);
});
