import type { RenderedTable } from "../../../../src/host/linux/nft/render/rendered-table.ts";
import type { Packet } from "../../../../src/model/firewall/packet.ts";
import { LOOPBACK_DEVICE, LOOPBACK_INDEX, PORTED_PROTOCOLS } from "../../../../src/model/firewall/packet.ts";
import { ipToBytes } from "../../../../src/model/ip.ts";
import { MARK_MASK, markOfPath, PATH_NUMBERS } from "../../../../src/model/ownership.ts";
import { CT_STATE, type Expression, type ExpressionOf } from "../../../../src/native/linux/nftables/expression.ts";
import { keyBytes } from "../../../../src/native/linux/nftables/set.codec.ts";

/** rtnetlink.h */
const RTN = { unicast: 1, local: 2 } as const;

/** What the wire form of a packet leaves open to the tester. */
export interface Wire {
  /** Bytes where a later fragment has payload in place of a transport header. */
  readonly junk?: Uint8Array;
  /** Ethernet type of a frame that is not IP. */
  readonly etherType?: number;
  /** Conntrack does not know the packet, so loads of ct break the rule off. */
  readonly untracked?: boolean;
  /** netdev hooks of the kernel do not look at the fragment offset when they load from the transport header. */
  readonly readsFragments?: boolean;
  /** The keys in sets of judged flows (S5.6), by set and hexadecimal; rules add to them. They hold nothing when absent. */
  readonly judged?: Map<string, Set<string>>;
}

export interface Outcome {
  readonly verdict: "accept" | "drop";
  readonly mark: number;
  /** The sets that it added an element to. */
  readonly remembered: readonly string[];
}

/** Thrown where a load breaks the rule off; one object, for stack traces are slow. */
const BROKEN = Symbol("broken off");

/** Executes a base chain as net/netfilter/nf_tables_core.c does: registers, jumps, verdicts, marks. */
export function runChain(table: RenderedTable, base: string, packet: Packet, wire: Wire = {}): Outcome {
  const machine = new Machine(table, packet, wire);
  return machine.run(base);
}

interface Index {
  readonly rules: ReadonlyMap<string, (readonly Expression[])[]>;
  readonly sets: ReadonlyMap<string, RenderedTable["sets"][number]>;
}

const indexes = new WeakMap<RenderedTable, Index>();

function indexOf(table: RenderedTable): Index {
  const known = indexes.get(table);
  if (known !== undefined) return known;
  const rules = new Map<string, (readonly Expression[])[]>(table.chains.map((chain) => [chain.name, []]));
  for (const rule of table.rules) rules.get(rule.chain)?.push(rule.expressions);
  const index = { rules, sets: new Map(table.sets.map((set) => [set.set.name, set])) };
  indexes.set(table, index);
  return index;
}

class Machine {
  readonly #rules: Index["rules"];
  readonly #sets: Index["sets"];
  readonly #table: RenderedTable;
  readonly #packet: Packet;
  readonly #wire: Wire;
  readonly #network: Uint8Array;
  readonly #transport: Uint8Array;
  readonly #registers = new Uint8Array(64);
  #mark: number;
  readonly #remembered: string[] = [];
  /** The pairs that rules add to compare a next hop with its destination (S4.6). */
  readonly #destinations = new Set<string>();

  constructor(table: RenderedTable, packet: Packet, wire: Wire) {
    this.#table = table;
    this.#packet = packet;
    this.#wire = wire;
    this.#mark = packet.mark ?? 0;
    const { rules, sets } = indexOf(table);
    this.#rules = rules;
    this.#sets = sets;
    this.#network = networkHeader(packet);
    this.#transport = transportHeader(packet, wire);
  }

  run(base: string): Outcome {
    const policy = this.#table.chains.find((chain) => chain.name === base)?.base?.policy;
    if (policy === undefined) throw new Error(`${base} is no base chain`);
    const verdict = this.#chain(base, 0);
    return { verdict: verdict ?? policy, mark: this.#mark, remembered: this.#remembered };
  }

  /** undefined: the end of the chain, or `return`. */
  #chain(name: string, depth: number): "accept" | "drop" | undefined {
    if (depth > 16) throw new Error("jumps too deep for the kernel");
    const rules = this.#rules.get(name);
    if (rules === undefined) throw new Error(`no chain ${name}`);
    for (const rule of rules) {
      const verdict = this.#rule(rule);
      if (verdict === undefined || verdict.code === "continue") continue;
      if (verdict.code === "accept" || verdict.code === "drop") return verdict.code;
      if (verdict.code === "return") return undefined;
      if (verdict.code === "goto") return this.#chain(verdict.chain, depth + 1);
      if (verdict.code !== "jump") throw new Error(`verdict ${verdict.code}`);
      const inner = this.#chain(verdict.chain, depth + 1);
      if (inner !== undefined) return inner;
    }
    return undefined;
  }

  #rule(rule: readonly Expression[]) {
    try {
      for (const expression of rule) {
        if (expression.kind === "verdict") return expression.verdict;
        if (!this.#step(expression)) return undefined;
      }
    } catch (error) {
      if (error !== BROKEN) throw error;
    }
    return undefined;
  }

  #step(expression: Expression): boolean {
    switch (expression.kind) {
      case "counter":
        return true;
      case "meta":
        this.#write(expression.register, this.#meta(expression.key));
        return true;
      case "meta-set":
        this.#set(expression.key, new DataView(this.#registers.buffer).getUint32(at(expression.source), true));
        return true;
      case "payload":
        this.#write(expression.register, this.#payload(expression.base, expression.offset, expression.length));
        return true;
      case "exthdr":
        this.#write(expression.register, this.#extension(expression));
        return true;
      case "ct":
        if (expression.direction === "reply" && expression.key.startsWith("dst-ip")) return this.#answerTo(expression);
        this.#write(expression.register, this.#conntrack(expression.key));
        return true;
      case "fib":
        if (expression.presenceOnly) {
          this.#write(expression.register, this.#wayBack(expression));
          return true;
        }
        if (expression.result !== "type") return fail(expression);
        if (expression.flags.join() === "saddr")
          this.#write(expression.register, host32(RTN[this.#isOwn() ? "local" : "unicast"]));
        else if (expression.flags.join() !== "daddr") return fail(expression);
        else this.#write(expression.register, host32(RTN[this.#packet.hook === "forward" ? "unicast" : "local"]));
        return true;
      case "notrack":
        return true;
      case "rt":
        this.#write(expression.register, this.#nextHop(expression));
        return true;
      case "cmp": {
        const order = Buffer.compare(this.#read(expression.register, expression.data.length), expression.data);
        return expression.operator === "eq"
          ? order === 0
          : expression.operator === "neq"
            ? order !== 0
            : fail(expression);
      }
      case "range": {
        const value = this.#read(expression.register, expression.from.length);
        const inside = Buffer.compare(value, expression.from) >= 0 && Buffer.compare(value, expression.to) <= 0;
        return inside === (expression.operator === "eq");
      }
      case "bitwise": {
        const value = this.#read(expression.source, expression.length);
        const { mask, xor } = expression;
        this.#write(
          expression.register,
          value.map((byte, index) => (byte & (mask[index] ?? 0)) ^ (xor[index] ?? 0)),
        );
        return true;
      }
      case "byteorder":
        this.#write(expression.register, this.#read(expression.source, expression.length).toReversed());
        return true;
      case "set-update":
        this.#judgedIn(expression.set)?.add(this.#keyOf(expression.set, expression.register));
        if (!expression.set.startsWith("on-link-")) this.#remembered.push(expression.set);
        return true;
      case "lookup":
        return this.#contains(expression.set, expression.register) !== expression.inverted;
      default:
        return fail(expression);
    }
  }

  #set(key: string, value: number): void {
    if (key === "mark") this.#mark = value;
    else throw new Error(key);
  }

  #contains(name: string, register: number): boolean {
    const found = this.#sets.get(name);
    if (found === undefined) throw new Error(`no set ${name}`);
    const judged = this.#judgedIn(name);
    if (judged !== undefined) return judged.has(this.#keyOf(name, register));
    if (name.startsWith("names-")) return (this.#packet.sets ?? []).includes(name.replace(/-v[46]$/, ""));
    const width = found.elements[0]?.from.length ?? 1;
    const key = this.#read(register, width);
    return found.elements.some(({ from, to = from }) => Buffer.compare(key, from) >= 0 && Buffer.compare(key, to) <= 0);
  }

  /** No packet of these tests is translated, so an answer's destination on the wire is what it carries. */
  #answerTo({ key, register }: Expression & { kind: "ct" }): boolean {
    const { destination, reply } = this.#packet;
    if (reply !== true || (key === "dst-ip6") !== (destination.family === 6)) throw BROKEN;
    this.#write(register, ipToBytes(destination));
    return true;
  }

  #judgedIn(name: string): Set<string> | undefined {
    if (name.startsWith("on-link-")) return this.#destinations;
    const { judged } = this.#wire;
    if (judged === undefined || !name.startsWith("judged-")) return undefined;
    const keys = judged.get(name) ?? new Set();
    judged.set(name, keys);
    return keys;
  }

  #keyOf(name: string, register: number): string {
    const fields = this.#sets.get(name)?.set.fields ?? [];
    return Buffer.from(this.#read(register, keyBytes(fields))).toString("hex");
  }

  /** nft_rt_get_eval of net/netfilter/nft_rt.c. */
  #nextHop({ key }: ExpressionOf<"rt">): Uint8Array {
    const { destination, byRouter } = this.#packet;
    if (key !== (destination.family === 4 ? "nexthop4" : "nexthop6")) throw BROKEN;
    const bytes = ipToBytes(destination);
    return byRouter === true ? bytes.map((byte) => byte ^ 255) : bytes;
  }

  /** Whether the packet is from this machine, in its own name. */
  #isOwn(): boolean {
    return this.#packet.hook === "output" && this.#packet.stranger !== true;
  }

  /** The state of what is not tracked is known all the same, its direction is not (nft_ct.c, nft_ct_get_eval). */
  #conntrack(key: string): Uint8Array {
    const { reply, related } = this.#packet;
    if (key === "state") {
      const tracked = related ? CT_STATE.related : reply ? CT_STATE.established : CT_STATE.new;
      return host32(this.#wire.untracked ? CT_STATE.untracked : tracked);
    }
    if (this.#wire.untracked) throw BROKEN;
    if (key !== "direction") throw BROKEN;
    return Uint8Array.of(reply ? 1 : 0);
  }

  /** Looked up as the answer will be, which is direct: with another mark a rule would ask for another way. */
  #wayBack(expression: ExpressionOf<"fib">): Uint8Array {
    const isDirect = (this.#mark & MARK_MASK) >>> 0 === markOfPath(PATH_NUMBERS.direct);
    if (!isDirect || expression.flags.join() !== "saddr,mark,iif") return fail(expression);
    return host32(this.#packet.forged ? 0 : 1);
  }

  #meta(key: string): Uint8Array {
    const packet = this.#packet;
    const family = packet.destination.family;
    if (key === "mark") return host32(this.#mark);
    if (key === "oifname") return deviceName(packet.outDevice);
    if (key === "iifname") return deviceName(packet.inDevice);
    if (key === "oif") return deviceIndex(packet.outDevice);
    if (key === "iif") return deviceIndex(packet.inDevice);
    if (key === "nfproto") return Uint8Array.of(family === 4 ? 2 : 10);
    if (key === "protocol") {
      const type = this.#wire.etherType ?? (family === 4 ? 0x0800 : 0x86dd);
      return Uint8Array.of(type >> 8, type & 255);
    }
    if (key === "len") return host32(packet.bytes ?? 84);
    if (key === "l4proto") return Uint8Array.of(packet.protocol);
    if (key !== "skuid") throw new Error(`meta ${key}`);
    if (packet.uid === undefined) throw BROKEN;
    return host32(packet.uid);
  }

  #payload(base: string, offset: number, length: number): Uint8Array {
    const later = this.#packet.laterFragment === true && !this.#wire.readsFragments;
    if (base === "transport" && (later || this.#wire.etherType !== undefined)) throw BROKEN;
    const bytes = base === "network" ? this.#network : this.#transport;
    if (offset + length > bytes.length) throw BROKEN;
    return bytes.subarray(offset, offset + length);
  }

  #extension({ offset, length }: ExpressionOf<"exthdr">): Uint8Array {
    if (this.#packet.destination.family !== 6 || this.#packet.laterFragment !== true) throw BROKEN;
    return Uint8Array.of(this.#packet.protocol, 0, 0x05, 0xa9, 0, 0, 0, 1).subarray(offset, offset + length);
  }

  #read(register: number, length: number): Uint8Array {
    return this.#registers.slice(at(register), at(register) + length);
  }

  #write(register: number, value: Uint8Array): void {
    const padded = Math.ceil(value.length / 4) * 4;
    this.#registers.fill(0, at(register), at(register) + padded);
    this.#registers.set(value, at(register));
  }
}

function fail(what: unknown): never {
  throw new Error(`the interpreter does not know ${JSON.stringify(what)}`);
}

/** Registers 1–4 have 16 bytes each, 8–23 are the same bytes by fours. */
function at(register: number): number {
  return register < 8 ? 16 * (register - 1) : 4 * (register - 8);
}

function host32(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value >>> 0, true);
  return bytes;
}

/** The tests know no index but that of loopback. */
function deviceIndex(name = ""): Uint8Array {
  return host32(name === "" ? 0 : name === LOOPBACK_DEVICE ? LOOPBACK_INDEX : 99);
}

function deviceName(name: string | undefined): Uint8Array {
  const bytes = new Uint8Array(16);
  bytes.set(new TextEncoder().encode(name ?? ""));
  return bytes;
}

function networkHeader(packet: Packet): Uint8Array {
  const hops = packet.hopLimit ?? 64;
  if (packet.destination.family === 4) {
    const header = new Uint8Array(20);
    header[0] = 0x45;
    if (packet.laterFragment) header.set([0x20, 0xb9], 6);
    header[8] = hops;
    header[9] = packet.protocol;
    header.set(ipToBytes(packet.source), 12);
    header.set(ipToBytes(packet.destination), 16);
    return header;
  }
  const header = new Uint8Array(40);
  header[0] = 0x60;
  header[6] = packet.laterFragment ? 44 : packet.protocol;
  header[7] = hops;
  header.set(ipToBytes(packet.source), 8);
  header.set(ipToBytes(packet.destination), 24);
  return header;
}

/** TCP from the ninth byte on: SYN. */
const OPENS = [0, 0, 0, 0, 0x50, 0x02];

function transportHeader(packet: Packet, { junk = new Uint8Array(8) }: Wire): Uint8Array {
  if (packet.laterFragment) return junk;
  const header = new Uint8Array(20);
  header.set(junk);
  if (packet.protocol === 6) header.set(OPENS, 8);
  if (PORTED_PROTOCOLS.includes(packet.protocol)) {
    const [source, destination] = [packet.sourcePort ?? 0, packet.destinationPort ?? 0];
    header.set([source >> 8, source & 255, destination >> 8, destination & 255]);
  } else if (packet.protocol === 1 || packet.protocol === 58) header.set([packet.icmpType ?? 0, packet.icmpCode ?? 0]);
  return header;
}
