import { exactly, PAPER_TIMING } from "../constants.ts";
import { cookieKey, mac1Key } from "../cookie/macs.ts";
import { equalBytes, keyCopy, NO_PRESHARED_KEY } from "../crypto/kdf.ts";
import type { DeviceChange, PeerConfig } from "../device.ts";
import { type Endpoint, sameEndpoint } from "../endpoint.ts";
import { readsAllOf } from "../wire/wire-format.ts";
import { type Core, keyOf, schedule } from "./core.ts";
import { PeerState } from "./peer-state.ts";
import { PeerTimers } from "./peer-timers.ts";
import { dropInitiator, dropSessions } from "./rotation.ts";

const OFF = exactly(0);

/** Applies exactly this config to the device; see `Device.configure`. */
export function applyConfig(core: Core, config: DeviceChange, now: number): void {
  const timing = config.timing ?? PAPER_TIMING;
  core.answersWithCookies = config.cookies ?? true;
  core.mtuBytes = config.mtuBytes;
  core.timing = timing;
  if (config.wire !== core.wire) {
    const former = core.wire;
    core.wire = config.wire;
    const isReadByAll = readsAllOf(former.transport, config.wire.transport);
    for (const peer of core.peers.values()) {
      peer.wire = config.wire.forPeer();
      if (peer.current === undefined && peer.next === undefined) peer.turnTo(config.wire);
      else if (isReadByAll && peer.reads === former) peer.reads = config.wire;
      askAnew(core, peer, now);
    }
  }
  if (config.peers !== undefined) {
    const wanted = new Set(config.peers.map(({ publicKey }) => keyOf(publicKey)));
    for (const [key, peer] of [...core.peers]) if (!wanted.has(key)) dropPeer(core, peer);
  }
  if (!equalBytes(config.privateKey, core.identity.privateKey)) takeIdentity(core, config.privateKey, now);
  for (const peer of config.peers ?? []) putPeer(core, peer, now);
}

/** Adds the peer, or changes the one with its key; see `Device.setPeer`. */
export function putPeer(core: Core, config: PeerConfig, now: number): void {
  const known = core.peers.get(keyOf(config.publicKey));
  if (equalBytes(config.publicKey, core.identity.publicKey)) {
    if (known !== undefined) dropPeer(core, known);
    return;
  }
  const peer = known ?? newPeer(core, config);
  if (config.allowedIPs !== undefined) core.routes.replace(peer, config.allowedIPs);
  if (known === undefined) peer.timers.start(now);
  else changePeer(core, known, config, now);
  schedule(core, peer);
}

/** Removes a peer: sessions, prefixes, shared secrets. */
export function dropPeer(core: Core, peer: PeerState): void {
  dropSessions(core, peer);
  core.routes.removeAll(peer);
  core.peers.delete(keyOf(peer.publicKey));
  core.due.move(peer, Number.POSITIVE_INFINITY);
  peer.dropQueue();
  peer.wipeShared(core.crypto);
  core.crypto.wipe(peer.presharedKey);
}

/**
 * Sets another private key for future handshakes. Existing sessions continue until they are replaced or expire, because
 * their keys do not depend on it. Nothing is interrupted if the peers know both keys.
 */
export function takeIdentity(core: Core, privateKey: Uint8Array, now: number): void {
  core.crypto.wipe(core.identity.privateKey);
  const publicKey = core.crypto.publicKey(privateKey);
  core.identity = { privateKey: keyCopy(privateKey), publicKey };
  core.ownMac1Key = mac1Key(core.crypto, publicKey);
  core.ownCookieKey = cookieKey(core.crypto, publicKey);
  for (const peer of [...core.peers.values()]) {
    dropInitiator(core, peer);
    peer.wipeShared(core.crypto);
    peer.timers.handshakeDropped();
    if (equalBytes(peer.publicKey, publicKey)) dropPeer(core, peer);
    else if (peer.current !== undefined || peer.queue.length > 0) {
      peer.timers.wantHandshake(now);
      schedule(core, peer);
    }
  }
}

/** Sets the peer's endpoint; its sessions continue. */
export function placePeer(peer: PeerState, endpoint: Endpoint): void {
  peer.configuredEndpoint = endpoint;
  peer.endpoint = endpoint;
  peer.askedInVain = 0;
  peer.wire.endpointChanged();
}

/**
 * Starts a handshake now instead of after silence or a retry; the session continues meanwhile. The host at the new
 * address may not have the session, and the pending initiation went to the old one. A peer with our new wire format
 * replies in it, and may not have read the former one.
 */
function askAnew(core: Core, peer: PeerState, now: number): void {
  if (peer.initiator === undefined && peer.current === undefined) return;
  startAnew(core, peer, now);
}

/** Has a handshake started now; a pending one is abandoned, and sessions continue. */
export function startAnew(core: Core, peer: PeerState, now: number): void {
  dropInitiator(core, peer);
  peer.timers.handshakeDropped();
  peer.timers.wantHandshake(now);
  schedule(core, peer);
}

function newPeer(core: Core, config: PeerConfig): PeerState {
  const peer = new PeerState(config, {
    timers: new PeerTimers(core.sources, core.timing, config.persistentKeepalive ?? OFF),
    wire: core.wire.forPeer(),
    reads: core.wire,
    prefixes: (of) => core.routes.prefixesOf(of),
  });
  core.peers.set(keyOf(peer.publicKey), peer);
  return peer;
}

function changePeer(core: Core, peer: PeerState, config: PeerConfig, now: number): void {
  const moved = newPlaceOf(peer, config);
  peer.candidates = config.endpoints ?? [];
  if (moved !== undefined) {
    placePeer(peer, moved);
    askAnew(core, peer, now);
  }
  const presharedKey = config.presharedKey ?? NO_PRESHARED_KEY;
  if (!equalBytes(presharedKey, peer.presharedKey)) {
    core.crypto.wipe(peer.presharedKey);
    peer.presharedKey = keyCopy(presharedKey);
  }
  peer.configuredEndpoint = config.endpoint ?? peer.configuredEndpoint;
  peer.timers.reconfigure(core.timing, config.persistentKeepalive ?? OFF, now);
}

/** Whether the peer needs a new address: its endpoint changed, or the one in use is no longer listed. */
function newPlaceOf(
  { configuredEndpoint, endpoint: at, candidates }: PeerState,
  config: PeerConfig,
): Endpoint | undefined {
  const { endpoint, endpoints = [] } = config;
  const isAnother =
    endpoint !== undefined && (configuredEndpoint === undefined || !sameEndpoint(configuredEndpoint, endpoint));
  if (isAnother) return endpoint;
  const isIn = (some: readonly Endpoint[], one: Endpoint) => some.some((other) => sameEndpoint(other, one));
  if (at === undefined || !isIn(candidates, at) || isIn(endpoints, at)) return undefined;
  return endpoint !== undefined && (endpoints.length === 0 || isIn(endpoints, endpoint)) ? endpoint : endpoints[0];
}
