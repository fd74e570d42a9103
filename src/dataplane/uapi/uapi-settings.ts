import { canonicalPrefix, type Prefix, renderPrefix } from "../../model/prefix.ts";
import type { RoutingSettings } from "../../native/packet-system.ts";
import { bytesToHex, isZeroKey } from "../../uapi/key-text.ts";
import { GENERATION_KEY, normalizeObfuscation, SECRET_OBFUSCATION_KEY } from "../../uapi/obfuscation.ts";
import type { DeviceSettings, PeerChange, PeerSettings, WireEndpoint } from "../contract.ts";
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
  /** The peer of each prefix, both by text. */
  readonly owners: ReadonlyMap<string, string>;
  /** Peers, by key, that may differ from the settings before: all others are the same objects. */
  readonly changed: ReadonlySet<string>;
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
  owners: new Map(),
  changed: new Set(),
};

/**
 * The settings after a `set`, as a new object. What the request does not change stays the same object: a peer, its
 * prefixes, the obfuscation. A prefix given to one peer is removed from the others.
 */
export function settingsAfter(held: UapiSettings, request: SetRequest): UapiSettings {
  const peers = new Map(request.replacePeers ? [] : held.peers);
  const owners = new Map(request.replacePeers ? [] : held.owners);
  const changed = new Set(request.replacePeers ? held.peers.keys() : []);
  const isObfuscationChanged = Object.keys(request.obfuscation).length > 0;
  for (const one of request.peers) for (const key of changePeer(peers, owners, one)) changed.add(key);
  const key = request.privateKey ?? held.privateKey;
  return {
    privateKey: key === undefined || isZeroKey(key) ? undefined : key,
    listenPort: request.listenPort ?? held.listenPort,
    fwmark: request.fwmark ?? held.fwmark,
    notBeforeSeconds: Math.max(held.notBeforeSeconds, request.notBeforeSeconds ?? 0),
    obfuscation: isObfuscationChanged ? normalized({ ...held.obfuscation, ...request.obfuscation }) : held.obfuscation,
    peers,
    owners,
    changed,
  };
}

/** Zeroes keys of the former settings and of the request that are not in the current settings. */
export function wipeUnusedKeys(held: UapiSettings, before: UapiSettings, request: SetRequest): void {
  for (const { privateKey } of [before, request])
    if (privateKey !== undefined && privateKey !== held.privateKey) wipeKeys([privateKey]);
  const wipe = (key: string, presharedKey: Uint8Array | undefined) => {
    if (presharedKey !== undefined && held.peers.get(key)?.presharedKey !== presharedKey) wipeKeys([presharedKey]);
  };
  for (const key of held.changed) wipe(key, before.peers.get(key)?.presharedKey);
  for (const { publicKey, presharedKey } of request.peers)
    if (presharedKey !== undefined) wipe(bytesToHex(publicKey), presharedKey);
}

/** The data plane's settings but for peers; undefined without a private key, since there is nothing to carry. */
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

/** Changes the peer, and those that lose a prefix to it; gives their keys. */
function changePeer(
  peers: Map<string, UapiPeerSettings>,
  owners: Map<string, string>,
  request: PeerRequest,
): Iterable<string> {
  const key = bytesToHex(request.publicKey);
  const known = peers.get(key);
  if (request.remove) {
    for (const text of known?.allowedIps.keys() ?? []) owners.delete(text);
    peers.delete(key);
    return [key];
  }
  if (known === undefined && request.updateOnly) return [];
  const { presharedKey = known?.presharedKey, endpoint = known?.endpoint } = request;
  const isSame = known !== undefined && !request.replaceAllowedIps && request.allowedIps.length === 0;
  const losers = new Set<string>();
  const allowedIps = isSame ? known.allowedIps : prefixesAfter(known, request, { key, peers, owners, losers });
  peers.set(key, {
    publicKey: request.publicKey,
    presharedKey: presharedKey === undefined || isZeroKey(presharedKey) ? undefined : presharedKey,
    endpoint,
    endpoints: request.endpoints ?? known?.endpoints ?? [],
    keepalive: request.keepalive ?? known?.keepalive ?? { low: 0, high: 0 },
    allowedIps,
  });
  return [key, ...losers];
}

interface PrefixChange {
  readonly key: string;
  readonly peers: Map<string, UapiPeerSettings>;
  readonly owners: Map<string, string>;
  /** Gets the peers that lose a prefix. */
  readonly losers: Set<string>;
}

function prefixesAfter(
  known: UapiPeerSettings | undefined,
  request: PeerRequest,
  { key, peers, owners, losers }: PrefixChange,
): ReadonlyMap<string, Prefix> {
  const prefixes = new Map(known?.allowedIps);
  const remove = (text: string) => {
    if (prefixes.delete(text)) owners.delete(text);
  };
  if (request.replaceAllowedIps) for (const text of [...prefixes.keys()]) remove(text);
  for (const { prefix, remove: isRemoved } of request.allowedIps) {
    const canonical = canonicalPrefix(prefix);
    const text = renderPrefix(canonical);
    if (isRemoved) {
      remove(text);
      continue;
    }
    const owner = owners.get(text) ?? key;
    const loser = owner === key ? undefined : peers.get(owner);
    if (loser !== undefined) {
      peers.set(owner, without(loser, text));
      losers.add(owner);
    }
    owners.set(text, key);
    prefixes.set(text, canonical);
  }
  return prefixes;
}

function without(peer: UapiPeerSettings, prefix: string): UapiPeerSettings {
  if (!peer.allowedIps.has(prefix)) return peer;
  const allowedIps = new Map(peer.allowedIps);
  allowedIps.delete(prefix);
  return { ...peer, allowedIps };
}

/** What the data plane must change for the peers of settings that follow others; it has `before`. */
export function peerChanges(
  before: UapiSettings["peers"],
  { peers, changed }: UapiSettings,
  { moved, woken }: { readonly moved: ReadonlySet<string>; readonly woken: ReadonlySet<string> },
): { readonly set: readonly PeerChange[]; readonly remove: readonly Uint8Array[] } {
  const set: PeerChange[] = [];
  const remove: Uint8Array[] = [];
  for (const key of changed) {
    const [former, peer] = [before.get(key), peers.get(key)];
    const connects = woken.has(key);
    if (peer === undefined) {
      if (former !== undefined) remove.push(former.publicKey);
    } else if (former !== peer || connects)
      set.push({ settings: peerSettings(peer, former), movesBack: moved.has(key), connects });
  }
  return { set, remove };
}

/** A peer for the data plane; without prefixes if `before` has the same. */
export function peerSettings(held: UapiPeerSettings, before?: UapiPeerSettings): PeerSettings {
  const { publicKey, presharedKey, endpoint, endpoints, keepalive, allowedIps } = held;
  return {
    publicKey,
    ...(presharedKey === undefined ? {} : { presharedKey }),
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(endpoints.length === 0 ? {} : { endpoints }),
    ...(allowedIps === before?.allowedIps ? {} : { allowedIPs: [...allowedIps.values()] }),
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
