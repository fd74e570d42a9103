import { canonicalPrefix, type Prefix, renderPrefix } from "../../model/prefix.ts";
import type { RoutingSettings } from "../../native/packet-system.ts";
import { bytesToHex, isZeroKey } from "../../uapi/key-text.ts";
import { GENERATION_KEY, normalizeObfuscation, SECRET_OBFUSCATION_KEY } from "../../uapi/obfuscation.ts";
import type { DeviceSettings, PeerSettings, WireEndpoint } from "../contract.ts";
import { wipeKeys } from "../key-bytes.ts";
import type { KeepaliveRange, PeerRequest, SetRequest } from "./parse-set.ts";

/** What a tunnel was told over UAPI so far. */
export interface UapiSettings {
  readonly privateKey: Uint8Array | undefined;
  readonly listenPort: number;
  readonly fwmark: number;
  readonly notBeforeSeconds: number;
  /** By UAPI name, without what is off. */
  readonly obfuscation: Readonly<Record<string, string>>;
  /** By public key in hex, in the order they came. */
  readonly peers: ReadonlyMap<string, UapiPeerSettings>;
}

export interface UapiPeerSettings {
  readonly publicKey: Uint8Array;
  readonly presharedKey: Uint8Array | undefined;
  readonly endpoint: WireEndpoint | undefined;
  /** Every address it may be at; empty: `endpoint` alone. */
  readonly endpoints: readonly WireEndpoint[];
  readonly keepalive: KeepaliveRange;
  /** By canonical text. */
  readonly allowedIps: ReadonlyMap<string, Prefix>;
}

/** What the engine cannot learn over UAPI. */
export interface HostSettings {
  readonly mtuBytes: number;
  readonly user?: { readonly uid: number; readonly gid: number };
  /** The interfaces that the sockets are to be tied to, where the system ties them. */
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

/** What is held after a `set`; the one before is not touched. A prefix that a peer gets is taken from the others. */
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

/** Zeroes the keys that are nobody's any more: in what was held or asked for, and not in what is held now. */
export function wipeForgotten(held: UapiSettings, ...gone: readonly (UapiSettings | SetRequest)[]): void {
  const keys = (of: UapiSettings | SetRequest) =>
    [of.privateKey, ...[...of.peers.values()].map(({ presharedKey }) => presharedKey)].filter(
      (key) => key !== undefined,
    );
  const kept = new Set(keys(held));
  for (const one of gone) wipeKeys(keys(one).filter((key) => !kept.has(key)));
}

/** What the data plane is to hold; undefined without a private key, for then there is nothing to carry. */
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
      // A socket that is tied to an interface does not reach this machine itself, where an obfuscator may listen.
      ...(boundTo === undefined || [...held.peers.values()].some(isOnThisMachine) ? {} : { boundTo }),
    },
  };
}

/** 127.0.0.0/8 and ::1. */
function isOnThisMachine({ endpoint, endpoints }: UapiPeerSettings): boolean {
  return [...(endpoint === undefined ? [] : [endpoint]), ...endpoints].some(({ address }) => {
    if (address.length === 4) return address[0] === 127;
    return address.every((byte, index) => byte === (index === 15 ? 1 : 0));
  });
}

/** The peer that holds each prefix, by their texts: a set of 10,000 peers looks through none of them for a prefix. */
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
