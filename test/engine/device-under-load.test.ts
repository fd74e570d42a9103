import { describe, expect, test } from "vitest";
import { RATE_LIMIT_BURST, STRANGERS_PER_SECOND } from "../../src/engine/constants.ts";
import { mac1Key, writeMacs } from "../../src/engine/cookie/macs.ts";
import { createDevice } from "../../src/engine/create-device.ts";
import type { Device, DeviceConfig, Output } from "../../src/engine/device.ts";
import { engineOptions } from "./awg/engine-options.ts";
import { CRYPTO } from "./support/crypto.ts";
import { deviceConfig, endpoint, innerPacket, publicKeyOf } from "./support/link.ts";
import { SeededSources } from "./support/sources.ts";

const A = endpoint(1);
const B = endpoint(2);

/** A crypto port that counts Diffie-Hellman and macs. */
function counting(): { crypto: typeof CRYPTO; counts: { dh: number; mac16: number; aeadOpen: number } } {
  const counts = { dh: 0, mac16: 0, aeadOpen: 0 };
  const crypto: typeof CRYPTO = {
    ...CRYPTO,
    dh(privateKey, publicKey) {
      counts.dh += 1;
      return CRYPTO.dh(privateKey, publicKey);
    },
    mac16(key, message) {
      counts.mac16 += 1;
      return CRYPTO.mac16(key, message);
    },
    aeadOpen(key, counter, sealed, ad) {
      counts.aeadOpen += 1;
      return CRYPTO.aeadOpen(key, counter, sealed, ad);
    },
  };
  return { crypto, counts };
}

function device(self: number, other: number, crypto = CRYPTO, more: Partial<DeviceConfig> = {}): Device {
  const sources = new SeededSources(self);
  return createDevice(deviceConfig(self, [other], more), { crypto, sources });
}

function datagrams(outputs: readonly Output[]): Uint8Array[] {
  return outputs.flatMap((output) => (output.kind === "datagram" ? [output.bytes] : []));
}

describe("under load", () => {
  test("a cookie is asked back first; proven by mac2 the handshake goes through; no Diffie-Hellman before", () => {
    const a = device(1, 2);
    const { crypto, counts } = counting();
    const b = device(2, 1, crypto);
    const [first] = datagrams(a.send(innerPacket(1, 2, 1), 1_000));
    counts.dh = 0;
    const [cookie] = datagrams(b.receive(first as Uint8Array, A, 1_001, true));
    expect(cookie?.length).toBe(64);
    expect(counts.dh).toBe(0);
    expect(b.counters).toMatchObject({ limited: 1, cookiesSent: 1 });
    expect(datagrams(a.receive(cookie as Uint8Array, B, 1_002))).toEqual([]);
    const [retry] = datagrams(a.tick(a.nextDeadline()));
    expect(retry?.subarray(132).some((byte) => byte !== 0)).toBe(true);
    const [response] = datagrams(b.receive(retry as Uint8Array, A, 7_000, true));
    expect(response?.length).toBe(92);
    const last = a.receive(response as Uint8Array, B, 7_001);
    expect(datagrams(last).map(({ length }) => length)).toEqual([32 + 48]);
  });

  test("a reply that would be longer than what it answers is not sent: the limits are those without cookies", () => {
    const options = (seed: number) => engineOptions({ s1: "15", s2: "18", s3: "149", s4: "13" }, seed);
    const a = device(1, 2, CRYPTO, options(1));
    const b = device(2, 1, CRYPTO, options(2));
    const [first] = datagrams(a.send(innerPacket(1, 2, 1), 1_000));
    const [response] = datagrams(b.receive(first as Uint8Array, A, 1_001, true));
    expect(response?.length).toBe(18 + 92);
    expect(datagrams(a.receive(response as Uint8Array, B, 1_002, true)).length).toBe(1);
    expect(b.counters).toMatchObject({ limited: 0, cookiesSent: 0 });
    const strangers = (STRANGERS_PER_SECOND + RATE_LIMIT_BURST) * 2;
    for (let stranger = 0; stranger < strangers; stranger += 1) {
      const at = { address: Uint8Array.of(10, 0, stranger >> 8, stranger & 255), port: 9, scope: 0 };
      expect(b.receive(first as Uint8Array, at, 1_100, true)).toEqual([]);
    }
    expect(b.counters.limited).toBe(strangers - STRANGERS_PER_SECOND);
  });

  test("mac2 of another address, and mac2 after the cookie's two minutes, is not enough", () => {
    const a = device(1, 2);
    const b = device(2, 1);
    const [first] = datagrams(a.send(innerPacket(1, 2, 1), 1_000));
    const [cookie] = datagrams(b.receive(first as Uint8Array, A, 1_001, true));
    a.receive(cookie as Uint8Array, B, 1_002);
    const [retry] = datagrams(a.tick(a.nextDeadline()));
    expect(datagrams(b.receive(retry as Uint8Array, endpoint(9), 7_000, true))[0]?.length).toBe(64);
    expect(datagrams(b.receive(retry as Uint8Array, A, 122_000, true))[0]?.length).toBe(64);
    expect(b.peerByKey(publicKeyOf(1))?.stats.lastHandshake).toBeUndefined();
  });

  test("the initiator forgets a cookie after its two minutes", () => {
    const a = device(1, 2);
    const b = device(2, 1);
    const [first] = datagrams(a.send(innerPacket(1, 2, 1), 1_000));
    const [cookie] = datagrams(b.receive(first as Uint8Array, A, 1_001, true));
    a.receive(cookie as Uint8Array, B, 1_002);
    const mac2 = (outputs: readonly Output[]): boolean =>
      datagrams(outputs)[0]
        ?.subarray(132)
        .some((byte) => byte !== 0) === true;
    expect(mac2(a.tick(a.nextDeadline()))).toBe(true);
    expect(mac2(a.tick(121_001))).toBe(true);
    expect(mac2(a.tick(130_000))).toBe(false);
  });

  test("cookies are sealed with the key the device has now", () => {
    const a = device(1, 5);
    const b = device(2, 1);
    b.configure({ ...deviceConfig(5, [1]) }, 500);
    const [first] = datagrams(a.send(innerPacket(1, 5, 1), 1_000));
    const [cookie] = datagrams(b.receive(first as Uint8Array, A, 1_001, true));
    a.receive(cookie as Uint8Array, B, 1_002);
    const [retry] = datagrams(a.tick(a.nextDeadline()));
    expect(datagrams(b.receive(retry as Uint8Array, A, 7_000, true))[0]?.length).toBe(92);
  });

  test("with cookies off strangers cost so many Diffie-Hellmans a second, and a peer that is where it was gets in", () => {
    const a = device(1, 2);
    const { crypto, counts } = counting();
    const b = device(2, 1, crypto, { cookies: false });
    b.setEndpoint(publicKeyOf(1), A);
    const [first] = datagrams(a.send(innerPacket(1, 2, 1), 1_000));
    const forged = (first as Uint8Array).slice();
    forged.fill(7, 8, 116);
    writeMacs(CRYPTO, forged, mac1Key(CRYPTO, publicKeyOf(2)), undefined);
    counts.dh = 0;
    for (let host = 0; host < 2_000; host += 1) {
      const from = { ...A, address: Uint8Array.of(198, 51, host >>> 8, host & 0xff) };
      expect(b.receive(forged, from, 1_001, true)).toEqual([]);
    }
    expect(counts.dh).toBe(STRANGERS_PER_SECOND);
    expect(b.receive(first as Uint8Array, { ...A, address: Uint8Array.of(203, 0, 113, 9) }, 1_001, true)).toEqual([]);
    expect(b.counters).toMatchObject({ limited: 2_001 - STRANGERS_PER_SECOND, cookiesSent: 0, handshakes: 2_001 });
    expect(datagrams(b.receive(first as Uint8Array, A, 1_001, true))[0]?.length).toBe(92);
    for (let again = 0; again < 100; again += 1) b.receive(first as Uint8Array, A, 1_002, true);
    expect(b.counters.replayedHandshake).toBe(RATE_LIMIT_BURST - 1);
  });

  test("with cookies off a response is taken that answers what was asked, and no other", () => {
    const { crypto, counts } = counting();
    const a = device(1, 2, crypto, { cookies: false });
    const b = device(2, 1);
    const [first] = datagrams(a.send(innerPacket(1, 2, 1), 1_000));
    const [response] = datagrams(b.receive(first as Uint8Array, A, 1_001));
    const forged = (response as Uint8Array).slice();
    forged[8] = (forged[8] as number) ^ 1;
    writeMacs(CRYPTO, forged, mac1Key(CRYPTO, publicKeyOf(1)), undefined);
    counts.dh = 0;
    a.receive(forged, endpoint(9), 1_002, true);
    expect(counts.dh).toBe(0);
    expect(datagrams(a.receive(response as Uint8Array, B, 1_002, true))).toHaveLength(1);
  });

  test("what is no handshake, or not for us, is not counted as one", () => {
    const a = device(1, 2);
    const b = device(2, 1);
    const [first] = datagrams(a.send(innerPacket(1, 2, 1), 1_000));
    const otherMac = (first as Uint8Array).slice();
    otherMac[120] = (otherMac[120] as number) ^ 1;
    b.receive(otherMac, A, 1_001);
    b.receive(Uint8Array.of(4, 0, 0, 0, ...new Array<number>(60).fill(9)), A, 1_001);
    b.receive(new Uint8Array(20), A, 1_001);
    expect(b.counters).toMatchObject({ handshakes: 0, badHandshake: 1, unknownIndex: 1, unrecognised: 1 });
    b.receive(first as Uint8Array, A, 1_001);
    expect(b.counters.handshakes).toBe(1);
  });

  test("a cookie reply that was not asked for, or to another message, is not kept", () => {
    const a = device(1, 2);
    const b = device(2, 1);
    const [first] = datagrams(a.send(innerPacket(1, 2, 1), 1_000));
    const [cookie] = datagrams(b.receive(first as Uint8Array, A, 1_001, true));
    const bad = (cookie as Uint8Array).slice();
    bad[40] = (bad[40] as number) ^ 1;
    a.receive(bad, B, 1_002);
    const [retry] = datagrams(a.tick(a.nextDeadline()));
    expect(retry?.subarray(132).every((byte) => byte === 0)).toBe(true);
    a.receive(cookie as Uint8Array, B, 7_000);
    const [again] = datagrams(a.tick(a.nextDeadline()));
    expect(again?.subarray(132).every((byte) => byte === 0)).toBe(true);
  });

  test("even who proves its address gets only so many handshakes", () => {
    const { crypto, counts } = counting();
    const a = device(1, 2);
    const b = device(2, 1, crypto);
    const [first] = datagrams(a.send(innerPacket(1, 2, 1), 1_000));
    const [cookie] = datagrams(b.receive(first as Uint8Array, A, 1_001, true));
    a.receive(cookie as Uint8Array, B, 1_002);
    const [retry] = datagrams(a.tick(a.nextDeadline()));
    counts.dh = 0;
    for (let copy = 0; copy < 100; copy += 1) b.receive(retry as Uint8Array, A, 7_000, true);
    expect(b.counters.limited).toBe(1 + 100 - RATE_LIMIT_BURST);
    expect(b.counters.replayedHandshake).toBe(RATE_LIMIT_BURST - 1);
    expect(counts.dh).toBeLessThanOrEqual(RATE_LIMIT_BURST + 3);
  });
});

describe("an initiator under load", () => {
  test("asks the responder for its address too; its next response proves it", () => {
    const a = device(1, 2);
    const b = device(2, 1);
    const [first] = datagrams(a.send(innerPacket(1, 2, 1), 1_000));
    const [response] = datagrams(b.receive(first as Uint8Array, A, 1_001));
    const [cookie] = datagrams(a.receive(response as Uint8Array, B, 1_002, true));
    expect(cookie?.length).toBe(64);
    expect(a.peerByKey(publicKeyOf(2))?.currentSession(1_002)).toBeUndefined();
    b.receive(cookie as Uint8Array, A, 1_003);
    const [retry] = datagrams(a.tick(a.nextDeadline()));
    const [proven] = datagrams(b.receive(retry as Uint8Array, A, 7_000));
    expect(proven?.subarray(76).some((byte) => byte !== 0)).toBe(true);
    const last = a.receive(proven as Uint8Array, B, 7_001, true);
    expect(datagrams(last).map(({ length }) => length)).toEqual([32 + 48]);
  });
});

describe("what costs nothing", () => {
  test("a message that the hot path could not open is not opened again, but in another reading", () => {
    const { crypto, counts } = counting();
    const a = device(1, 2);
    const b = device(2, 1, crypto);
    const [first] = datagrams(a.send(innerPacket(1, 2, 1), 1_000));
    const [response] = datagrams(b.receive(first as Uint8Array, A, 1_001));
    const [data] = datagrams(a.receive(response as Uint8Array, B, 1_002));
    counts.aeadOpen = 0;
    expect(b.receive(data as Uint8Array, A, 1_003, false, true)).toEqual([]);
    expect([counts.aeadOpen, b.counters.badTransport]).toEqual([0, 1]);
    expect(b.receive(data as Uint8Array, A, 1_003).some(({ kind }) => kind === "inner")).toBe(true);
    expect(counts.aeadOpen).toBe(1);
  });

  test("a datagram of the size and type of a handshake costs one mac, transport to an unknown index nothing", () => {
    const { crypto, counts } = counting();
    const b = device(2, 1, crypto);
    const noise = new SeededSources(9);
    counts.mac16 = 0;
    counts.dh = 0;
    for (const [type, length] of [
      [1, 148],
      [2, 92],
      [3, 64],
      [4, 148],
    ] as const) {
      const bytes = new Uint8Array(length);
      noise.fillRandom(bytes);
      bytes.set([type, 0, 0, 0]);
      expect(b.receive(bytes, A, 1_000)).toEqual([]);
    }
    expect(counts).toEqual({ dh: 0, mac16: 2, aeadOpen: 0 });
    expect(b.counters).toMatchObject({ badHandshake: 3, unknownIndex: 1 });
  });

  test("AmneziaWG where everything could be anything: one mac for each handshake message it could be, and no more", () => {
    const { crypto, counts } = counting();
    const words = {
      h1: "0-1073741823",
      h2: "1073741824-2147483647",
      h3: "2147483648-3221225471",
      h4: "3221225472-4294967295",
    };
    const options = engineOptions({ ...words, s1: "12", s2: "35", s3: "71", s4: "17", random_trailers: "1" }, 2);
    const b = device(2, 1, crypto, options);
    const noise = new SeededSources(9);
    counts.mac16 = 0;
    counts.dh = 0;
    const datagrams = 500;
    let readings = 0;
    for (let sent = 0; sent < datagrams; sent += 1) {
      const bytes = new Uint8Array(300);
      noise.fillRandom(bytes);
      readings += options.wire.candidates(bytes).length;
      expect(b.receive(bytes, A, 1_000)).toEqual([]);
    }
    expect(counts).toMatchObject({ dh: 0, aeadOpen: 0 });
    expect(counts.mac16).toBeGreaterThan(0);
    expect(counts.mac16).toBeLessThanOrEqual(readings);
    expect(counts.mac16).toBeLessThanOrEqual(2 * datagrams);
  });
});
