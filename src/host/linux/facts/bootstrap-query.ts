import { randomInt } from "node:crypto";
import { createSocket } from "node:dgram";
import { Socket } from "node:net";
import { type Answer, MOST_ALIASES, readAnswer } from "../../../model/dns/answer.ts";
import { type AddressRecord, encodeQuestion, type Question } from "../../../model/dns/question.ts";
import { parseIp } from "../../../model/ip.ts";
import type { EngineUser } from "../../../model/keeper-protocol.ts";
import { ENGINE_MARK } from "../../../model/ownership.ts";
import { openUnboundSocket } from "../../../native/linux/packet-io/unbound-socket.ffi.ts";

/** Time limit for one server and one query. */
const ANSWER_MS = 1500;
/** Queries per server. */
const ROUNDS = 2;
const DNS_PORT = 53;
/** RFC 1035 section 4.2.2: a message over TCP has its length in front, in two bytes. */
const LENGTH_BYTES = 2;
const MAX_TCP_BYTES = LENGTH_BYTES + 65_535;

/** Which servers to query, and as which user. */
export interface DnsQueryOptions {
  /** The servers' addresses, in query order. */
  readonly servers: readonly string[];
  /** The user of the query's sockets; undefined: this process's own user. */
  readonly user: EngineUser | undefined;
  /** Whether no further query may begin; without it each server is queried twice. */
  readonly isOver?: () => boolean;
}

interface Server {
  readonly address: string;
  readonly family: 4 | 6;
  readonly port: number;
}

/**
 * Resolves a name by these servers alone, without files, caches or other servers. The sockets have our user and mark:
 * the firewall accepts them (S3.3) and the policy rules route them by the main table, never into the tunnel whose
 * endpoint is being resolved. If one server is silent, refuses or sends an invalid answer, the next is queried.
 *
 * @param name canonical
 * @returns in the server's order; empty where no server answered in time
 */
export async function queryServers(
  name: string,
  type: AddressRecord,
  asker: DnsQueryOptions,
): Promise<readonly string[]> {
  const servers = asker.servers.map(serverOf).filter((server) => server !== undefined);
  const tries = Array.from({ length: ROUNDS }, () => servers).flat();
  for (const server of tries) {
    if (asker.isOver?.() === true) break;
    const answer = await followAliases(name, type, server, asker.user);
    if (answer?.kind === "addresses") return answer.addresses;
  }
  return [];
}

/** Most servers include an alias's addresses; the others need one more query. */
async function followAliases(
  name: string,
  type: AddressRecord,
  server: Server,
  user: EngineUser | undefined,
): Promise<Answer | undefined> {
  let asked = name;
  for (let aliases = 0; aliases < MOST_ALIASES; aliases += 1) {
    const answer = await askOnce({ id: randomInt(0x10000), name: asked, type }, server, user);
    if (answer?.kind !== "alias") return answer;
    asked = answer.name;
  }
  return undefined;
}

async function askOnce(question: Question, server: Server, user: EngineUser | undefined): Promise<Answer | undefined> {
  const answer = await askByUdp(question, server, user);
  return answer?.kind === "truncated" ? askByTcp(question, server, user) : answer;
}

/** Ignores packets that do not answer this query until the time limit. */
function askByUdp(question: Question, server: Server, user: EngineUser | undefined): Promise<Answer | undefined> {
  return within((done) => {
    const fd = openUnboundSocket({ ...ours(user), family: server.family, stream: false });
    const socket = createSocket({ type: server.family === 4 ? "udp4" : "udp6" });
    socket.on("error", () => done(undefined));
    socket.on("message", (message) => {
      const answer = readAnswer(message, question);
      if (answer !== undefined) done(answer);
    });
    // A connected socket receives from its server alone (udp(7)).
    socket.bind({ fd, exclusive: true }, () => {
      socket.connect(server.port, server.address, (error?: Error) => {
        if (error === undefined || error === null) socket.send(encodeQuestion(question), () => {});
        else done(undefined);
      });
    });
    return () => socket.close();
  });
}

function askByTcp(question: Question, server: Server, user: EngineUser | undefined): Promise<Answer | undefined> {
  return within((done) => {
    const fd = openUnboundSocket({ ...ours(user), family: server.family, stream: true });
    const socket = new Socket({ fd, readable: true, writable: true });
    let received = new Uint8Array(0);
    socket.on("error", () => done(undefined));
    socket.on("end", () => done(undefined));
    socket.on("data", (chunk: Uint8Array) => {
      received = Buffer.concat([received, chunk]);
      const whole =
        received.length >= LENGTH_BYTES ? LENGTH_BYTES + Buffer.from(received).readUInt16BE(0) : MAX_TCP_BYTES;
      if (received.length >= whole) done(readAnswer(received.subarray(LENGTH_BYTES, whole), question));
    });
    const message = encodeQuestion(question);
    socket.connect(server.port, server.address, () => {
      socket.write(Uint8Array.of(message.length >>> 8, message.length & 0xff, ...message));
    });
    return () => socket.destroy();
  });
}

/** Runs `start` until it calls `done`, fails, or `ANSWER_MS` pass; the function it returns closes it. */
async function within(start: (done: (answer: Answer | undefined) => void) => () => void): Promise<Answer | undefined> {
  const { promise, resolve } = Promise.withResolvers<Answer | undefined>();
  const timer = setTimeout(() => resolve(undefined), ANSWER_MS);
  let close: (() => void) | undefined;
  try {
    close = start(resolve);
    return await promise;
  } catch {
    // No socket of this family, or none with our user: the next server or the next round may work.
    return undefined;
  } finally {
    clearTimeout(timer);
    close?.();
  }
}

function ours(user: EngineUser | undefined): { readonly mark?: number; readonly user?: EngineUser } {
  return user === undefined ? {} : { mark: ENGINE_MARK, user };
}

/** `192.0.2.53`, `2001:db8::53`, or with a port: `192.0.2.53:5353`, `[2001:db8::53]:5353`. */
function serverOf(text: string): Server | undefined {
  const [, six, four, port] = /^(?:\[([^\]]+)\]|([0-9.]+)):([0-9]{1,5})$/.exec(text) ?? [];
  const address = six ?? four ?? text;
  const ip = parseIp(address);
  return ip === undefined ? undefined : { address, family: ip.family, port: Number(port ?? DNS_PORT) };
}
