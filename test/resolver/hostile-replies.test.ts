import { decode, encode } from "dns-packet";
import fc from "fast-check";
import { expect, test } from "vitest";
import type { NameService } from "../../src/model/dns/name-service.ts";
import { encodeQuery, readReply } from "../../src/resolver/message.ts";
import { Resolver } from "../../src/resolver/resolver.ts";
import { framed, messagesIn } from "../../src/resolver/upstream/framing.ts";
import { checkProperty, SEED } from "../support/seeded.ts";

const RUNS = 2000;
const QUESTION = { id: 9, name: "www.corp.example", type: "A", mostBytes: 512 };
const SERVICE: NameService = {
  listen: "127.0.0.97",
  servers: ["192.0.2.53"],
  sets: [{ set: "names-a", domains: [{ kind: "suffix", name: "corp.example" }] }],
  graceSeconds: 0,
};
/** Records of many kinds, as a server that follows the standards sends them. */
const REPLY = encode({
  type: "response",
  id: QUESTION.id,
  questions: [{ type: "A", name: QUESTION.name }],
  answers: [
    { type: "CNAME", name: QUESTION.name, data: "cdn.example", ttl: 30 },
    { type: "A", name: "cdn.example", data: "198.51.100.7", ttl: 30 },
    { type: "AAAA", name: "cdn.example", data: "2001:db8::7", ttl: 30 },
    { type: "TXT", name: "cdn.example", data: ["x", "y"], ttl: 30 },
    { type: "MX", name: "cdn.example", data: { preference: 1, exchange: "mx.example" }, ttl: 30 },
    { type: "SRV", name: "cdn.example", data: { port: 1, target: "srv.example" }, ttl: 30 },
    { type: "CAA", name: "cdn.example", data: { flags: 0, tag: "issue", value: "ca.example" }, ttl: 30 },
  ],
  authorities: [{ type: "SOA", name: "example", data: { mname: "a.example", rname: "b.example" }, ttl: 30 }],
});

/** Addresses that never lead to another host. */
const NO_HOST = /^(0|127|22[4-9]|2[3-5]\d)\.|^169\.254\.|^(ff|fe[89ab])/;

/** Noise, or the good reply with some bytes changed, cut or doubled behind its header. */
const damaged = fc.oneof(
  fc.uint8Array({ maxLength: 200 }).map((noise) => Uint8Array.from([...REPLY.subarray(0, 34), ...noise])),
  fc
    .tuple(
      fc.array(fc.tuple(fc.integer({ min: 34, max: REPLY.length - 1 }), fc.nat(255)), { maxLength: 3 }),
      fc.oneof(fc.constant(REPLY.length), fc.integer({ min: 12, max: REPLY.length })),
    )
    .map(([changes, length]) => {
      const bytes = Uint8Array.from(REPLY);
      for (const [at, value] of changes) bytes[at] = value;
      return bytes.subarray(0, length);
    }),
);

test("whatever a server sends, a program gets a whole answer of the allowed size, and its sets have what it gets", async () => {
  let read = 0;
  await fc.assert(
    fc.asyncProperty(damaged, fc.boolean(), async (bytes, overTcp) => {
      const reply = readReply(bytes, QUESTION.id, QUESTION);
      if (reply !== undefined) read += 1;
      const filled: string[] = [];
      const resolver = new Resolver(SERVICE, {
        ask: async () => reply,
        fill: async (_, addresses) => {
          filled.push(...addresses.map(({ address }) => address));
          return true;
        },
        nowMs: () => 0,
      });
      const answer = Buffer.from((await resolver.answer(encodeQuery(7, QUESTION), { overTcp })) ?? []);
      expect(decode(answer)).toMatchObject({ id: 7, type: "response" });
      if (!overTcp) expect(answer.length).toBeLessThanOrEqual(1232);
      const given = (decode(answer).answers ?? []).flatMap((one) => (one.type === "A" ? [one.data] : []));
      expect(given.filter((address) => !filled.includes(address) && !NO_HOST.test(address))).toEqual([]);
      for (const address of filled) expect(address).not.toMatch(NO_HOST);
    }),
    { seed: SEED, numRuns: RUNS },
  );
  // Most of them must be replies that are used, or this shows nothing.
  expect(read).toBeGreaterThan(RUNS / 10);
});

test("whatever a program asks, it gets an answer with its identifier, or none", async () => {
  const resolver = new Resolver(SERVICE, { ask: async () => undefined, fill: async () => true, nowMs: () => 0 });
  const label = fc.uint8Array({ minLength: 1, maxLength: 63 }).map((bytes) => [bytes.length, ...bytes]);
  const name = fc.array(label, { maxLength: 6 }).map((labels) => [...labels.flat(), 0]);
  const query = fc
    .tuple(name, fc.nat(0xffff), fc.nat(0xffff), fc.uint8Array({ maxLength: 40 }))
    .map(([bytes, type, flags, rest]) =>
      Uint8Array.from([
        0,
        9,
        flags >> 8,
        flags & 255,
        0,
        1,
        0,
        0,
        0,
        0,
        0,
        1,
        ...bytes,
        type >> 8,
        type & 255,
        0,
        1,
        ...rest,
      ]),
    );
  await fc.assert(
    fc.asyncProperty(query, async (bytes) => {
      const answer = await resolver.answer(bytes, { overTcp: false });
      if (answer !== undefined) expect([answer[0], answer[1]]).toEqual([0, 9]);
    }),
    { seed: SEED, numRuns: RUNS },
  );
});

test("messages of a stream are the same however it is cut", () => {
  const messages = fc.array(fc.uint8Array({ maxLength: 50 }), { maxLength: 8 });
  checkProperty(
    fc.property(messages, fc.integer({ min: 1, max: 9 }), fc.uint8Array({ maxLength: 3 }), (sent, piece, tail) => {
      const stream = Buffer.concat([...sent.map(framed), tail]);
      const found: Buffer[] = [];
      let rest: Buffer = Buffer.alloc(0);
      for (let at = 0; at < stream.length; at += piece) {
        const read = messagesIn(Buffer.concat([rest, stream.subarray(at, at + piece)]));
        found.push(...read.messages);
        rest = read.rest;
      }
      expect(found.slice(0, sent.length).map((one) => one.toString("hex"))).toEqual(
        sent.map((one) => Buffer.from(one).toString("hex")),
      );
    }),
    RUNS,
  );
});
