import { equalBytes } from "../../engine/crypto/kdf.ts";
import { sameEndpoint } from "../../engine/endpoint.ts";
import type { Prefix } from "../../model/prefix.ts";
import type { PeerChange, WireEndpoint } from "../contract.ts";
import { withPauses } from "../with-pauses.ts";
import type { SetRequest } from "./parse-set.ts";
import type { SettingsDraft } from "./settings-after.ts";
import { peerSettings, type UapiPeerSettings, type UapiSettings } from "./uapi-settings.ts";

/**
 * What the data plane must change for a `set`; it has the held settings, and nothing is changed for peers and prefixes
 * that stay. A prefix that moves from one peer to another always has an owner: the new one is set first, and removals
 * come last.
 */
export function peerChanges(held: UapiSettings, draft: SettingsDraft, request: SetRequest): readonly PeerChange[] {
  const moved = new Set(request.peers.flatMap(({ key, endpoint }) => (endpoint === undefined ? [] : key)));
  const woken = wokenBy(request, held);
  // A device removes a peer that has its own key, so with another key all peers of the request are set again.
  const isAnew = !isSameKey(held.privateKey, draft.privateKey);
  const set: PeerChange[] = [];
  const removed: PeerChange[] = [];
  for (const key of withPauses(draft.peers.changedKeys())) {
    const [former, peer] = [held.peers.get(key), draft.peers.get(key)];
    if (peer !== undefined) {
      const movesBack = moved.has(key);
      if (movesBack || isAnew || former === undefined || !isSamePeer(former, peer))
        set.push({ kind: "set", settings: peerSettings(peer), movesBack });
      set.push(...prefixChange(former, peer, { owners: draft.owners, isAnew }));
      if (woken.has(key) && peer.endpoint !== undefined) set.push({ kind: "connect", publicKey: peer.publicKey });
    } else if (former !== undefined)
      removed.push(...prefixChange(former, undefined, { owners: draft.owners, isAnew }), {
        kind: "remove",
        publicKey: former.publicKey,
      });
  }
  return [...set, ...removed, ...handshakesAsked(draft, request)];
}

function handshakesAsked({ peers }: SettingsDraft, request: SetRequest): readonly PeerChange[] {
  return request.peers.flatMap(({ publicKey, key, handshake }) =>
    handshake === true && peers.get(key) !== undefined ? [{ kind: "shakeHands", publicKey }] : [],
  );
}

/** For a tunnel that was just added with its peers: the sessions that are created now. */
export function firstConnects(held: UapiSettings, draft: SettingsDraft, request: SetRequest): readonly PeerChange[] {
  return [...wokenBy(request, held)].flatMap((key) => {
    const peer = draft.peers.get(key);
    return peer?.endpoint === undefined ? [] : { kind: "connect", publicKey: peer.publicKey };
  });
}

/** Whether the two differ at most in prefixes. */
function isSamePeer(one: UapiPeerSettings, other: UapiPeerSettings): boolean {
  return (
    isSameKey(one.presharedKey, other.presharedKey) &&
    isSamePlace(one.endpoint, other.endpoint) &&
    one.endpoints.length === other.endpoints.length &&
    one.endpoints.every((endpoint, index) => isSamePlace(endpoint, other.endpoints[index])) &&
    one.keepalive.low === other.keepalive.low &&
    one.keepalive.high === other.keepalive.high
  );
}

function isSameKey(one: Uint8Array | undefined, other: Uint8Array | undefined): boolean {
  return one === other || (one !== undefined && other !== undefined && equalBytes(one, other));
}

function isSamePlace(one: WireEndpoint | undefined, other: WireEndpoint | undefined): boolean {
  return one === other || (one !== undefined && other !== undefined && sameEndpoint(one, other));
}

/** A prefix that another peer got needs no removal. */
function prefixChange(
  former: UapiPeerSettings | undefined,
  peer: UapiPeerSettings | undefined,
  { owners, isAnew }: Pick<SettingsDraft, "owners"> & { readonly isAnew: boolean },
): readonly PeerChange[] {
  const [before, after] = [former?.allowedIps, peer?.allowedIps];
  const publicKey = peer?.publicKey ?? former?.publicKey;
  if ((before === after && !isAnew) || publicKey === undefined) return [];
  const add: Prefix[] = [];
  const remove: Prefix[] = [];
  for (const [text, prefix] of after ?? []) if (isAnew || before?.has(text) !== true) add.push(prefix);
  for (const [text, prefix] of before ?? [])
    if (after?.has(text) !== true && owners.get(text) === undefined) remove.push(prefix);
  return add.length + remove.length === 0 ? [] : [{ kind: "prefixes", publicKey, add, remove }];
}

/**
 * Peers with keepalive switched on, even if a later block of the same `set` switches it off: this sends at once,
 * and so starts a session (as wireguard-go device/uapi.go does).
 */
function wokenBy({ peers }: SetRequest, before: UapiSettings): ReadonlySet<string> {
  const seconds = new Map<string, number>();
  const woken = new Set<string>();
  for (const { key, keepalive } of peers) {
    if (keepalive === undefined) continue;
    const last = seconds.get(key) ?? before.peers.get(key)?.keepalive.high ?? 0;
    if (keepalive.high > 0 && last === 0) woken.add(key);
    seconds.set(key, keepalive.high);
  }
  return woken;
}
