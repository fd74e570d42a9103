import { describe, expect, test } from "vitest";
import { type Core, freeIndex, keyOf } from "../../../src/engine/core/core.ts";
import { startHandshake } from "../../../src/engine/core/initiator.ts";
import { newCore } from "../../../src/engine/core/new-core.ts";
import type { PeerSession, PeerState } from "../../../src/engine/core/peer-state.ts";
import { dropPeer, putPeer } from "../../../src/engine/core/reconfigure.ts";
import { beginSession, confirmSession, dropSessions } from "../../../src/engine/core/rotation.ts";
import { receivedOver } from "../../../src/engine/core/transport.ts";
import { CRYPTO } from "../support/crypto.ts";
import { deviceConfig, endpoint } from "../support/link.ts";
import { SeededSources } from "../support/sources.ts";

function lonely(sources = new SeededSources(1)): { core: Core; peer: PeerState } {
  const config = deviceConfig(1, [2]);
  const core = newCore(config, { crypto: CRYPTO, sources });
  for (const peer of config.peers) putPeer(core, peer, 0);
  const [peer] = core.peers.values();
  if (peer === undefined) throw new Error("no peer");
  return { core, peer };
}

/** A new session with the peer under the next index; its keys are that index. */
function begin(core: Core, peer: PeerState, index: number, isInitiator: boolean): PeerSession {
  const keys = { send: key(index), receive: key(index), localIndex: index, remoteIndex: index + 1000 };
  beginSession(core, peer, keys, isInitiator, 1_000);
  const made = core.sessions.get(index);
  if (made === undefined) throw new Error("no session");
  return made;
}

function key(fill: number): Uint8Array {
  return new Uint8Array(32).fill(fill);
}

function held(peer: PeerState): (number | undefined)[] {
  return [peer.previous, peer.current, peer.next].map((session) => session?.localIndex);
}

describe("the three sessions of a peer: previous, current, next", () => {
  test("an initiator's new session is current at once; the one before stays readable; the third goes", () => {
    const { core, peer } = lonely();
    const first = begin(core, peer, 1, true);
    expect(held(peer)).toEqual([undefined, 1, undefined]);
    begin(core, peer, 2, true);
    expect(held(peer)).toEqual([1, 2, undefined]);
    begin(core, peer, 3, true);
    expect(held(peer)).toEqual([2, 3, undefined]);
    expect(first.isClosed).toBe(true);
    expect([...core.sessions.keys()]).toEqual([2, 3]);
  });

  test("a responder's new session waits as next until it is confirmed, once", () => {
    const { core, peer } = lonely();
    begin(core, peer, 1, true);
    const second = begin(core, peer, 2, false);
    expect(held(peer)).toEqual([undefined, 1, 2]);
    expect(confirmSession(core, second)).toBe(true);
    expect(held(peer)).toEqual([1, 2, undefined]);
    expect(confirmSession(core, second)).toBe(false);
    begin(core, peer, 3, false);
    expect(held(peer)).toEqual([undefined, 2, 3]);
    begin(core, peer, 4, false);
    expect(held(peer)).toEqual([undefined, 2, 4]);
    expect([...core.sessions.keys()]).toEqual([2, 4]);
  });

  test("an initiator's session beats an unconfirmed one, which stays readable", () => {
    const { core, peer } = lonely();
    begin(core, peer, 1, true);
    begin(core, peer, 2, false);
    begin(core, peer, 3, true);
    expect(held(peer)).toEqual([2, 3, undefined]);
    expect([...core.sessions.keys()]).toEqual([2, 3]);
  });

  test("of two that were made at once the one the peer was heard over stays, for either side of the next", () => {
    for (const isInitiator of [true, false]) {
      const { core, peer } = lonely();
      const first = begin(core, peer, 1, true);
      const second = begin(core, peer, 2, true);
      receivedOver(core, first, 1, 100, endpoint(2), 1_000);
      begin(core, peer, 3, isInitiator);
      expect([first.isClosed, second.isClosed]).toEqual([false, true]);
      expect(held(peer)).toEqual(isInitiator ? [1, 3, undefined] : [undefined, 1, 3]);
    }
  });

  test("dropping them leaves no index and no key", () => {
    const { core, peer } = lonely();
    const sessions = [begin(core, peer, 1, true), begin(core, peer, 2, true), begin(core, peer, 3, false)];
    expect(dropSessions(core, peer)).toBe(true);
    expect(dropSessions(core, peer)).toBe(false);
    expect(core.sessions.size).toBe(0);
    for (const { sendKey, receiveKey } of sessions) {
      expect([...sendKey, ...receiveKey].every((byte) => byte === 0)).toBe(true);
    }
  });
});

describe("what a handshake leaves behind", () => {
  test("a hundred initiations hold one index; each state that is replaced is zeroed", () => {
    const { core, peer } = lonely();
    const states = [];
    for (let round = 0; round < 100; round += 1) {
      startHandshake(core, peer, round * 5_000, []);
      if (peer.initiator !== undefined) states.push(peer.initiator);
    }
    expect(core.initiators.size).toBe(1);
    expect(states.length).toBe(100);
    dropPeer(core, peer);
    expect(core.initiators.size + core.sessions.size + core.peers.size).toBe(0);
    for (const { ephemeralPrivate, transcript } of states) {
      expect([...ephemeralPrivate, ...transcript.chainingKey].every((byte) => byte === 0)).toBe(true);
    }
  });

  test("a peer that goes takes its preshared key along; the caller's stays", () => {
    const { core } = lonely();
    const presharedKey = key(9);
    const config = { publicKey: deviceConfig(1, [3]).peers[0]?.publicKey ?? key(0), presharedKey, allowedIPs: [] };
    putPeer(core, config, 0);
    const peer = core.peers.get(keyOf(config.publicKey));
    if (peer === undefined) throw new Error("no peer");
    expect(peer.presharedKey).toEqual(key(9));
    const before = peer.presharedKey;
    putPeer(core, { ...config, presharedKey: key(8) }, 0);
    expect(before).toEqual(key(0));
    const after = peer.presharedKey;
    dropPeer(core, peer);
    expect(after).toEqual(key(0));
    expect(presharedKey).toEqual(key(9));
  });

  test("an index in use is never given again", () => {
    const words = [7, 7, 9, 7, 9, 11];
    const sources = new SeededSources(1);
    const { core, peer } = lonely(sources);
    sources.fillRandom = (into) => new DataView(into.buffer).setUint32(0, words.shift() ?? 0, true);
    expect(freeIndex(core)).toBe(7);
    core.initiators.set(7, peer);
    expect(freeIndex(core)).toBe(9);
    core.initiators.set(9, peer);
    expect(freeIndex(core)).toBe(11);
  });
});
