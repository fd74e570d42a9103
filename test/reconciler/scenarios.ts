import type { FirewallPolicy } from "../../src/model/firewall/policy.ts";
import type { Resource } from "../../src/model/resource.ts";
import type { DesiredState } from "../../src/model/resources/desired-state.ts";
import type { LinkSpec } from "../../src/model/resources/link.ts";
import type { RoutesSpec } from "../../src/model/resources/routes.ts";
import type { TunnelSpec } from "../../src/model/resources/tunnel.ts";
import type { SecretId } from "../../src/model/secret.ts";

/** A policy that allows exactly these destinations on physical links. */
export function policy(...allowed: readonly string[]): FirewallPolicy {
  const steering = { rules: [], default: { kind: "block" } } as const;
  const allow = [{ direction: "out", prefixes: allowed }] as const;
  return {
    steering,
    layers: [
      {
        killSwitch: true,
        tunnels: [],
        flows: steering,
        endpoints: [],
        listens: [],
        bootstrapDns: [],
        serviceUid: 0,
        allowLan: false,
        allow,
        dns: null,
      },
    ],
  };
}

/** What a policy lets out; undefined means everything. */
export function allowedBy(loaded: FirewallPolicy | null): ReadonlySet<string> | undefined {
  if (loaded === null) return undefined;
  const [first, ...others] = loaded.layers.map(({ allow }) => new Set(allow.flatMap(({ prefixes }) => prefixes ?? [])));
  return others.reduce((all, layer) => all.intersection(layer), first ?? new Set());
}

export function link(name: string, more: Partial<LinkSpec> = {}): Resource {
  const spec: LinkSpec = {
    device: `awg-${name}`,
    type: "tun",
    addresses: ["10.8.0.2/32"],
    mtuBytes: 1420,
    tunnel: name,
    ...more,
  };
  return { kind: "link", key: `link/${name}`, spec };
}

export function tunnel(name: string, more: Partial<TunnelSpec> = {}): Resource {
  const spec: TunnelSpec = {
    device: `awg-${name}`,
    protocol: "wireguard",
    engine: "userspace",
    privateKey: "a1" as SecretId,
    listenPort: 0,
    fwmark: 0x3f00_0000,
    peers: [],
    obfuscation: {},
    ...more,
  };
  return { kind: "tunnel", key: `tunnel/${name}`, spec };
}

export function table(
  name: string,
  number: number,
  destinations: readonly string[],
  more: Partial<RoutesSpec> = {},
): Resource {
  const spec: RoutesSpec = { table: number, device: `awg-${name}`, destinations, guards: [4, 6], rules: [], ...more };
  return { kind: "routes", key: `routes/${name}`, spec };
}

export function rules(...tables: readonly number[]): Resource {
  const entries = tables.map(
    (number, index) => ({ family: 4, preference: 10_100 + index, match: {}, table: number }) as const,
  );
  return { kind: "routes", key: "routes/policy", spec: { destinations: [], guards: [], rules: entries } };
}

export function firewall(...allowed: readonly string[]): Resource {
  return { kind: "firewall", key: "firewall/machine", spec: policy(...allowed) };
}

export function sysctl(values: Readonly<Record<string, string>>): Resource {
  return { kind: "sysctl", key: "sysctl/machine", spec: { values } };
}

export function resolver(...servers: readonly string[]): Resource {
  return { kind: "resolver", key: "resolver/system", spec: { method: "file", servers, search: [], device: "" } };
}

export function state(...resources: readonly Resource[]): DesiredState {
  return { resources };
}

const OFFICE = state(
  firewall("192.0.2.1", "10.0.0.0/8"),
  sysctl({ "net.ipv4.conf.all.arp_ignore": "2" }),
  link("office"),
  tunnel("office"),
  table("office", 101, ["0.0.0.0/0"]),
  rules(101),
  resolver("10.8.0.1"),
);

export interface Scenario {
  readonly from: DesiredState;
  readonly to: DesiredState;
}

/** From one accepted state to another; between them every kind is created, changed, replaced, moved and deleted. */
export const SCENARIOS: Readonly<Record<string, Scenario>> = {
  "first apply": { from: state(), to: OFFICE },
  destroy: { from: OFFICE, to: state() },
  "new server, routes, policy and resolver": {
    from: OFFICE,
    to: state(
      firewall("192.0.2.2", "10.0.0.0/8"),
      sysctl({ "net.ipv4.conf.all.rp_filter": "2" }),
      link("office", { mtuBytes: 1380 }),
      tunnel("office", { listenPort: 51820 }),
      table("office", 101, ["0.0.0.0/1", "128.0.0.0/1"]),
      rules(101, 254),
      resolver("10.8.0.53"),
    ),
  },
  "a device of another type": {
    from: OFFICE,
    to: state(
      ...OFFICE.resources.map((resource) =>
        resource.kind === "link" ? link("office", { type: "wireguard" }) : resource,
      ),
    ),
  },
  "another device name and table": {
    from: OFFICE,
    to: state(
      firewall("192.0.2.1"),
      link("office", { device: "wg0" }),
      tunnel("office", { device: "wg0" }),
      table("office", 102, ["0.0.0.0/0"], { device: "wg0" }),
      rules(102),
      resolver("10.8.0.1"),
    ),
  },
  "another tunnel in the same table": {
    from: OFFICE,
    to: state(
      firewall("192.0.2.9", "10.0.0.0/8"),
      link("home"),
      tunnel("home"),
      table("home", 101, ["10.0.0.0/8"]),
      rules(101),
    ),
  },
  "the kill switch goes": { from: OFFICE, to: state(...OFFICE.resources.filter(({ kind }) => kind !== "firewall")) },
  "the kill switch loosens": {
    from: OFFICE,
    to: state(
      ...OFFICE.resources.map((r) =>
        r.kind === "firewall"
          ? firewall("192.0.2.1", "10.0.0.0/8", "10.9.9.9")
          : r.kind === "resolver"
            ? resolver("9.9.9.9")
            : r,
      ),
    ),
  },
};
