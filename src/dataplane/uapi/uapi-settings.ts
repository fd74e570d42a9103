import { canonicalPrefix, type Prefix, renderPrefix } from "../../model/prefix.ts";
import type { RoutingSettings } from "../../native/packet-system.ts";
import { bytesToHex, isZeroKey } from "../../uapi/key-text.ts";
import { GENERATION_KEY, normalizeObfuscation, SECRET_OBFUSCATION_KEY } from "../../uapi/obfuscation.ts";
import type { DeviceSettings, PeerSettings, WireEndpoint } from "../contract.ts";
import { wipeKeys } from "../key-bytes.ts";
import type { KeepaliveRange, PeerRequest, SetRequest } from "./parse-set.ts";

/** A tunnel's settings from UAPI. */
export interface UapiSettings {
  readonly privateKey: Uint8Array | undefined;
  readonly listenPort: number;
  readonly fwmark: number;
  readonly notBeforeSeconds: number;
  /** By UAPI name, without disabled parameters. */
  readonly obfuscation: Readonly<Record<string, string>>;
  /** By public key in hex, in order of addition. */
  readonly peers: ReadonlyMap<string, UapiPeerSettings>;
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

export const NO_SETTINGS: UapiSettings = {
  privateKey: undefined,
  listenPort: 0,
  fwmark: 0,
  notBeforeSeconds: 0,
  obfuscation: {},
  peers: new Map(),
};

/** The settings after a `set`, as a new object. A prefix given to one peer is removed from the others. */
export function settingsAfter(held: UapiSettings, request: SetRequest): UapiSettings {
  const peers = new Map(request.replacePeers ? [] : held.peers);
  const owners = ownersOf(peers);
  for (const one of request.peers) changePeer(peers, owners, one);
  const key = request.privateKey ?? held.privateKey;
  return {
    privateKey: key === undefined || isZeroKey(key) ? undefined : key,
    listenPort: request.listenPort ?? held.listenPort,
    fwmark: request.fwmark ?? held.fwmark,
    notBeforeSeconds: Math.max(held.notBeforeSeconds, request.notBeforeSeconds ?? 0),
    obfuscation: normalized({ ...held.obfuscation, ...request.obfuscation }),
    peers,
  };
}

/** Zeroes keys of former settings or requests that are not in the current settings. */
export function wipeUnusedKeys(held: UapiSettings, ...gone: readonly (UapiSettings | SetRequest)[]): void {
  const keys = (of: UapiSettings | SetRequest) =>
    [of.privateKey, ...[...of.peers.values()].map(({ presharedKey }) => presharedKey)].filter(
      (key) => key !== undefined,
    );
  const kept = new Set(keys(held));
  for (const one of gone) wipeKeys(keys(one).filter((key) => !kept.has(key)));
}

/** The data plane's settings; undefined without a private key, since there is nothing to carry. */
export function deviceSettings(
  held: UapiSettings,
  { mtuBytes, user, boundTo }: HostSettings,
): DeviceSettings | undefined {
  if (held.privateKey === undefined) return undefined;
  const isObfuscated = Object.keys(held.obfuscation).some((key) => key !== GENERATION_KEY);
  return {
    privateKey: held.privateKey,
    mtuBytes,
    ...(held.notBeforeSeconds === 0 ? {} : { notBeforeSeconds: held.notBeforeSeconds }),
    ...(isObfuscated ? { obfuscation: { parameters: held.obfuscation } } : {}),
    peers: [...held.peers.values()].map(peerSettings),
    socket: {
      listenPort: held.listenPort,
      mark: held.fwmark,
      ...(user === undefined ? {} : { user }),
      // A socket bound to an interface does not reach this host itself, where an obfuscator may listen.
      ...(boundTo === undefined || [...held.peers.values()].some(isOnThisHost) ? {} : { boundTo }),
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

/** The peer of each prefix, by text, so that a set of 10,000 peers needs no search. */
function ownersOf(peers: ReadonlyMap<string, UapiPeerSettings>): Map<string, string> {
  const owned = [...peers].flatMap(([key, { allowedIps }]) =>
    [...allowedIps.keys()].map((text) => [text, key] as const),
  );
  return new Map(owned);
}

function changePeer(peers: Map<string, UapiPeerSettings>, owners: Map<string, string>, request: PeerRequest): void {
  const key = bytesToHex(request.publicKey);
  const known = peers.get(key);
  if (request.remove) {
    peers.delete(key);
    return;
  }
  if (known === undefined && request.updateOnly) return;
  const { presharedKey = known?.presharedKey, endpoint = known?.endpoint } = request;
  const allowedIps = new Map(request.replaceAllowedIps ? [] : known?.allowedIps);
  for (const { prefix, remove } of request.allowedIps) {
    const canonical = canonicalPrefix(prefix);
    const text = renderPrefix(canonical);
    if (remove) allowedIps.delete(text);
    else {
      const owner = owners.get(text) ?? key;
      const loser = owner === key ? undefined : peers.get(owner);
      if (loser !== undefined) peers.set(owner, without(loser, text));
      owners.set(text, key);
      allowedIps.set(text, canonical);
    }
  }
  peers.set(key, {
    publicKey: request.publicKey,
    presharedKey: presharedKey === undefined || isZeroKey(presharedKey) ? undefined : presharedKey,
    endpoint,
    endpoints: request.endpoints ?? known?.endpoints ?? [],
    keepalive: request.keepalive ?? known?.keepalive ?? { low: 0, high: 0 },
    allowedIps,
  });
}

function without(peer: UapiPeerSettings, prefix: string): UapiPeerSettings {
  if (!peer.allowedIps.has(prefix)) return peer;
  const allowedIps = new Map(peer.allowedIps);
  allowedIps.delete(prefix);
  return { ...peer, allowedIps };
}

function peerSettings(held: UapiPeerSettings): PeerSettings {
  const { publicKey, presharedKey, endpoint, endpoints, keepalive, allowedIps } = held;
  return {
    publicKey,
    ...(presharedKey === undefined ? {} : { presharedKey }),
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(endpoints.length === 0 ? {} : { endpoints }),
    allowedIPs: [...allowedIps.values()],
    ...(keepalive.high === 0
      ? {}
      : { persistentKeepalive: { low: keepalive.low * 1000, high: keepalive.high * 1000 } }),
  };
}

/** An all-zero or empty header protection key is none. */
function normalized(values: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  const { [SECRET_OBFUSCATION_KEY]: secret, ...open } = normalizeObfuscation(values);
  return secret === undefined || /^0*$/.test(secret) ? open : { ...open, [SECRET_OBFUSCATION_KEY]: secret };
}
