import { describe, expect, it } from "vitest";
import { expandText, KEY_A, KEY_B, resourceOf } from "../../sample.ts";

const UPLINKS = [
  { family: 4, device: "en5", gateway: "192.168.7.1", metric: 1 },
  { family: 4, device: "en0", gateway: "192.168.1.1", metric: 0 },
] as const;

function tunnel(key: string, peer: string, address: string, allowed: string): string {
  return `  ${key}:
    protocol: wireguard
    privateKey: { file: /etc/awg/${key}.key }
    addresses: [${address}]
    peers: [{ publicKey: "${peer}", endpoint: "198.51.100.7:51820", allowedIPs: [${allowed}] }]
`;
}

const OFFICE = tunnel("office", KEY_A, "10.8.0.2/32", "0.0.0.0/0");
const HOME = tunnel("home", KEY_B, "10.9.0.2/32", "10.20.0.0/16");

function onMac(rest: string, uplinks: readonly object[] = UPLINKS) {
  const text = `tunnels:\n${OFFICE}${HOME}${rest}`;
  return expandText(text, { os: "darwin", uplinks: uplinks as never });
}

describe("the routes of a configuration on a Mac", () => {
  it("halves into the default's tunnel, a rule's prefix into its own, the endpoint past both by the best way out", () => {
    const expansion = onMac(
      "rules: [{ destinations: [10.20.0.0/16], via: home }]\ndefault: { via: office }\nkillSwitch: { enabled: true, allowLan: false }\n",
    );
    expect(expansion.unsupported).toEqual([]);
    expect(resourceOf(expansion, "routes/office").spec).toEqual({
      table: 254,
      device: "awg-office",
      destinations: ["0.0.0.0/1", "128.0.0.0/1"],
      guards: [],
      rules: [],
    });
    expect(resourceOf(expansion, "routes/home").spec.destinations).toEqual(["10.20.0.0/16"]);
    expect(resourceOf(expansion, "routes/policy").spec.pins).toEqual([
      { destination: "198.51.100.7/32", device: "en0", gateway: "192.168.1.1" },
    ]);
    expect(expansion.desired.resources.some(({ kind }) => kind === "sysctl")).toBe(false);
  });

  it("the endpoint leads nowhere while there is no way out", () => {
    const expansion = onMac("default: { via: office }\nkillSwitch: { enabled: true, allowLan: false }\n", []);
    expect(resourceOf(expansion, "routes/policy").spec.pins).toEqual([{ destination: "198.51.100.7/32" }]);
  });

  it("law 9: a rule by port that leads elsewhere than the default is refused in a clear sentence", () => {
    const expansion = onMac(
      "rules: [{ ports: [443], via: home, name: web }]\ndefault: { via: office }\nkillSwitch: { enabled: true }\n",
    );
    expect(expansion.unsupported).toEqual([
      { path: "rules.0", feature: expect.stringContaining("by user, port or protocol") },
    ]);
  });

  it("with a direct default nothing is pinned that no tunnel's route covers", () => {
    const expansion = onMac("rules: [{ destinations: [10.20.0.0/16], via: home }]\ndefault: { via: direct }\n");
    expect(expansion.desired.resources.some(({ key }) => key === "routes/policy")).toBe(false);
    expect(resourceOf(expansion, "routes/office").spec.destinations).toEqual([]);
  });
});
