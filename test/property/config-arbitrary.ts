import fc from "fast-check";
import type { Config, Destination, NoiseTunnel } from "../../src/config/config.ts";
import { completeObfuscation } from "../../src/config/section/amnezia-version.ts";
import { obfuscationSchema } from "../../src/config/section/obfuscation.ts";
import type { Via } from "../../src/config/section/path.ts";
import type { Rule } from "../../src/config/section/rule.ts";
import { SECOND_PEER_KEY } from "../support/config.ts";

/** Random configurations within what this version drives: tunnels, rules by prefix, port, protocol and user, DNS. */

const TUNNEL_NAMES = ["office", "home", "edge"] as const;
type TunnelName = (typeof TUNNEL_NAMES)[number];

const ADDRESSES: Readonly<Record<TunnelName, readonly [string, string]>> = {
  office: ["10.8.0.2/32", "fd00:8::2/128"],
  home: ["10.9.0.2/24", "fd00:9::2/64"],
  edge: ["10.10.0.2/32", "fd00:10::2/128"],
};
const PUBLIC_KEYS: Readonly<Record<TunnelName, string>> = {
  office: SECOND_PEER_KEY,
  home: "c2hvcnQga2V5cyBhcmUgbm90IGdvb2Qga2V5cyBhdCE=",
  edge: "YW5vdGhlciBwdWJsaWMga2V5IG9mIDMyIGJ5dGVzISE=",
};
const ENDPOINTS = [
  { host: "198.51.100.7", port: 51_820 },
  { host: "203.0.113.9", port: 443 },
  { host: "2001:db8:9::9", port: 51_820 },
  { host: "vpn.example.com", port: 1194 },
] as const;
const OBFUSCATION = completeObfuscation(obfuscationSchema.parse({ jc: 4, jmin: 40, jmax: 70, s1: 72, s2: 40 }));
const ALLOWED_IPS = [
  ["0.0.0.0/0", "::/0"],
  ["0.0.0.0/0"],
  ["10.0.0.0/8", "198.18.0.0/15"],
  ["198.18.0.0/15", "2001:db8:5::/48"],
] as const;
/** What rules name; the probes stand inside and beside. */
export const PREFIXES = [
  "198.18.0.0/15",
  "203.0.113.0/24",
  "10.20.0.0/16",
  "2001:db8:5::/48",
  "192.168.1.0/24",
] as const;
export const USERS = ["alice", "bob", "backup"] as const;
const PORTS = [
  { from: 443, to: 443 },
  { from: 8000, to: 8999 },
  { from: 53, to: 53 },
] as const;

function tunnelArbitrary(name: TunnelName): fc.Arbitrary<NoiseTunnel> {
  return fc
    .record({
      protocol: fc.constantFrom("wireguard", "amneziawg"),
      families: fc.constantFrom("both", "both", "four", "six"),
      endpoint: fc.option(fc.constantFrom(...ENDPOINTS), { freq: 8 }),
      allowedIPs: fc.constantFrom(...ALLOWED_IPS),
      mtu: fc.constantFrom<"auto" | number>("auto", 1380),
      listenPort: fc.constantFrom(0, 0, 51_821),
      keepalive: fc.constantFrom(0, 25),
      shared: fc.boolean(),
    })
    .map(({ protocol, families, endpoint, allowedIPs, mtu, listenPort, keepalive, shared }): NoiseTunnel => {
      const [four, six] = ADDRESSES[name];
      const peer = {
        publicKey: PUBLIC_KEYS[name],
        allowedIPs: [...allowedIPs],
        ...(endpoint === null ? {} : { endpoint: { ...endpoint } }),
        ...(keepalive === 0 ? {} : { persistentKeepalive: [keepalive, keepalive] as const }),
        ...(shared ? { presharedKey: { env: `${name.toUpperCase()}_PSK` } } : {}),
      };
      const tunnel: NoiseTunnel = {
        protocol,
        enabled: true,
        privateKey: { file: `/etc/awg/${name}.key` },
        addresses: families === "both" ? [four, six] : [families === "four" ? four : six],
        listenPort: endpoint === null ? 51_900 : listenPort,
        mtu,
        engine: "auto",
        peers: [peer],
        forward: false,
        masquerade: false,
      };
      if (protocol === "amneziawg") tunnel.obfuscation = OBFUSCATION;
      return tunnel;
    });
}

/** No two tunnels of a configuration listen on one port, which would be refused; those of two configurations may. */
function eachItsPort(tunnels: Readonly<Record<string, NoiseTunnel>>): Record<string, NoiseTunnel> {
  const taken = new Set<number>();
  const own = (wanted: number): number => {
    let port = wanted;
    while (port !== 0 && taken.has(port)) port += 1;
    taken.add(port);
    return port;
  };
  return Object.fromEntries(
    Object.entries(tunnels).map(([name, tunnel]) => [name, { ...tunnel, listenPort: own(tunnel.listenPort) }]),
  );
}

function ruleArbitrary(vias: fc.Arbitrary<Via>): fc.Arbitrary<Rule> {
  const destination = fc.constantFrom(...PREFIXES).map((prefix): Destination => ({ kind: "prefix", prefix }));
  const options = { nil: undefined };
  return fc
    .record({
      destinations: fc.option(fc.uniqueArray(destination, { minLength: 1, maxLength: 2 }), options),
      ports: fc.option(fc.uniqueArray(fc.constantFrom(...PORTS), { minLength: 1, maxLength: 2 }), options),
      users: fc.option(fc.uniqueArray(fc.constantFrom(...USERS), { minLength: 1, maxLength: 2 }), options),
      protocol: fc.option(fc.constantFrom("tcp", "udp"), options),
      via: vias,
    })
    .map(({ destinations, ports, users, protocol, via }): Rule => {
      const carried = protocol ?? (ports === undefined ? undefined : "udp");
      return {
        ...(destinations === undefined ? {} : { destinations }),
        ...(ports === undefined ? {} : { ports }),
        ...(users === undefined ? {} : { users }),
        ...(carried === undefined ? {} : { protocol: [carried] }),
        via,
        fallback: { kind: "block" },
      };
    });
}

function viaArbitrary(tunnels: readonly string[]): fc.Arbitrary<Via> {
  const paths: Via[] = tunnels.map((tunnel) => ({ kind: "tunnel", tunnel }));
  return fc.constantFrom<Via>(...paths, ...paths, { kind: "direct" }, { kind: "block" });
}

function dnsArbitrary(vias: fc.Arbitrary<Via>): fc.Arbitrary<NonNullable<Config["dns"]>> {
  return fc.record({
    servers: fc.constantFrom(["10.8.0.1"], ["198.18.0.53", "2001:db8:5::53"]),
    via: vias.filter(({ kind }) => kind !== "block"),
    bootstrap: fc.constantFrom([], ["192.0.2.53"]),
    leakProtection: fc.boolean(),
    blockEncryptedDns: fc.constantFrom(false, false, true),
    split: fc.constant({}),
  });
}

const killSwitchArbitrary: fc.Arbitrary<Config["killSwitch"]> = fc.record({
  enabled: fc.constantFrom(true, true, true, true, true, false),
  allowLan: fc.boolean(),
  atBoot: fc.constant(false),
  persist: fc.constant(true),
  allow: fc.constantFrom(
    [],
    [],
    [{ direction: "in" as const, protocol: "tcp" as const, ports: [{ from: 22, to: 22 }] }],
    [{ direction: "out" as const, protocol: "udp" as const, ports: [{ from: 123, to: 123 }] }],
  ),
});

/** A whole configuration; between none and three tunnels. */
export const configArbitrary: fc.Arbitrary<Config> = fc
  .subarray([...TUNNEL_NAMES], { minLength: 0 })
  .chain((names) => {
    const vias = viaArbitrary(names);
    return fc.record({
      tunnels: fc.record(Object.fromEntries(names.map((name) => [name, tunnelArbitrary(name)]))).map(eachItsPort),
      rules: fc.array(ruleArbitrary(vias), { maxLength: 4 }),
      via: vias,
      killSwitch: killSwitchArbitrary,
      dns: fc.option(dnsArbitrary(vias), { nil: undefined }),
      ipv6: fc.constantFrom("auto" as const, "auto" as const, "block" as const),
    });
  })
  .map(
    ({ tunnels, rules, via, killSwitch, dns, ipv6 }): Config => ({
      apiVersion: "awg/v1",
      name: "machine",
      tunnels: tunnels as Config["tunnels"],
      rules: rules.map((rule, index) => ({ ...rule, name: `rule-${index}` })),
      default: { via, fallback: { kind: "block" } },
      killSwitch,
      ...(dns === undefined ? {} : { dns }),
      ipv6,
      invariants: [],
      moved: [],
      probes: [],
      conflicts: {},
    }),
  );
