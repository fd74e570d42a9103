import { describe, expect, test } from "vitest";
import { judge } from "../../../src/model/firewall/evaluate.ts";
import type { Packet } from "../../../src/model/firewall/packet.ts";
import { parseIp } from "../../../src/model/ip.ts";
import type { OpenPortal } from "../../../src/model/portal/portal.ts";
import { expandText, facts, KEY_A, resourceOf } from "../sample.ts";

const PAGE: OpenPortal = {
  url: "http://login.hotel.example:2050/",
  name: "login.hotel.example",
  addresses: ["192.168.1.9"],
  ports: [80, 443, 2050],
  servers: [],
};
const CONFIG = (rules = "[]") => `
tunnels:
  a:
    protocol: amneziawg
    privateKey: { file: /k }
    addresses: [10.0.0.1/32]
    peers: [{ publicKey: ${KEY_A}, endpoint: "198.51.100.7:1", allowedIPs: [0.0.0.0/0] }]
rules: ${rules}
default: { via: a }
killSwitch: { enabled: true }
dns: { servers: [10.0.0.53], via: a }
captivePortal: { probe: 198.51.100.80 }
`;

const expanded = (portal?: OpenPortal, rules?: string) =>
  expandText(CONFIG(rules), {}, portal === undefined ? {} : { portal });

function passes(expansion: ReturnType<typeof expanded>, to: string, port: number, more: Partial<Packet> = {}) {
  const [source, destination] = [parseIp("192.168.1.23"), parseIp(to)];
  if (source === undefined || destination === undefined) throw new Error("no address");
  const packet: Packet = {
    hook: "output",
    outDevice: "eth0",
    source,
    destination,
    protocol: 6,
    destinationPort: port,
    uid: 1000,
    ...more,
  };
  return judge(resourceOf(expansion, "firewall/machine").spec, packet).verdict === "accept";
}

describe("S3.5, S4.5: what a captive network opens", () => {
  test("the probe is for the service user, to one address and port", () => {
    const { serviceUid } = facts();
    const closed = expanded();
    expect(passes(closed, "198.51.100.80", 80, { uid: serviceUid })).toBe(true);
    expect(passes(closed, "198.51.100.80", 443, { uid: serviceUid })).toBe(false);
    expect(passes(closed, "198.51.100.81", 80, { uid: serviceUid })).toBe(false);
    expect(passes(closed, "198.51.100.80", 80)).toBe(false);
    expect(closed.desired.portal).toEqual({
      allow: true,
      longestSeconds: 300,
      probe: "198.51.100.80",
      anywhere: false,
    });
  });

  test("an open page is TCP to its addresses and ports, for every program, and nothing else", () => {
    const [closed, open] = [expanded(), expanded(PAGE)];
    for (const port of PAGE.ports) {
      expect([passes(closed, "192.168.1.9", port), passes(open, "192.168.1.9", port)]).toEqual([false, true]);
    }
    expect(passes(open, "192.168.1.9", 22)).toBe(false);
    expect(passes(open, "192.168.1.9", 443, { protocol: 17 })).toBe(false);
    expect(passes(open, "192.168.1.9", 53)).toBe(false);
    expect(passes(open, "192.168.1.10", 443)).toBe(false);
  });

  test("attack: a rule of the config comes before a page that claims its addresses", () => {
    const rule = "[{ destinations: [192.168.1.9/32], via: block }]";
    expect(passes(expanded(PAGE, rule), "192.168.1.9", 443)).toBe(false);
  });

  test("programs get the page's name from awg's resolver; its server is for the service user alone", () => {
    const seeking = expanded({ ...PAGE, addresses: [], servers: ["192.168.1.1"] });
    expect(passes(seeking, "192.168.1.1", 53, { uid: facts().serviceUid, protocol: 17 })).toBe(true);
    expect(passes(seeking, "192.168.1.1", 53, { protocol: 17 })).toBe(false);
    expect(resourceOf(seeking, "resolver/machine").spec.service).toBeUndefined();
    const { service } = resourceOf(expanded(PAGE), "resolver/machine").spec;
    expect(service?.known).toEqual({ "login.hotel.example": ["192.168.1.9"] });
  });
});
