import type { Config, NoiseTunnel, ProxyTunnel } from "../../config/config.ts";
import type { HostFacts } from "../../host/ports/facts.ts";
import type { ListContent } from "../../lists/list-content.ts";
import type { PathRef } from "../../model/firewall/policy.ts";
import type { Family } from "../../model/ip.ts";
import { deviceOfTunnel } from "../../model/ownership.ts";
import type { OpenPortal } from "../../model/portal/portal.ts";
import type { ClassifierSpec } from "../../model/program/classifier.ts";
import type { ProxySpec } from "../../model/relay/proxy.ts";
import type { Enforcement, Resource } from "../../model/resource.ts";
import type { DesiredState } from "../../model/resources/desired-state.ts";
import type { TunnelSpec } from "../../model/resources/tunnel.ts";
import type { SecretId, SecretRef } from "../../model/secret.ts";
import type { PathNumbers } from "./tunnels/path-numbers.ts";

/** A fact about a place in the config that a person should know; it stops nothing. */
export interface Note {
  /** Keys and positions joined with dots: `rules.0`. */
  readonly path: string;
  readonly message: string;
  /** How the rule or exception at this place is enforced here (law 9). */
  readonly enforcement?: Enforcement;
  /** Something that the config asks for has no effect here. */
  readonly isWarning?: true;
}

/** Something that this host or this version of awg cannot do; nothing may be applied (exit 12). */
export interface Unsupported {
  readonly path: string;
  /** One clause: why not, and what would work instead. */
  readonly message: string;
}

/** The content of each list and country that the rules name, by `listKey`. */
export type Lists = Readonly<Record<string, ListContent>>;

/** Parts of a config that are independent of tunnels: services and system extensions. */
export interface BesideTunnels {
  readonly resources: readonly Resource[];
  readonly notes: readonly Note[];
  readonly unsupported: readonly Unsupported[];
}

export interface ExpandOptions {
  /** Numbers of the last accepted state, so that tunnels keep theirs. */
  readonly pathNumbers: PathNumbers;
  /** Returns the id of a secret; throws if the secret is unavailable. */
  readonly secrets: (ref: SecretRef) => SecretId;
  /** Devices of the last accepted state (`devicesOf`): a renamed tunnel keeps its device. */
  readonly devices?: Readonly<Record<string, string>>;
  /** Endpoints of the last accepted state (`endpointsOf`): a name with several addresses keeps the one in use. */
  readonly endpoints?: Readonly<Record<string, readonly string[]>>;
  /** The classifier of the last accepted state: its classes keep their numbers. */
  readonly classifier?: ClassifierSpec;
  /** Endpoints that did not answer, by peer (`endpointKey`), the oldest failure first. */
  readonly unanswered?: Readonly<Record<string, readonly string[]>>;
  /** What the lists of the config hold (`listKey`); one that is absent was not read, and matches nothing. */
  readonly lists?: Lists;
  /** Absent if it was not checked on the host: all such features are then unsupported. */
  readonly beside?: BesideTunnels;
  /** The login page that is open; absent if none is. */
  readonly portal?: OpenPortal;
}

export interface Expansion {
  readonly desired: DesiredState;
  readonly pathNumbers: PathNumbers;
  readonly notes: readonly Note[];
  readonly unsupported: readonly Unsupported[];
  /** The lists that it was made with; absent without any. */
  readonly lists?: Lists;
  /** Every endpoint of each peer with a name, by peer (`endpointKey`), in the order of trying; absent without names. */
  readonly alternatives?: Readonly<Record<string, readonly string[]>>;
  /** Names that do not resolve, by peer (`endpointKey`), where no earlier endpoint is left; absent without any. */
  readonly unresolved?: Readonly<Record<string, string>>;
}

/** One tunnel with the decisions that its resources are built from. */
export interface PlacedTunnel {
  readonly key: string;
  readonly tunnel: NoiseTunnel;
  readonly device: string;
  /** The wanted number of its interface (macOS); the kernel's choice when absent. */
  readonly unit?: number;
  readonly number: number;
  /** Families in which it has an address, its peers accept traffic, and the config does not block it. */
  readonly families: readonly Family[];
  readonly engine: TunnelSpec["engine"];
  /**
   * Numeric endpoints of each peer that has one, by public key. The one in use is first; then the other addresses of
   * the name, if the engine tries all.
   */
  readonly endpoints: ReadonlyMap<string, readonly ResolvedEndpoint[]>;
}

/** One proxy with the number of its path. */
export interface PlacedProxy {
  readonly key: string;
  readonly proxy: ProxyTunnel;
  readonly number: number;
  /** Undefined while its name does not resolve. */
  readonly endpoint: ResolvedEndpoint | undefined;
}

export interface ResolvedEndpoint {
  readonly address: string;
  readonly port: number;
}

/** What every part of the expansion reads, and where it reports what is not possible. */
export interface ExpandContext {
  readonly config: Config;
  readonly facts: HostFacts;
  readonly tunnels: readonly PlacedTunnel[];
  readonly lists?: Lists;
  readonly portal?: OpenPortal;
  readonly proxies: readonly PlacedProxy[];
  readonly unsupported: Unsupported[];
}

/** Resolves a `via`. */
export function pathRefOf(
  via: Config["default"]["via"],
  { tunnels, proxies }: Pick<ExpandContext, "tunnels" | "proxies">,
): PathRef {
  if (via.kind !== "tunnel") return { kind: via.kind };
  const placed = tunnels.find(({ key }) => key === via.tunnel);
  if (placed !== undefined) return { kind: "tunnel", device: placed.device, number: placed.number };
  const proxy = proxies.find(({ key }) => key === via.tunnel);
  // A tunnel without a place is unsupported, so this state is never applied; block is its value.
  if (proxy === undefined) return { kind: "block" };
  return { kind: "tunnel", device: deviceOfTunnel(proxy.key), number: proxy.number };
}

/** The key of a peer in `ExpandOptions.endpoints`. */
export function endpointKey(device: string, publicKey: string): string {
  return `${device} ${publicKey}`;
}

/** The device of each tunnel: input of the next `expand`. */
export function devicesOf(resources: DesiredState["resources"]): Readonly<Record<string, string>> {
  return Object.fromEntries(
    resources.flatMap((resource) => (resource.kind === "link" ? [[resource.spec.tunnel, resource.spec.device]] : [])),
  );
}

/** The classifier in these resources: input of the next `expand`. */
export function classifierOf(resources: DesiredState["resources"]): Pick<ExpandOptions, "classifier"> {
  const found = resources.find((resource) => resource.kind === "classifier");
  return found === undefined ? {} : { classifier: found.spec };
}

/** The peer of a proxy in the key of its endpoint. */
export const PROXY_PEER = "proxy";

function proxyEndpoint({ name, address, port }: ProxySpec): [string, string[]] {
  const host = address.includes(":") ? `[${address}]` : address;
  return [endpointKey(deviceOfTunnel(name), PROXY_PEER), [`${host}:${port}`]];
}

/** The endpoints in these resources, the one in use first: input of the next `expand`. */
export function endpointsOf(resources: DesiredState["resources"]): Readonly<Record<string, readonly string[]>> {
  return Object.fromEntries(
    resources.flatMap((resource) =>
      resource.kind === "tunnel"
        ? resource.spec.peers.flatMap(({ publicKey, endpoint, endpoints }) =>
            endpoint === undefined ? [] : [[endpointKey(resource.spec.device, publicKey), endpoints ?? [endpoint]]],
          )
        : resource.kind === "proxy"
          ? [proxyEndpoint(resource.spec)]
          : [],
    ),
  );
}
