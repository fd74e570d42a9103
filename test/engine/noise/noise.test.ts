import { describe, expect, test } from "vitest";
import { NOBLE_CRYPTO as crypto } from "../../../src/engine/crypto/noble.ts";
import { consumeInitiation, createInitiation, type Identity } from "../../../src/engine/noise/initiation.ts";
import { consumeResponse, createResponse } from "../../../src/engine/noise/response.ts";
import { isAfter, nextTimestamp, tai64n } from "../../../src/engine/noise/tai64n.ts";
import { privateKey, publicKeyOf } from "../support/link.ts";
import { toHex, vectors } from "../support/vectors.ts";

const [a, b] = [identity(1), identity(2)];
const psk = new Uint8Array(32).fill(9);

function identity(number: number): Identity {
  return { privateKey: privateKey(number), publicKey: publicKeyOf(number) };
}

function shared(own: Identity, remote: Uint8Array): Uint8Array {
  const result = crypto.dh(own.privateKey, remote);
  if (result === undefined) throw new Error("low order");
  return result;
}

function initiation(): NonNullable<ReturnType<typeof createInitiation>> {
  const made = createInitiation(crypto, {
    identity: a,
    remoteStatic: b.publicKey,
    staticShared: shared(a, b.publicKey),
    ephemeralPrivate: new Uint8Array(32).fill(11),
    timestamp: tai64n({ seconds: 1_790_000_000, nanoseconds: 5e8 }),
    senderIndex: 0xfeedface,
    headerWord: 1,
  });
  if (made === undefined) throw new Error("no initiation");
  return made;
}

function answer(message: Uint8Array): NonNullable<ReturnType<typeof createResponse>> {
  const state = consumeInitiation(crypto, b, message, (remote) => shared(b, remote));
  if (state === undefined) throw new Error("not read");
  const ephemeralPrivate = new Uint8Array(32).fill(12);
  const made = createResponse(crypto, state, { ephemeralPrivate, senderIndex: 77, presharedKey: psk, headerWord: 2 });
  if (made === undefined) throw new Error("no response");
  return made;
}

describe("Noise IKpsk2", () => {
  test("both sides end with the same keys, crosswise", () => {
    const { message, state } = initiation();
    const response = answer(message);
    const keys = consumeResponse(crypto, a, state, psk, response.message);
    expect(toHex(keys?.send)).toBe(toHex(response.keys.receive));
    expect(toHex(keys?.receive)).toBe(toHex(response.keys.send));
    expect([keys?.localIndex, keys?.remoteIndex]).toEqual([0xfeedface, 77]);
    expect([response.keys.localIndex, response.keys.remoteIndex]).toEqual([77, 0xfeedface]);
    expect(toHex(keys?.send)).not.toBe(toHex(keys?.receive));
  });

  test("the same inputs give the same bytes", () => {
    expect(toHex(initiation().message)).toBe(toHex(initiation().message));
    expect(toHex(answer(initiation().message).message)).toBe(toHex(answer(initiation().message).message));
  });

  test("an initiation with any sealed or ephemeral byte changed does not authenticate", () => {
    const { message } = initiation();
    for (let index = 8; index < 116; index += 1) {
      const bad = message.slice();
      bad[index] = (bad[index] as number) ^ (index === 39 ? 0x40 : 1);
      expect(
        consumeInitiation(crypto, b, bad, (remote) => shared(b, remote)),
        `byte ${index}`,
      ).toBeUndefined();
    }
  });

  test("a false response leaves the handshake waiting for the true one", () => {
    const { message, state } = initiation();
    const response = answer(message).message;
    for (let index = 12; index < 60; index += 1) {
      const bad = response.slice();
      bad[index] = (bad[index] as number) ^ (index === 43 ? 0x40 : 1);
      expect(consumeResponse(crypto, a, state, psk, bad), `byte ${index}`).toBeUndefined();
    }
    expect(consumeResponse(crypto, a, state, new Uint8Array(32), response)).toBeUndefined();
    expect(consumeResponse(crypto, a, state, psk, response)).toBeDefined();
  });

  test("a stranger costs no second Diffie-Hellman", () => {
    let exchanges = 0;
    const counting = {
      ...crypto,
      dh(own: Uint8Array, remote: Uint8Array) {
        exchanges += 1;
        return crypto.dh(own, remote);
      },
    };
    expect(consumeInitiation(counting, b, initiation().message, () => undefined)).toBeUndefined();
    expect(exchanges).toBe(1);
  });

  test("a peer with a key of low order gets no handshake", () => {
    const made = createInitiation(crypto, {
      identity: a,
      remoteStatic: new Uint8Array(32),
      staticShared: psk,
      ephemeralPrivate: psk.slice(),
      timestamp: tai64n({ seconds: 0, nanoseconds: 0 }),
      senderIndex: 1,
      headerWord: 1,
    });
    expect(made).toBeUndefined();
  });

  test("starts from the recorded chaining key and hash", () => {
    const recorded = vectors<{ initial_chain_key: string; initial_hash: string }>("noise_constants.json");
    const tokens: (string | undefined)[] = [];
    consumeInitiation(
      crypto,
      b,
      initiation().message,
      () => undefined,
      (token, chainingKey, hash) => {
        if (token === "init ck") tokens.push(toHex(chainingKey), toHex(hash));
      },
    );
    expect(tokens).toEqual([recorded.initial_chain_key, recorded.initial_hash]);
  });
});

describe("timestamps", () => {
  test("are the recorded labels, and move every 2^24 nanoseconds only", () => {
    const recorded = vectors<{
      vectors: { unix_s: number; nanos: number; whitened: string }[];
      monotonic_after: { base_ns: number; delta_ns: number; after: boolean }[];
    }>("tai64n.json");
    for (const { unix_s: seconds, nanos, whitened } of recorded.vectors) {
      expect(toHex(tai64n({ seconds, nanoseconds: nanos }))).toBe(whitened);
    }
    for (const { base_ns: base, delta_ns: delta, after } of recorded.monotonic_after) {
      const at = (nanoseconds: number): Uint8Array => tai64n({ seconds: 0, nanoseconds });
      expect(isAfter(at(base + delta), at(base))).toBe(after);
    }
    expect(recorded.vectors.length + recorded.monotonic_after.length).toBe(12);
  });

  test("the next one is always later, across the second too", () => {
    let timestamp = tai64n({ seconds: 5, nanoseconds: 0 });
    for (let step = 0; step < 130; step += 1) {
      const next = nextTimestamp(timestamp);
      expect(isAfter(next, timestamp)).toBe(true);
      expect(isAfter(timestamp, next)).toBe(false);
      timestamp = next;
    }
    expect(isAfter(timestamp, tai64n({ seconds: 7, nanoseconds: 0 }))).toBe(true);
  });
});
