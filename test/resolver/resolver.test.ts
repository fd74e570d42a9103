import { decode, encode } from "dns-packet";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { serverText } from "../../src/model/dns/name-server.ts";
import type { NameService } from "../../src/model/dns/name-service.ts";
import type { NamedAddress } from "../../src/resolver/answers.ts";
import { encodeQuery, readQuery, readReply, type ServerReply } from "../../src/resolver/message.ts";
import { Resolver } from "../../src/resolver/resolver.ts";
import { SEED } from "../support/seeded.ts";

const SERVICE: NameService = {
  listen: "127.0.0.97",
  servers: ["192.0.2.53", "192.0.2.54"],
  split: { "inner.example": ["10.0.0.53"], "deep.inner.example": ["10.0.0.54"] },
  sets: [
    { set: "names-a", domains: [{ kind: "suffix", name: "corp.example" }] },
    {
      set: "names-b",
      domains: [
        { kind: "exact", name: "www.corp.example" },
        { kind: "keyword", name: "shop" },
      ],
    },
  ],
  graceSeconds: 100,
};

const reply = (records: ServerReply["records"], code = 0): ServerReply => ({
  code,
  truncated: false,
  records,
  authorities: [],
});
const a = (name: string, data: string, ttl = 30) => ({ type: "A" as const, name, data, ttl });

interface Log {
  readonly asked: string[];
  readonly filled: { readonly set: string; readonly addresses: readonly NamedAddress[] }[];
}

function resolverWith(
  answer: (server: string, name: string) => ServerReply | undefined,
  { canFill = true }: { readonly canFill?: boolean } = {},
) {
  const log: Log = { asked: [], filled: [] };
  let now = 0;
  const resolver = new Resolver(SERVICE, {
    ask: async (server, { name }) => {
      log.asked.push(`${serverText(server)} ${name}`);
      return answer(serverText(server), name);
    },
    fill: async (set, addresses) => {
      log.filled.push({ set, addresses });
      return canFill;
    },
    nowMs: () => now,
  });
  const query = async (name: string, type: "A" | "AAAA" | "MX" = "A") => {
    const bytes = await resolver.answer(encodeQuery(7, { name, type }), { overTcp: false });
    const packet = decode(Buffer.from(bytes ?? []));
    return { code: (packet as { rcode?: string }).rcode, id: packet.id, answers: packet.answers ?? [] };
  };
  return { resolver, query, log, pass: (ms: number) => (now += ms) };
}

describe("the resolver", () => {
  test("fills the sets of a name before it answers, with TTL and grace; aliases count by the asked name", async () => {
    const alias = { type: "CNAME" as const, name: "www.corp.example", data: "cdn.example", ttl: 300 };
    const { query, log } = resolverWith(() => reply([alias, a("cdn.example", "198.51.100.7")]));
    expect((await query("WWW.Corp.Example")).answers).toHaveLength(2);
    const addresses = [{ address: "198.51.100.7", seconds: 130 }];
    expect(log.filled).toEqual([
      { set: "names-a", addresses },
      { set: "names-b", addresses },
    ]);
  });

  test("a name of no rule fills nothing", async () => {
    const { query, log } = resolverWith((_, name) => reply([a(name, "198.51.100.7")]));
    expect(await query("other.example")).toMatchObject({ code: "NOERROR", id: 7 });
    expect(log.filled).toEqual([]);
  });

  test("a name does not resolve if its set cannot be filled", async () => {
    const { query } = resolverWith((_, name) => reply([a(name, "198.51.100.7")]), { canFill: false });
    expect(await query("a.corp.example")).toMatchObject({ code: "SERVFAIL", answers: [] });
  });

  test("what leads to no other host fills nothing", async () => {
    const addresses = ["127.0.0.1", "169.254.1.1", "224.0.0.1", "0.0.0.0", "255.255.255.255"];
    const { query, log } = resolverWith((_, name) => reply(addresses.map((one) => a(name, one))));
    await query("a.corp.example");
    expect(log.filled).toEqual([]);
  });

  test("an IPv4 address in the form of IPv6 is filled as IPv4, and a program gets no more addresses than its set", async () => {
    const mapped = [{ type: "AAAA" as const, name: "a.corp.example", data: "::ffff:198.51.100.7", ttl: 30 }];
    const first = resolverWith(() => reply(mapped));
    await first.query("a.corp.example", "AAAA");
    expect(first.log.filled[0]?.addresses).toEqual([{ address: "198.51.100.7", seconds: 130 }]);
    const many = Array.from({ length: 70 }, (_, index) => a("a.corp.example", `198.51.100.${index}`));
    const second = resolverWith(() => reply(many));
    const question = encodeQuery(7, { name: "a.corp.example", type: "A" });
    const answer = decode(Buffer.from((await second.resolver.answer(question, { overTcp: true })) ?? []));
    expect([answer.answers?.length, second.log.filled[0]?.addresses.length]).toEqual([64, 64]);
  });

  test("a kept answer fills its set again and ages; after its TTL the server is asked again", async () => {
    const { query, log, pass } = resolverWith((_, name) => reply([a(name, "198.51.100.7", 30)]));
    await query("a.corp.example");
    pass(20_000);
    expect((await query("a.corp.example")).answers).toMatchObject([{ ttl: 10 }]);
    expect(log.filled.map(({ addresses }) => addresses[0]?.seconds)).toEqual([130, 110]);
    pass(11_000);
    await query("a.corp.example");
    expect(log.asked).toEqual(["192.0.2.53 a.corp.example", "192.0.2.53 a.corp.example"]);
  });

  test("each name goes to its servers, and to the next where one fails", async () => {
    const { query, log } = resolverWith((server, name) =>
      server === "192.0.2.53" ? undefined : server.startsWith("10.") ? reply([], 2) : reply([a(name, "198.51.100.7")]),
    );
    expect(await query("x.example")).toMatchObject({ code: "NOERROR" });
    expect(await query("a.inner.example")).toMatchObject({ code: "SERVFAIL" });
    await query("deep.inner.example");
    await query("notinner.example");
    expect(log.asked).toEqual([
      "192.0.2.53 x.example",
      "192.0.2.54 x.example",
      "10.0.0.53 a.inner.example",
      "10.0.0.54 deep.inner.example",
      "192.0.2.53 notinner.example",
      "192.0.2.54 notinner.example",
    ]);
  });

  test("an answer that is too long for a datagram is cut, and whole over TCP", async () => {
    const many = Array.from({ length: 100 }, (_, index) => a("x.example", `198.51.100.${index}`));
    const { resolver } = resolverWith(() => reply(many));
    const plain = encode({ type: "query", id: 1, questions: [{ type: "A", name: "x.example" }] });
    const [udp, tcp] = [
      await resolver.answer(plain, { overTcp: false }),
      await resolver.answer(plain, { overTcp: true }),
    ];
    expect([udp?.length, decode(Buffer.from(udp ?? [])).flag_tc]).toEqual([27, true]);
    expect(decode(Buffer.from(tcp ?? [])).answers).toHaveLength(64);
  });

  test("a record that a program would read as another one fails the name", async () => {
    // A label with a dot becomes an empty one, which ends the name.
    const { query } = resolverWith(() => reply([a("ww..corp.example", "198.51.100.7")]));
    expect(await query("a.corp.example")).toMatchObject({ code: "SERVFAIL", answers: [] });
  });

  test("other messages than queries get no answer or an error, whatever their bytes", async () => {
    const { resolver } = resolverWith(() => undefined);
    const query = encodeQuery(9, { name: "a.example", type: "A" });
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 80 }), fc.nat(query.length - 1), async (noise, at) => {
        const mixed = Uint8Array.from([...query.slice(0, at), ...noise]);
        for (const bytes of [noise, mixed]) {
          const answer = await resolver.answer(bytes, { overTcp: false });
          if (answer !== undefined) expect(answer[0]).toBe(bytes[0]);
          readReply(bytes, 9, { name: "a.example", type: "A" });
          readQuery(bytes);
        }
      }),
      { seed: SEED, numRuns: 2000 },
    );
  });

  test("a reply to another query, name or type is ignored", () => {
    const bytes = encode({
      type: "response",
      id: 9,
      questions: [{ type: "A", name: "a.example" }],
      answers: [a("a.example", "198.51.100.7")],
    });
    expect(readReply(bytes, 9, { name: "a.example", type: "A" })?.records).toHaveLength(1);
    expect(readReply(bytes, 8, { name: "a.example", type: "A" })).toBe(undefined);
    expect(readReply(bytes, 9, { name: "b.example", type: "A" })).toBe(undefined);
    expect(readReply(bytes, 9, { name: "a.example", type: "AAAA" })).toBe(undefined);
    expect(readReply(encodeQuery(9, { name: "a.example", type: "A" }), 9, { name: "a.example", type: "A" })).toBe(
      undefined,
    );
  });
});

test("a name with known addresses is asked of no server, whatever is asked of it", async () => {
  const asked: string[] = [];
  const service = { ...SERVICE, known: { "login.hotel.example": ["192.168.1.9"] } };
  const resolver = new Resolver(service, {
    ask: async (_, { name }) => {
      asked.push(name);
      return reply([]);
    },
    fill: async () => true,
    nowMs: () => 0,
  });
  const answersTo = async (name: string, type: "A" | "AAAA") => {
    const bytes = await resolver.answer(encodeQuery(1, { name, type }), { overTcp: false });
    return decode(Buffer.from(bytes ?? [])).answers?.map((one) => ("data" in one ? one.data : ""));
  };
  expect(await answersTo("Login.Hotel.example", "A")).toEqual(["192.168.1.9"]);
  expect(await answersTo("login.hotel.example", "AAAA")).toEqual([]);
  expect(asked).toEqual([]);
  await answersTo("other.login.hotel.example", "A");
  await answersTo("constructor", "A");
  expect(asked).toEqual(["other.login.hotel.example", "constructor"]);
});
