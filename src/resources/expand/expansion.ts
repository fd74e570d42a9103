import type { Config, NoiseTunnel } from "../../config/config.ts";
import type { HostFacts } from "../../host/ports/facts.ts";
import type { PathRef } from "../../model/firewall/policy.ts";
import type { Family } from "../../model/ip.ts";
import type { DesiredState, Enforcement, Resource } from "../../model/resource.ts";
import type { TunnelSpec } from "../../model/resources/tunnel.ts";
import type { SecretId, SecretRef } from "../../model/secret.ts";
import type { PathNumbers } from "./tunnels/path-numbers.ts";

/** Something a person should know about a place in the configuration; it stops nothing. */
export interface Note {
  /** Keys and positions joined with dots: `rules.0`. */
  readonly path: string;
  readonly message: string;
  /** How the rule or exception at this place is kept here (law 9). */
  readonly enforcement?: Enforcement;
}

/** Something that this host or this version of awg cannot do; nothing may be applied (exit 12). */
export interface Unsupported {
  readonly path: string;
  /** One clause: why not, and what would work instead. */
  readonly message: string;
}

/** What a config asks for that has nothing to do with tunnels: services and system extensions. */
export interface BesideTunnels {
  readonly resources: readonly Resource[];
  readonly notes: readonly Note[];
  readonly unsupported: readonly Unsupported[];
}

export interface ExpandOptions {
  /** The numbers of the last accepted state, so that tunnels keep theirs. */
  readonly pathNumbers: PathNumbers;
  /** Gives the id of a secret; throws where there is none to be had. */
  readonly secrets: (ref: SecretRef) => SecretId;
  /** Devices of the last accepted state (`devicesOf`): a tunnel that was given another name keeps its own. */
  readonly devices?: Readonly<Record<string, string>>;
  /** Endpoints of the last accepted state (`endpointsOf`): a name with several addresses stays with the one in use. */
  readonly endpoints?: Readonly<Record<string, readonly string[]>>;
  /** Endpoints that did not answer, by peer (`endpointKey`), the one that failed longest ago first. */
  readonly unanswered?: Readonly<Record<string, readonly string[]>>;
  /** Absent where the machine was not asked: then all that it asks for of that is unsupported. */
  readonly beside?: BesideTunnels;
}

export interface Expansion {
  readonly desired: DesiredState;
  readonly pathNumbers: PathNumbers;
  readonly notes: readonly Note[];
  readonly unsupported: readonly Unsupported[];
  /** Every endpoint of each peer that has a name, by peer (`endpointKey`), in the order in which they are tried; absent without names. */
  readonly alternatives?: Readonly<Record<string, readonly string[]>>;
}

/** One tunnel with what was decided about it before anything is built from it. */
export interface PlacedTunnel {
  readonly key: string;
  readonly tunnel: NoiseTunnel;
  readonly device: string;
  /** The number that its interface is to have (macOS); the kernel's choice when absent. */
  readonly unit?: number;
  readonly number: number;
  /** Families it has an address of, its peers take, and the configuration does not block. */
  readonly families: readonly Family[];
  readonly engine: TunnelSpec["engine"];
  /**
   * Numeric endpoints of each peer that has one, by public key: the one in use first, then what else its name stands for,
   * where the engine asks them all.
   */
  readonly endpoints: ReadonlyMap<string, readonly ResolvedEndpoint[]>;
}

export interface ResolvedEndpoint {
  readonly address: string;
  readonly port: number;
}

/** What every part of the expansion reads, and where it says what it found. */
export interface ExpandContext {
  readonly config: Config;
  readonly facts: HostFacts;
  readonly tunnels: readonly PlacedTunnel[];
  readonly notes: Note[];
  readonly unsupported: Unsupported[];
}

/** Where a `via` leads. */
export function pathRefOf(via: Config["default"]["via"], tunnels: readonly PlacedTunnel[]): PathRef {
  if (via.kind !== "tunnel") return { kind: via.kind };
  const placed = tunnels.find(({ key }) => key === via.tunnel);
  // A tunnel that could not be placed is unsupported, so this state is never applied; block is what it would be.
  return placed === undefined ? { kind: "block" } : { kind: "tunnel", device: placed.device, number: placed.number };
}

/** The key of a peer in `ExpandOptions.endpoints`. */
export function endpointKey(device: string, publicKey: string): string {
  return `${device} ${publicKey}`;
}

/** The device of each tunnel: what `expand` is to be given the next time. */
export function devicesOf(resources: DesiredState["resources"]): Readonly<Record<string, string>> {
  return Object.fromEntries(
    resources.flatMap((resource) => (resource.kind === "link" ? [[resource.spec.tunnel, resource.spec.device]] : [])),
  );
}

/** The endpoints that resources stand on, the one in use first: what `expand` is to be given the next time. */
export function endpointsOf(resources: DesiredState["resources"]): Readonly<Record<string, readonly string[]>> {
  return Object.fromEntries(
    resources.flatMap((resource) =>
      resource.kind === "tunnel"
        ? resource.spec.peers.flatMap(({ publicKey, endpoint, endpoints }) =>
            endpoint === undefined ? [] : [[endpointKey(resource.spec.device, publicKey), endpoints ?? [endpoint]]],
          )
        : [],
    ),
  );
}
