import { canonicalPrefix, type Prefix, renderPrefix } from "../../model/prefix.ts";
import { isZeroKey } from "../../uapi/key-text.ts";
import { normalizeObfuscation, SECRET_OBFUSCATION_KEY } from "../../uapi/obfuscation.ts";
import { withPauses } from "../with-pauses.ts";
import { MapDraft } from "./map-draft.ts";
import type { PeerRequest, SetRequest } from "./parse-set.ts";
import type { UapiDeviceSettings, UapiPeerSettings, UapiSettings } from "./uapi-settings.ts";

/** The settings after a `set` that is not accepted yet. */
export interface SettingsDraft extends UapiDeviceSettings {
  readonly peers: MapDraft<string, UapiPeerSettings>;
  readonly owners: MapDraft<string, string>;
}

/**
 * The settings after a `set`. It costs what the request changes; the held settings stay as they are until
 * `commitSettings`. A prefix given to one peer is removed from the others.
 */
export function settingsAfter(held: UapiSettings, request: SetRequest): SettingsDraft {
  const [peers, owners] = [new MapDraft(held.peers), new MapDraft(held.owners)];
  if (request.replacePeers) {
    peers.clear();
    owners.clear();
  }
  const change: PeersChange = { peers, owners, prefixes: new Map() };
  for (const one of withPauses(request.peers)) changePeer(change, one);
  const isObfuscationChanged = Object.keys(request.obfuscation).length > 0;
  const key = request.privateKey ?? held.privateKey;
  return {
    privateKey: key === undefined || isZeroKey(key) ? undefined : key,
    listenPort: request.listenPort ?? held.listenPort,
    fwmark: request.fwmark ?? held.fwmark,
    notBeforeSeconds: Math.max(held.notBeforeSeconds, request.notBeforeSeconds ?? 0),
    obfuscation: isObfuscationChanged ? normalized({ ...held.obfuscation, ...request.obfuscation }) : held.obfuscation,
    peers,
    owners,
  };
}

/** The settings with the draft's changes; `held` must not be used afterwards. */
export function commitSettings(held: UapiSettings, draft: SettingsDraft): UapiSettings {
  draft.peers.commit();
  draft.owners.commit();
  return { ...draft, peers: held.peers, owners: held.owners };
}

interface PeersChange extends Pick<SettingsDraft, "peers" | "owners"> {
  /** The prefixes of changed peers, by their keys: one copy a request, however many prefixes move. */
  readonly prefixes: Map<string, Map<string, Prefix>>;
}

/** Changes the peer, and those that lose a prefix to it. */
function changePeer(change: PeersChange, request: PeerRequest): void {
  const { key } = request;
  const known = change.peers.get(key);
  if (request.remove) {
    for (const text of known?.allowedIps.keys() ?? []) change.owners.delete(text);
    change.prefixes.delete(key);
    change.peers.delete(key);
    return;
  }
  if (known === undefined && request.updateOnly) return;
  const { presharedKey = known?.presharedKey, endpoint = known?.endpoint } = request;
  const isSame = known !== undefined && leavesPrefixes(known, request);
  const allowedIps = isSame ? known.allowedIps : prefixesAfter(change, key, request);
  change.peers.set(key, {
    publicKey: request.publicKey,
    presharedKey: presharedKey === undefined || isZeroKey(presharedKey) ? undefined : presharedKey,
    endpoint,
    endpoints: request.endpoints ?? known?.endpoints ?? [],
    keepalive: request.keepalive ?? known?.keepalive ?? { low: 0, high: 0 },
    allowedIps,
  });
}

/** Whether the peer has exactly the prefixes that it has after the request; then they are not copied. */
function leavesPrefixes({ allowedIps: held }: UapiPeerSettings, request: PeerRequest): boolean {
  if (!request.replaceAllowedIps) return request.allowedIps.length === 0;
  const texts = new Set<string>();
  for (const { prefix, remove } of request.allowedIps) {
    const text = renderPrefix(canonicalPrefix(prefix));
    if (remove || !held.has(text)) return false;
    texts.add(text);
  }
  return texts.size === held.size;
}

function prefixesAfter(change: PeersChange, key: string, request: PeerRequest): ReadonlyMap<string, Prefix> {
  const { owners } = change;
  if (request.replaceAllowedIps) {
    for (const text of change.peers.get(key)?.allowedIps.keys() ?? []) owners.delete(text);
    change.prefixes.set(key, new Map());
  }
  const prefixes = prefixesOf(change, key);
  for (const { prefix, remove: isRemoved } of request.allowedIps) {
    const canonical = canonicalPrefix(prefix);
    const text = renderPrefix(canonical);
    if (isRemoved) {
      if (prefixes.delete(text)) owners.delete(text);
      continue;
    }
    const owner = owners.get(text);
    if (owner !== undefined && owner !== key) takeFrom(change, owner, text);
    owners.set(text, key);
    prefixes.set(text, canonical);
  }
  return prefixes;
}

function takeFrom(change: PeersChange, owner: string, prefix: string): void {
  const loser = change.peers.get(owner);
  if (loser === undefined) return;
  const allowedIps = prefixesOf(change, owner);
  allowedIps.delete(prefix);
  if (loser.allowedIps !== allowedIps) change.peers.set(owner, { ...loser, allowedIps });
}

/** The peer's prefixes, to be changed. */
function prefixesOf({ peers, prefixes }: PeersChange, key: string): Map<string, Prefix> {
  const own = prefixes.get(key) ?? new Map(peers.get(key)?.allowedIps);
  prefixes.set(key, own);
  return own;
}

/** An all-zero or empty header protection key is none. */
function normalized(values: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  const { [SECRET_OBFUSCATION_KEY]: secret, ...open } = normalizeObfuscation(values);
  return secret === undefined || /^0*$/.test(secret) ? open : { ...open, [SECRET_OBFUSCATION_KEY]: secret };
}
