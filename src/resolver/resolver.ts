import type { NameServer } from "../model/dns/name-server.ts";
import type { NameRule, NameService } from "../model/dns/name-service.ts";
import { addressesIn, aged, boundedRecords, keptSeconds, knownRecords, type NamedAddress } from "./answers.ts";
import { compileChoice } from "./choose.ts";
import { type AskedQuestion, encodeRefusal, encodeReply, RCODE, readQuery, type ServerReply } from "./message.ts";

/** What the resolver asks of the world. */
export interface ResolverPorts {
  /** Queries a server; undefined if it does not answer in time. */
  readonly ask: (server: NameServer, question: AskedQuestion) => Promise<ServerReply | undefined>;
  /** Adds addresses to a set of the packet filter; false if that failed. */
  readonly fill: (set: string, addresses: readonly NamedAddress[]) => Promise<boolean>;
  /** Milliseconds of a clock that never steps. */
  readonly nowMs: () => number;
}

/** How a program asked. */
interface AskedBy {
  readonly overTcp: boolean;
  /** The rules of the listener that it asked; the service's when absent. */
  readonly rules?: readonly NameRule[];
}

interface Kept {
  readonly reply: ServerReply;
  readonly atMs: number;
  readonly untilMs: number;
}

const MOST_KEPT = 10_000;
const MOST_TCP_BYTES = 65_535;
/** Queries that are being answered at once; more are refused, so that memory is bounded. */
const MOST_AT_ONCE = 500;

/**
 * Answers queries of programs. The addresses of a name that a rule selects are in the rule's set before the program gets
 * them, so its first packet finds the set filled; if the set cannot be filled, the name does not resolve.
 */
export class Resolver {
  readonly #service: NameService;
  readonly #ports: ResolverPorts;
  readonly #choose: ReturnType<typeof compileChoice>;
  readonly #kept = new Map<string, Kept>();
  readonly #asked = new Map<string, Promise<ServerReply | undefined>>();
  readonly #numbers = new Map<readonly NameServer[], number>();
  #running = 0;

  constructor(service: NameService, ports: ResolverPorts) {
    this.#service = service;
    this.#ports = ports;
    this.#choose = compileChoice(service);
  }

  /** The reply to a program's message; undefined for what is no query. */
  async answer(bytes: Uint8Array, { overTcp, rules }: AskedBy): Promise<Uint8Array | undefined> {
    const question = readQuery(bytes);
    if (question === undefined) return undefined;
    if ("refusal" in question) return encodeRefusal(question.id, question.refusal);
    if (this.#running >= MOST_AT_ONCE) return encodeRefusal(question.id, RCODE.refused);
    this.#running += 1;
    try {
      const reply = await this.#resolve(question, rules ?? this.#service.rules);
      return encodeReply(question, reply, overTcp ? MOST_TCP_BYTES : question.mostBytes);
    } catch {
      return encodeReply(question, FAILED);
    } finally {
      this.#running -= 1;
    }
  }

  async #resolve(
    question: AskedQuestion,
    rules: readonly NameRule[] | undefined,
  ): Promise<Omit<ServerReply, "truncated">> {
    const known = knownRecords(question, this.#service);
    if (known !== undefined) return { code: 0, records: known, authorities: [] };
    const { sets, servers } = this.#choose(question.name, rules);
    const kept = await this.#lookUp(question, servers);
    if (kept === undefined) return FAILED;
    const passed = Math.floor((this.#ports.nowMs() - kept.atMs) / 1000);
    const records = boundedRecords(aged(kept.reply.records, passed));
    const addresses = addressesIn({ records });
    if (addresses.length > 0) {
      const grace = this.#service.graceSeconds;
      const lasting = addresses.map(({ address, seconds }) => ({ address, seconds: seconds + grace }));
      const filled = await Promise.all(sets.map((set) => this.#ports.fill(set, lasting)));
      if (filled.includes(false)) return FAILED;
    }
    return { code: kept.reply.code, records, authorities: aged(kept.reply.authorities, passed) };
  }

  async #lookUp(question: AskedQuestion, servers: readonly NameServer[]): Promise<Kept | undefined> {
    // Servers of different paths may answer differently.
    const key = `${question.type} ${question.name} ${this.#numberOf(servers)}`;
    const known = this.#kept.get(key);
    if (known !== undefined && this.#ports.nowMs() < known.untilMs) return known;
    const asking = this.#asked.get(key) ?? this.#askServers(question, servers);
    this.#asked.set(key, asking);
    try {
      const reply = await asking;
      if (reply === undefined) return undefined;
      const atMs = this.#ports.nowMs();
      const kept = { reply, atMs, untilMs: atMs + keptSeconds(reply) * 1000 };
      this.#keep(key, kept);
      return kept;
    } finally {
      this.#asked.delete(key);
    }
  }

  async #askServers(question: AskedQuestion, servers: readonly NameServer[]): Promise<ServerReply | undefined> {
    let last: ServerReply | undefined;
    for (const server of servers) {
      const reply = await this.#ports.ask(server, question);
      if (reply !== undefined && (reply.code === 0 || reply.code === 3)) return reply;
      last = reply ?? last;
    }
    return last;
  }

  #numberOf(servers: readonly NameServer[]): number {
    const number = this.#numbers.get(servers) ?? this.#numbers.size;
    this.#numbers.set(servers, number);
    return number;
  }

  #keep(key: string, kept: Kept): void {
    this.#kept.delete(key);
    this.#kept.set(key, kept);
    const [oldest] = this.#kept.keys();
    if (this.#kept.size > MOST_KEPT && oldest !== undefined) this.#kept.delete(oldest);
  }
}

const FAILED = { code: RCODE.serverFailure, records: [], authorities: [] } as const;
