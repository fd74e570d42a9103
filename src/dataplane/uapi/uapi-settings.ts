import type { Prefix } from "../../model/prefix.ts";
import type { RoutingSettings } from "../../native/packet-system.ts";
import { GENERATION_KEY } from "../../uapi/obfuscation.ts";
import type { DeviceSettings, PeerSettings, WireEndpoint } from "../contract.ts";
import type { KeepaliveRange } from "./parse-set.ts";

/** A tunnel's settings from UAPI, without its peers. */
export interface UapiDeviceSettings {
  readonly privateKey: Uint8Array | undefined;
  readonly listenPort: number;
  readonly fwmark: number;
  readonly notBeforeSeconds: number;
  /** By UAPI name, without disabled parameters. */
  readonly obfuscation: Readonly<Record<string, string>>;
}

/** A tunnel's settings from UAPI. */
export interface UapiSettings extends UapiDeviceSettings {
  /** By public key in hex, in order of addition. */
  readonly peers: Map<string, UapiPeerSettings>;
  /** The peer of each prefix, both by text. */
  readonly owners: Map<string, string>;
}

export interface UapiPeerSettings {
  readonly publicKey: Uint8Array;
  readonly presharedKey: Uint8Array | undefined;
  readonly endpoint: WireEndpoint | undefined;
  /** All possible addresses; empty: `endpoint` alone. */
  readonly endpoints: readonly WireEndpoint[];
  readonly keepalive: KeepaliveRange;
  /** By canonical text. */
  readonly allowedIps: ReadonlyMap<string, Prefix>;
}

/** Settings of the host that UAPI does not carry. */
export interface HostSettings {
  readonly mtuBytes: number;
  readonly user?: { readonly uid: number; readonly gid: number };
  /** The interfaces to bind the sockets to, where the system requires it. */
  readonly boundTo?: RoutingSettings["boundTo"];
}

/** The settings before the first `set`. */
export function noSettings(): UapiSettings {
  return {
    privateKey: undefined,
    listenPort: 0,
    fwmark: 0,
    notBeforeSeconds: 0,
    obfuscation: {},
    peers: new Map(),
    owners: new Map(),
  };
}

/** The data plane's settings but for peers; undefined without a private key, since there is nothing to carry. */
export function deviceSettings(
  held: UapiDeviceSettings & { readonly peers: { values(): Iterable<UapiPeerSettings> } },
  { mtuBytes, user, boundTo }: HostSettings,
): DeviceSettings | undefined {
  if (held.privateKey === undefined) return undefined;
  const isObfuscated = Object.keys(held.obfuscation).some((key) => key !== GENERATION_KEY);
  return {
    privateKey: held.privateKey,
    mtuBytes,
    ...(held.notBeforeSeconds === 0 ? {} : { notBeforeSeconds: held.notBeforeSeconds }),
    ...(isObfuscated ? { obfuscation: { parameters: held.obfuscation } } : {}),
    socket: {
      listenPort: held.listenPort,
      mark: held.fwmark,
      ...(user === undefined ? {} : { user }),
      // A socket bound to an interface does not reach this host itself, where an obfuscator may listen.
      ...(boundTo === undefined || Iterator.from(held.peers.values()).some(isOnThisHost) ? {} : { boundTo }),
    },
  };
}

/** 127.0.0.0/8 and ::1. */
function isOnThisHost({ endpoint, endpoints }: UapiPeerSettings): boolean {
  return [...(endpoint === undefined ? [] : [endpoint]), ...endpoints].some(({ address }) => {
    if (address.length === 4) return address[0] === 127;
    return address.every((byte, index) => byte === (index === 15 ? 1 : 0));
  });
}

/** A peer for the data plane, without its prefixes. */
export function peerSettings(held: UapiPeerSettings): Omit<PeerSettings, "allowedIPs"> {
  const { publicKey, presharedKey, endpoint, endpoints, keepalive } = held;
  return {
    publicKey,
    ...(presharedKey === undefined ? {} : { presharedKey }),
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(endpoints.length === 0 ? {} : { endpoints }),
    ...(keepalive.high === 0
      ? {}
      : { persistentKeepalive: { low: keepalive.low * 1000, high: keepalive.high * 1000 } }),
  };
}
