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

/** How long one server may take to answer one question, and how often each is asked. */
const ANSWER_MS = 1500;
const ROUNDS = 2;
const DNS_PORT = 53;

/** Whom to ask, and by which way. */
export interface BootstrapQuery {
  /** The servers, as addresses, in the order in which they are asked. */
  readonly servers: readonly string[];
  /** Binds a socket to the way out of a family, past every tunnel. */
  readonly bind: (fd: number, family: Family) => void;
  /** 53 unless given. */
  readonly port?: number;
}

/**
 * The addresses of a name, asked of the bootstrap servers alone by sockets bound to a physical interface, so that a
 * question never enters the tunnel it is asked for (darwin-notes 4). One server's silence leads to the next.
 *
 * @returns IPv6 first, each in the server's order; none where no server knew the name in time
 */
export async function resolveByBootstrap(host: string, asker: BootstrapQuery): Promise<readonly string[]> {
  const name = canonicalName(host);
  if (name === undefined) return [];
  const answers = await Promise.all([RECORD.aaaa, RECORD.a].map((type) => queryServers(name, type, asker)));
  return answers.flat();
}

async function queryServers(name: string, type: AddressRecord, asker: BootstrapQuery): Promise<readonly string[]> {
  for (const server of Array.from({ length: ROUNDS }, () => asker.servers).flat()) {
    const answer = await followAliases(name, type, server, asker);
    if (answer?.kind === "addresses") return answer.addresses;
  }
  return [];
}

async function followAliases(
  name: string,
  type: AddressRecord,
  server: string,
  asker: BootstrapQuery,
): Promise<Answer | undefined> {
  let asked = name;
  for (let aliases = 0; aliases < MOST_ALIASES; aliases += 1) {
    const answer = await askOnce({ id: randomInt(0x10000), name: asked, type }, server, asker);
    if (answer?.kind !== "alias") return answer;
    asked = answer.name;
  }
  return undefined;
}

/** What is no answer of this server to this question is passed over until the time is up. */
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
    // A connected socket hears its server alone.
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

/** Node names no descriptor; it is behind the socket's handle (lib/dgram.js). */
function descriptorOf(socket: object): number {
  for (const symbol of Object.getOwnPropertySymbols(socket)) {
    const state = (socket as Record<symbol, { readonly handle?: { readonly fd?: number } } | undefined>)[symbol];
    const fd = state?.handle?.fd;
    if (typeof fd === "number" && fd >= 0) return fd;
  }
  throw new Error("a socket without a descriptor");
}
