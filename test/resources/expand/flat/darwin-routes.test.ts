import { describe, expect, it } from "vitest";
import { oneWayNotes } from "../../../../src/resources/expand/flat/one-way-notes.ts";
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
  it("halves into the default's tunnel, a rule's prefix into its own, the endpoint past both by the best uplink", () => {
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

  it("the endpoint leads nowhere while there is no uplink", () => {
    const expansion = onMac("default: { via: office }\nkillSwitch: { enabled: true, allowLan: false }\n", []);
    expect(resourceOf(expansion, "routes/policy").spec.pins).toEqual([{ destination: "198.51.100.7/32" }]);
  });

  it("law 9: a rule by port that leads elsewhere than the default is refused in a clear sentence", () => {
    const expansion = onMac(
      "rules: [{ ports: [443], via: home, name: web }]\ndefault: { via: office }\nkillSwitch: { enabled: true }\n",
    );
    expect(expansion.unsupported).toEqual([
      { path: "rules.0", message: expect.stringContaining("routes by destination only") },
    ]);
  });

  it("with a direct default nothing is pinned that no tunnel's route covers", () => {
    const expansion = onMac("rules: [{ destinations: [10.20.0.0/16], via: home }]\ndefault: { via: direct }\n");
    expect(expansion.desired.resources.some(({ key }) => key === "routes/policy")).toBe(false);
  });

  it("laws 3, 4: a tunnel that nothing is sent into has no routes, which could not be found again", () => {
    const keys = onMac("default: { via: direct }\n").desired.resources.map(({ key }) => key);
    expect(keys).toContain("link/office");
    expect(keys.filter((key) => key.startsWith("routes/"))).toEqual([]);
  });

  it.each([
    ["a later rule by destination leads elsewhere", "{ destinations: [10.20.0.0/16], via: home }", ["rules.0"]],
    ["it leads the same way", "{ destinations: [10.20.0.0/16], via: office }", []],
    ["it blocks", "{ destinations: [10.20.0.0/16], via: block }", []],
  ])(
    "law 9: a rule by port that goes the default's way is refused where routes lead its flows off: %s",
    (_what, later, reported) => {
      const rules = `rules: [{ ports: [443], protocol: tcp, via: office }, ${later}]`;
      const { unsupported } = onMac(
        `${rules}\ndefault: { via: office }\nkillSwitch: { enabled: true, allowLan: false }\n`,
      );
      expect(unsupported.map(({ path }) => path)).toEqual(reported);
    },
  );

  const HELD = "killSwitch: { enabled: true, allowLan: true }\ndefault: { via: office }\n";
  const notesOf = (rest: string) => oneWayNotes(onMac(rest).desired).map(({ path, message }) => `${path}: ${message}`);

  it("law 9: other traffic to an endpoint and to a DNS server is said to be dropped", () => {
    const dns = "dns: { servers: [10.8.0.1, 192.168.1.1, 9.9.9.9], via: direct }\n";
    expect(notesOf(`${HELD}${dns}`)).toEqual([
      "tunnels: other traffic to 198.51.100.7 is dropped, because macOS has one route per destination",
      "dns.servers: other traffic to 9.9.9.9 is dropped, because macOS has one route per destination",
    ]);
  });

  it("law 9: without the kill switch it is said to go along", () => {
    const off = "killSwitch: { enabled: false }\ndefault: { via: office }\n";
    expect(notesOf(off)[0]).toBe(
      "tunnels: other traffic to 198.51.100.7 follows the same route, because macOS has one route per destination",
    );
  });

  it.each([
    ["the default goes elsewhere", "[]", ["tunnels"]],
    ["all of it goes direct, like the endpoint", "[{ destinations: [198.51.100.0/24], via: direct }]", []],
    ["all of it is blocked", "[{ destinations: [198.51.100.0/24], via: block }]", []],
    ["a narrow rule goes the default's way", "[{ users: [alice], via: office, name: mine }]", ["tunnels", "rules.0"]],
    [
      "a narrow rule for what is local",
      "[{ ports: [22], destinations: [192.168.7.0/24], via: office }]",
      ["tunnels", "rules.0"],
    ],
    ["a narrow rule for what is not", "[{ ports: [22], destinations: [9.9.9.0/24], via: office }]", ["tunnels"]],
    ["a narrow rule that blocks", "[{ users: [alice], via: block }]", ["tunnels"]],
  ])("law 9: who is told that one address has one way: %s", (_what, rules, reported) => {
    const paths = notesOf(`${HELD}rules: ${rules}\n`).map((note) => note.slice(0, note.indexOf(":")));
    expect(paths).toEqual(reported);
  });

  it("law 9: a narrow rule's traffic to the local network is said to be dropped, where that is allowed at all", () => {
    expect(notesOf(`${HELD}rules: [{ users: [alice], via: office }]\n`).at(-1)).toBe(
      "rules.0: its traffic to the local network is dropped, because macOS has one route per destination",
    );
    const closed = "killSwitch: { enabled: true, allowLan: false }\ndefault: { via: office }\n";
    expect(notesOf(`${closed}rules: [{ users: [alice], via: office }]\n`).join()).not.toContain("rules.0");
  });

  it.each([
    ["by port alone", "{ direction: out, protocol: udp, ports: [123] }", ["killSwitch.allow.0"]],
    [
      "by port of an address",
      "{ direction: out, protocol: udp, ports: [123], remote: [192.0.2.9/32] }",
      ["killSwitch.allow.0"],
    ],
    ["by port in the local network", "{ direction: out, protocol: tcp, ports: [22], remote: [192.168.7.9/32] }", []],
    ["of what arrives", "{ direction: in, protocol: tcp, ports: [22] }", []],
  ])("law 9: an exception %s, which a default tunnel's routes may swallow", (_what, grant, reported) => {
    const { unsupported } = onMac(
      `default: { via: office }\nkillSwitch: { enabled: true, allowLan: true, allow: [${grant}] }\n`,
    );
    expect(unsupported.map(({ path }) => path)).toEqual(reported);
  });
});
