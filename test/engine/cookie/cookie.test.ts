import { describe, expect, test } from "vitest";
import { COOKIE_REFRESH_TIME, RATE_LIMIT_ADDRESSES } from "../../../src/engine/constants.ts";
import { createCookieReply, openCookieReply } from "../../../src/engine/cookie/cookie-reply.ts";
import { CookieSecret } from "../../../src/engine/cookie/cookie-secret.ts";
import { cookieKey, isMac1Valid, isMac2Valid, mac1Key, writeMacs } from "../../../src/engine/cookie/macs.ts";
import { RateLimiter } from "../../../src/engine/cookie/rate-limiter.ts";
import { NOBLE_CRYPTO as crypto } from "../../../src/engine/crypto/noble.ts";
import { endpoint } from "../support/link.ts";
import { SeededSources } from "../support/sources.ts";
import { fromHex, toHex, vectors } from "../support/vectors.ts";

interface MacVectors {
  readonly responder_public: string;
  readonly mac1_key: string;
  readonly cookie_encryption_key: string;
  readonly cookie_secret: string;
  readonly src_bytes: string;
  readonly cookie: string;
  readonly vectors: readonly {
    readonly message_without_macs: string;
    readonly mac1: string;
    readonly mac2: string;
    readonly cookie_reply_nonce: string;
    readonly cookie_reply_ciphertext: string;
  }[];
}

describe("macs and cookies, recorded", () => {
  const recorded = vectors<MacVectors>("mac_cookie.json");

  test("keys, mac1, mac2 and the cookie reply are the recorded bytes", () => {
    const responder = fromHex(recorded.responder_public);
    expect(toHex(mac1Key(crypto, responder))).toBe(recorded.mac1_key);
    expect(toHex(cookieKey(crypto, responder))).toBe(recorded.cookie_encryption_key);
    const cookie = crypto.mac16(fromHex(recorded.cookie_secret), fromHex(recorded.src_bytes));
    expect(toHex(cookie)).toBe(recorded.cookie);
    expect(recorded.vectors.length).toBe(2);
    for (const each of recorded.vectors) {
      const body = fromHex(each.message_without_macs);
      const message = new Uint8Array(body.length + 32);
      message.set(body);
      writeMacs(crypto, message, fromHex(recorded.mac1_key), cookie);
      expect(toHex(message.subarray(body.length))).toBe(each.mac1 + each.mac2);
      expect(isMac1Valid(crypto, message, fromHex(recorded.mac1_key))).toBe(true);
      expect(isMac2Valid(crypto, message, cookie)).toBe(true);
      message[5] = (message[5] as number) ^ 1;
      expect(isMac1Valid(crypto, message, fromHex(recorded.mac1_key))).toBe(false);
      const inputs = {
        receiverIndex: 7,
        headerWord: 3,
        nonce: fromHex(each.cookie_reply_nonce),
        cookie,
        mac1: fromHex(each.mac1),
        key: fromHex(recorded.cookie_encryption_key),
      };
      const reply = createCookieReply(crypto, inputs);
      expect(toHex(reply.subarray(32))).toBe(each.cookie_reply_ciphertext);
      expect(toHex(openCookieReply(crypto, reply, inputs.key, inputs.mac1))).toBe(recorded.cookie);
      expect(openCookieReply(crypto, reply, inputs.key, fromHex(each.mac2))).toBeUndefined();
    }
  });
});

describe("cookies", () => {
  test("a cookie names address and port, and is another after two minutes", () => {
    const secret = new CookieSecret(crypto, new SeededSources(5));
    const first = toHex(secret.cookieFor(endpoint(1), 0));
    expect(toHex(secret.cookieFor(endpoint(1), COOKIE_REFRESH_TIME - 1))).toBe(first);
    expect(toHex(secret.cookieFor(endpoint(2), 1))).not.toBe(first);
    expect(toHex(secret.cookieFor(endpoint(1, 99), 1))).not.toBe(first);
    expect(toHex(secret.cookieFor(endpoint(1), COOKIE_REFRESH_TIME))).not.toBe(first);
  });
});

describe("the rate limiter", () => {
  const source = Uint8Array.of(192, 0, 2, 1);

  test("lets five through at once and then twenty a second", () => {
    const limiter = new RateLimiter();
    expect([0, 0, 0, 0, 0, 0].map((now) => limiter.allow(source, now))).toEqual([true, true, true, true, true, false]);
    let allowed = 0;
    for (let now = 1; now <= 10_000; now += 1) if (limiter.allow(source, now)) allowed += 1;
    expect(allowed).toBe(200);
    expect(limiter.allow(Uint8Array.of(192, 0, 2, 2), 10_000)).toBe(true);
  });

  test("counts an IPv6 source by its /64", () => {
    const limiter = new RateLimiter();
    const address = (host: number): Uint8Array => Uint8Array.from({ length: 16 }, (_, at) => (at === 15 ? host : 1));
    for (let host = 0; host < 5; host += 1) expect(limiter.allow(address(host), 0)).toBe(true);
    expect(limiter.allow(address(9), 0)).toBe(false);
  });

  test("remembers a bounded number of addresses, and none that fell silent", () => {
    const limiter = new RateLimiter();
    for (let number = 0; number < RATE_LIMIT_ADDRESSES + 5_000; number += 1) {
      limiter.allow(Uint8Array.of(10, number >> 16, number >> 8, number), 0);
    }
    expect(limiter.size).toBe(RATE_LIMIT_ADDRESSES);
    limiter.allow(source, 60_000);
    expect(limiter.size).toBe(1);
  });
});
