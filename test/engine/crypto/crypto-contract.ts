import { describe, expect, test } from "vitest";
import type { Crypto } from "../../../src/engine/crypto/crypto.ts";
import { kdf } from "../../../src/engine/crypto/kdf.ts";
import { fromHex, toHex, vectors } from "../support/vectors.ts";

interface AeadVector {
  readonly counter?: string;
  readonly key: string;
  readonly nonce: string;
  readonly ad: string;
  readonly pt: string;
  readonly ct: string;
}

/** A Wycheproof file of AEAD cases. */
export interface WycheproofAead {
  readonly testGroups: readonly {
    readonly ivSize: number;
    readonly tests: readonly {
      readonly tcId: number;
      readonly key: string;
      readonly iv: string;
      readonly aad: string;
      readonly msg: string;
      readonly ct: string;
      readonly tag: string;
      readonly result: "valid" | "invalid";
    }[];
  }[];
}

/** What every implementation of the crypto port must do; each runs it under its name. */
export function cryptoContract(crypto: Crypto): void {
  describe(`crypto port: ${crypto.name}`, () => {
    hashes(crypto);
    ciphers(crypto);
    curves(crypto);

    test("wipe leaves zeros", () => {
      const key = new Uint8Array(32).fill(7);
      crypto.wipe(key);
      expect(key.every((byte) => byte === 0)).toBe(true);
    });
  });
}

function hashes(crypto: Crypto): void {
  test("BLAKE2s gives the RFC's hashes and macs", () => {
    const { vectors: all } = vectors<{ vectors: { key: string; msg: string; size: number; out: string }[] }>(
      "blake2s.json",
    );
    let seen = 0;
    for (const { key, msg, size, out } of all) {
      if (key === "" && size === 32) expect(toHex(crypto.hash(fromHex(msg)))).toBe(out);
      else if (size === 16) expect(toHex(crypto.mac16(fromHex(key), fromHex(msg)))).toBe(out);
      else continue;
      seen += 1;
    }
    expect(seen).toBeGreaterThanOrEqual(5);
  });

  test("hashing in parts is hashing the whole, whatever the sizes", () => {
    const whole = Uint8Array.from({ length: 300 }, (_, index) => index);
    for (const cut of [0, 1, 63, 64, 65, 128, 299, 300]) {
      const inParts = crypto.hash(whole.subarray(0, cut), new Uint8Array(0), whole.subarray(cut));
      expect(toHex(inParts)).toBe(toHex(crypto.hash(whole)));
    }
  });

  test("the key derivation gives wireguard-go's keys", () => {
    const all = vectors<{ vectors: { key: string; input: string; outputs: string[] }[] }>("kdf.json").vectors;
    expect(all.length).toBe(3);
    for (const { key, input, outputs } of all) {
      expect(kdf(crypto, 3, fromHex(key), fromHex(input)).map(toHex)).toEqual(outputs);
      expect(kdf(crypto, 1, fromHex(key), fromHex(input)).map(toHex)).toEqual(outputs.slice(0, 1));
    }
  });
}

function ciphers(crypto: Crypto): void {
  test("ChaCha20-Poly1305 seals and opens the transport vectors", () => {
    const all = vectors<{ vectors: AeadVector[] }>("chacha20poly1305.json").vectors.filter(
      ({ counter }) => counter !== undefined && Number(counter) < 2 ** 53,
    );
    expect(all.length).toBeGreaterThanOrEqual(4);
    for (const { counter, key, ad, pt, ct } of all) {
      const sealed = crypto.aeadSeal(fromHex(key), Number(counter), fromHex(pt), fromHex(ad));
      expect(toHex(sealed)).toBe(ct);
      expect(toHex(crypto.aeadOpen(fromHex(key), Number(counter), sealed, fromHex(ad)))).toBe(pt);
    }
  });

  test("a flipped bit, a short input and a wrong counter open to nothing", () => {
    const key = new Uint8Array(32).fill(3);
    const ad = Uint8Array.of(1, 2);
    const sealed = crypto.aeadSeal(key, 2 ** 40 + 5, Uint8Array.of(9, 9, 9), ad);
    for (let index = 0; index < sealed.length; index += 1) {
      const bad = sealed.slice();
      bad[index] = (bad[index] as number) ^ 1;
      expect(crypto.aeadOpen(key, 2 ** 40 + 5, bad, ad)).toBeUndefined();
    }
    expect(crypto.aeadOpen(key, 5, sealed, ad)).toBeUndefined();
    expect(crypto.aeadOpen(key, 2 ** 40 + 5, sealed, Uint8Array.of(1))).toBeUndefined();
    for (let length = 0; length < 16; length += 1) {
      expect(crypto.aeadOpen(key, 0, sealed.subarray(0, length), ad)).toBeUndefined();
      expect(crypto.xaeadOpen(key, new Uint8Array(24), sealed.subarray(0, length), ad)).toBeUndefined();
    }
    expect(toHex(crypto.aeadOpen(key, 2 ** 40 + 5, sealed, ad))).toBe("090909");
  });

  test("XChaCha20-Poly1305 passes Wycheproof", () => {
    const groups = vectors<WycheproofAead>("wycheproof/xchacha20_poly1305_test.json").testGroups;
    const cases = groups.filter(({ ivSize }) => ivSize === 192).flatMap(({ tests }) => tests);
    expect(cases.length).toBeGreaterThan(200);
    for (const { tcId, key, iv, aad, msg, ct, tag, result } of cases) {
      const opened = crypto.xaeadOpen(fromHex(key), fromHex(iv), fromHex(ct + tag), fromHex(aad));
      expect(toHex(opened), `case ${tcId}`).toBe(result === "valid" ? msg : undefined);
      if (result !== "valid") continue;
      expect(toHex(crypto.xaeadSeal(fromHex(key), fromHex(iv), fromHex(msg), fromHex(aad)))).toBe(ct + tag);
    }
  });

  test("the ChaCha20 keystream is the one AmneziaWG 3 masks headers with", () => {
    const recorded = vectors<{ key: string; vectors: { nonce: string; keystream_160: string }[] }>(
      "awg3_header_protection.json",
    );
    expect(recorded.vectors.length).toBeGreaterThan(0);
    for (const { nonce, keystream_160: stream } of recorded.vectors) {
      for (const length of [0, 4, 16, 64, 148, 160]) {
        const made = crypto.chacha20Keystream(fromHex(recorded.key), fromHex(nonce), length);
        expect(toHex(made)).toBe(stream.slice(0, 2 * length));
      }
    }
  });
}

function curves(crypto: Crypto): void {
  test("X25519 gives the RFC's results and refuses keys of low order", () => {
    const recorded = vectors<{
      vectors: { scalar: string; u: string; out: string }[];
      must_reject_low_order_public_keys: { u: string; note: string }[];
    }>("x25519.json");
    for (const { scalar, u, out } of recorded.vectors) expect(toHex(crypto.dh(fromHex(scalar), fromHex(u)))).toBe(out);
    const refused = recorded.must_reject_low_order_public_keys;
    expect(refused.length).toBe(7);
    const scalar = new Uint8Array(32).fill(0x42);
    for (const { u, note } of refused) expect(crypto.dh(scalar, fromHex(u)), note).toBeUndefined();
    const base = new Uint8Array(32);
    base[0] = 9;
    expect(toHex(crypto.publicKey(scalar))).toBe(toHex(crypto.dh(scalar, base)));
  });

  test("X25519 passes Wycheproof", () => {
    const { testGroups } = vectors<{
      testGroups: { tests: { tcId: number; public: string; private: string; shared: string }[] }[];
    }>("wycheproof/x25519_test.json");
    const cases = testGroups.flatMap(({ tests }) => tests);
    expect(cases.length).toBe(518);
    for (const { tcId, public: publicKey, private: privateKey, shared } of cases) {
      const wanted = /^0*$/.test(shared) ? undefined : shared;
      expect(toHex(crypto.dh(fromHex(privateKey), fromHex(publicKey))), `case ${tcId}`).toBe(wanted);
    }
  });
}
