import { describe, expect, test } from "vitest";
import { compileFlowPath } from "../../../src/model/firewall/flow-path.ts";
import { parseIp } from "../../../src/model/ip.ts";
import { expandText, KEY_A, resourceOf } from "../sample.ts";

const office = (addresses: string, allowedIPs: string) =>
  `tunnels:
  a: { protocol: wireguard, privateKey: { file: /a }, addresses: [${addresses}], peers: [{ publicKey: ${KEY_A}, endpoint: "198.51.100.7:1", allowedIPs: [${allowedIPs}] }] }
`;
const LAN = "killSwitch: { enabled: true, allowLan: true }\n";
const INTO_A = "default: { via: a }\n";
const EVERYTHING = '0.0.0.0/0, "::/0"';

/** Where packets without a port to these addresses go. */
function pathsTo(text: string, ...addresses: readonly string[]): string[] {
  const { layers, steering } = resourceOf(expandText(text), "firewall/machine").spec;
  const [layer] = layers;
  if (layer === undefined) throw new Error("no layer");
  const pathOf = compileFlowPath(steering, layer);
  return addresses.map((address) => {
    const destination = parseIp(address);
    if (destination === undefined) throw new Error(`${address} is no address`);
    return pathOf({ destination, protocol: 1 }).path.kind;
  });
}

describe("the local network is not what belongs to a tunnel (rule S4.11)", () => {
  test("the networks of a tunnel's addresses", () => {
    const text = office('10.8.0.2/24, "fd00:8::2/64"', EVERYTHING) + INTO_A + LAN;
    expect(pathsTo(text, "10.8.0.1", "fd00:8::1")).toEqual(["tunnel", "tunnel"]);
    expect(pathsTo(text, "10.9.0.1", "192.168.7.1", "fd00:9::1", "224.0.0.251")).toEqual(Array(4).fill("direct"));
  });

  test("private networks that its peers accept, but no wider ones", () => {
    const text = office("10.8.0.2/32", '0.0.0.0/0, 172.16.0.0/12, 224.0.0.0/4, "fd00:7::/32"') + INTO_A + LAN;
    expect(pathsTo(text, "172.20.0.1", "fd00:7::1")).toEqual(["tunnel", "tunnel"]);
    expect(pathsTo(text, "10.8.0.1", "224.0.0.251", "169.254.1.1")).toEqual(Array(3).fill("direct"));
  });

  test("DNS servers that are asked through a tunnel, for whatever else they are asked", () => {
    const through = (via: string) =>
      `${office("10.8.0.2/32", EVERYTHING)}${INTO_A}${LAN}dns: { servers: [10.8.0.1], split: { corp.example: [10.9.0.53] }, via: ${via} }\n`;
    expect(pathsTo(through("a"), "10.8.0.1", "10.9.0.53", "10.9.0.54")).toEqual(["tunnel", "tunnel", "direct"]);
    expect(pathsTo(through("direct"), "10.8.0.1")).toEqual(["direct"]);
  });

  test("a rule of the configuration comes first", () => {
    const rules = "rules: [{ destinations: [10.8.0.0/28], via: direct }]\n";
    expect(pathsTo(office("10.8.0.2/24", EVERYTHING) + INTO_A + LAN + rules, "10.8.0.1", "10.8.0.99")).toEqual([
      "direct",
      "tunnel",
    ]);
  });

  test("a stated exception that names such an address comes first", () => {
    const stated =
      "killSwitch: { enabled: true, allowLan: true, allow: [{ direction: out, protocol: icmp, remote: [10.8.0.9/32] }] }\n";
    const text = office("10.8.0.2/24", EVERYTHING) + INTO_A + stated;
    expect(pathsTo(text, "10.8.0.9", "10.8.0.1")).toEqual(["direct", "tunnel"]);
  });

  test("nothing is said where the LAN is not allowed, or the default is no tunnel", () => {
    for (const rest of [
      `${INTO_A}killSwitch: { enabled: true }\n`,
      `default: { via: direct }\n${LAN}`,
      `default: { via: block }\n${LAN}`,
    ]) {
      const { steering } = resourceOf(expandText(office("10.8.0.2/24", EVERYTHING) + rest), "firewall/machine").spec;
      expect(steering.rules).toEqual([]);
    }
  });
});
