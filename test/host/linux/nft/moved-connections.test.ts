import { describe, expect, test } from "vitest";
import { movedConnections } from "../../../../src/host/linux/nft/load/end-moved-connections.ts";
import type { FirewallPolicy, PathRef, PathSwitch } from "../../../../src/model/firewall/policy.ts";
import type { Flow } from "../../../../src/native/linux/conntrack/flow.codec.ts";
import type { DiagSocket } from "../../../../src/native/linux/netlink/inet-diag.codec.ts";
import { policyOf } from "../../../model/firewall/policies.ts";

const B = { device: "awg-b", number: 2 };
const A: PathRef = { kind: "tunnel", device: "awg-a", number: 1, substitutes: [B] };
const TO_B: PathSwitch = { path: 1, to: 2 };

function policy(path: PathRef): FirewallPolicy {
  return policyOf({
    tunnels: [
      { device: "awg-a", number: 1, addresses: ["10.8.0.2"], families: [4] },
      { device: "awg-b", number: 2, addresses: ["10.9.0.2"], families: [4] },
    ],
    flows: { rules: [], default: path },
  });
}

function connection(from: string): DiagSocket {
  const local = { address: from, port: 40_000 };
  return { family: 4, local, remote: { address: "198.51.100.7", port: 443 }, uid: 1000, inode: 1 };
}

function flow(from: string): Flow {
  const original = { source: from, sourcePort: 40_000, destination: "198.51.100.7", destinationPort: 443, protocol: 6 };
  return { family: 4, original, reply: original, status: 0, mark: 0, zone: 0, id: 1 };
}

const sockets = ["10.8.0.2", "10.9.0.2", "192.168.1.9"].map(connection);
const flows = ["10.8.0.2", "10.9.0.2", "192.168.1.9"].map(flow);
const moved = (path: PathRef, inForce: readonly PathSwitch[], known = flows) =>
  movedConnections(policy(path), { before: [], inForce }, { sockets, flows: known }).map(({ local }) => local.address);

describe("connections that a switch of paths ends", () => {
  test("those of the tunnel that is down, while another carries", () => expect(moved(A, [TO_B])).toEqual(["10.8.0.2"]));

  test("those of the other tunnel, when the first carries again", () => expect(moved(A, [])).toEqual(["10.9.0.2"]));

  test("openFlows: keep leaves those of the rule's own tunnel", () => {
    expect(moved({ ...A, keepsFlows: true }, [TO_B])).toEqual([]);
    expect(moved({ ...A, keepsFlows: true }, [])).toEqual(["10.9.0.2"]);
  });

  test("those that move to or from a proxy, whatever their address", () => {
    const layer = {
      ...policy(A),
      layers: policy(A).layers.map((one) => ({ ...one, proxies: [{ number: 2, udp: true }] })),
    };
    const ended = (before: readonly PathSwitch[], inForce: readonly PathSwitch[]) =>
      movedConnections(layer, { before, inForce }, { sockets, flows }).map(({ local }) => local.address);
    const all = ["10.8.0.2", "10.9.0.2", "192.168.1.9"];
    expect(ended([], [TO_B])).toEqual(all);
    expect(ended([TO_B], [])).toEqual(all);
    expect(ended([TO_B], [TO_B])).toEqual([]);
  });

  test("none of a rule without another tunnel, and none that another host opened", () => {
    expect(moved({ kind: "tunnel", device: "awg-a", number: 1 }, [])).toEqual([]);
    expect(moved(A, [TO_B], [])).toEqual([]);
  });
});
