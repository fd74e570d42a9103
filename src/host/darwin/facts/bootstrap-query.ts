import { randomInt } from "node:crypto";
import { createSocket } from "node:dgram";
import { type Answer, MOST_ALIASES, readAnswer } from "../../../model/dns/answer.ts";
import {
  type AddressRecord,
  canonicalName,
  encodeQuestion,
  type Question,
  RECORD,
} from "../../../model/dns/question.ts";
import { type Family, parseIp } from "../../../model/ip.ts";

/** Time limit for one server and one query, and queries per server. */
const ANSWER_MS = 1500;
const ROUNDS = 2;
const DNS_PORT = 53;

/** Which servers to query, and by which uplink. */
export interface BootstrapQuery {
  /** The servers' addresses, in query order. */
  readonly servers: readonly string[];
  /** Binds a socket to the uplink of a family, around every tunnel. */
  readonly bind: (fd: number, family: Family) => void;
  /** 53 unless given. */
  readonly port?: number;
}

/**
 * Resolves a name by the bootstrap servers alone, by sockets bound to a physical interface, so that a query never
 * enters the tunnel whose endpoint is being resolved (darwin-notes 4). If one server is silent, the next is queried.
 *
 * @returns IPv6 first, each in the server's order; empty where no server answered in time
 */
export async function resolveByBootstrap(host: string, query: BootstrapQuery): Promise<readonly string[]> {
  const name = canonicalName(host);
  if (name === undefined) return [];
  const answers = await Promise.all([RECORD.aaaa, RECORD.a].map((type) => queryServers(name, type, query)));
  return answers.flat();
}

async function queryServers(name: string, type: AddressRecord, query: BootstrapQuery): Promise<readonly string[]> {
  for (const server of Array.from({ length: ROUNDS }, () => query.servers).flat()) {
    const answer = await followAliases(name, type, server, query);
    if (answer?.kind === "addresses") return answer.addresses;
  }
  return [];
}

async function followAliases(
  name: string,
  type: AddressRecord,
  server: string,
  query: BootstrapQuery,
): Promise<Answer | undefined> {
  let asked = name;
  for (let aliases = 0; aliases < MOST_ALIASES; aliases += 1) {
    const answer = await askOnce({ id: randomInt(0x10000), name: asked, type }, server, query);
    if (answer?.kind !== "alias") return answer;
    asked = answer.name;
  }
  return undefined;
}

/** Ignores packets that do not answer this query until the time limit. */
async function askOnce(
  question: Question,
  server: string,
  { bind, port = DNS_PORT }: BootstrapQuery,
): Promise<Answer | undefined> {
  const family = parseIp(server)?.family;
  if (family === undefined) return undefined;
  const { promise, resolve } = Promise.withResolvers<Answer | undefined>();
  const timer = setTimeout(() => resolve(undefined), ANSWER_MS);
  const socket = createSocket(family === 4 ? "udp4" : "udp6");
  socket.on("error", () => resolve(undefined));
  socket.on("message", (message) => {
    const answer = readAnswer(message, question);
    if (answer !== undefined) resolve(answer);
  });
  socket.bind(0, () => {
    try {
      bind(descriptorOf(socket), family);
    } catch {
      resolve(undefined);
      return;
    }
    // A connected socket receives from its server alone.
    socket.connect(port, server, (error?: Error) => {
      if (error === undefined || error === null) socket.send(encodeQuestion(question), () => {});
      else resolve(undefined);
    });
  });
  try {
    return await promise;
  } finally {
    clearTimeout(timer);
    socket.close();
  }
}

/** Node has no API for the descriptor; it is in the socket's handle (lib/dgram.js). */
function descriptorOf(socket: object): number {
  for (const symbol of Object.getOwnPropertySymbols(socket)) {
    const state = (socket as Record<symbol, { readonly handle?: { readonly fd?: number } } | undefined>)[symbol];
    const fd = state?.handle?.fd;
    if (typeof fd === "number" && fd >= 0) return fd;
  }
  throw new Error("a socket without a descriptor");
}
