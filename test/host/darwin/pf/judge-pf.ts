import type { IpAddress } from "../../../../src/model/ip.ts";
import { prefixRange } from "../../../../src/model/prefix.ts";
import type { PfHost, PfOptions, PfParsedRule, PfParsedSide, PfRange, PfRuleset } from "./pf-ruleset.ts";

/** A packet at the one place where PF asks: on an interface, in a direction. */
export interface PfPacket {
  readonly direction: "in" | "out";
  readonly device: string;
  readonly source: IpAddress;
  readonly destination: IpAddress;
  readonly protocol: number;
  readonly sourcePort?: number | undefined;
  readonly destinationPort?: number | undefined;
  readonly icmpType?: number | undefined;
  readonly isLaterFragment: boolean;
  /** TCP's SYN without ACK. */
  readonly isOpening: boolean;
  /** Owner of the local socket; undefined where there is none. */
  readonly uid?: number | undefined;
}

export interface PfVerdict {
  readonly verdict: "pass" | "block";
  readonly keepsState: boolean;
  readonly rule?: PfParsedRule;
}

const TCP = 6;
const UDP = 17;
const DEEPEST = 64;

/**
 * What xnu's PF does with a packet that no state knows (pf-notes section 4): the last rule that matches decides, quick ends
 * the search, nothing matched passes.
 *
 * @param anchor path of the anchor that the ruleset stands in, for calls by absolute path
 * @throws Error on anything that this judge does not know, so that nothing emitted goes unjudged
 */
export function judgePf(ruleset: PfRuleset, anchor: string, packet: PfPacket): PfVerdict {
  return new PfJudge(ruleset, anchor, packet).judge();
}

class PfJudge {
  readonly #ruleset: PfRuleset;
  readonly #anchors: ReadonlyMap<string, readonly PfParsedRule[]>;
  readonly #packet: PfPacket;
  #last: PfParsedRule | undefined;

  constructor(ruleset: PfRuleset, anchor: string, packet: PfPacket) {
    this.#ruleset = ruleset;
    this.#anchors = anchorsOf(ruleset, anchor);
    this.#packet = packet;
  }

  judge(): PfVerdict {
    this.#walk(this.#ruleset.rules, "top", 0);
    const rule = this.#last;
    if (rule === undefined) return { verdict: "pass", keepsState: false };
    const keepsState = rule.action === "pass" && rule.options.state !== "none";
    if (keepsState && rule.options.isIfBound !== true) throw new Error(`line ${rule.line}: a floating state`);
    return { verdict: rule.action === "pass" ? "pass" : "block", keepsState, rule };
  }

  /** Whether a quick rule ended the search. */
  #walk(rules: readonly PfParsedRule[], place: "top" | "inside", depth: number): boolean {
    if (depth > DEEPEST) throw new Error("anchors call each other too deeply; the kernel would skip the call");
    for (const rule of rules) {
      if (!this.#matches(rule, place)) continue;
      if (rule.action !== "anchor") {
        this.#last = rule;
        if (rule.quick) return true;
        continue;
      }
      const before = this.#last;
      const body = rule.body ?? this.#anchors.get(rule.anchor ?? "");
      if (body === undefined) throw new Error(`line ${rule.line}: no anchor ${rule.anchor}`);
      if (this.#walk(body, "inside", depth + 1)) return true;
      if (rule.quick && this.#last !== before) return true;
    }
    return false;
  }

  #matches(rule: PfParsedRule, place: "top" | "inside"): boolean {
    const packet = this.#packet;
    const { options } = rule;
    if (rule.route !== undefined || options.groups !== undefined || options.other !== undefined) {
      throw new Error(`line ${rule.line}: not judged here`);
    }
    return (
      (rule.direction === undefined || rule.direction === packet.direction) &&
      (rule.interfaces?.some(({ not, name }) => (name === packet.device) !== not) ?? true) &&
      (rule.family === undefined || rule.family === packet.source.family) &&
      (rule.protocols?.includes(packet.protocol) ?? true) &&
      this.#sideMatches(rule.from, packet.source, packet.sourcePort, place) &&
      this.#sideMatches(rule.to, packet.destination, packet.destinationPort, place) &&
      this.#flagsMatch(rule) &&
      this.#fragmentMatches(options) &&
      (options.icmp === undefined || (!packet.isLaterFragment && options.icmp.types.includes(packet.icmpType ?? -1))) &&
      this.#userMatches(options)
    );
  }

  #sideMatches(side: PfParsedSide, address: IpAddress, port: number | undefined, place: "top" | "inside"): boolean {
    if (side.ports !== undefined) {
      const isRead = this.#packet.protocol === TCP || this.#packet.protocol === UDP;
      if (!isRead || port === undefined || !side.ports.some((range) => inRange(range, port))) return false;
    }
    return side.hosts?.some((host) => this.#hostMatches(host, address, place)) ?? true;
  }

  #hostMatches(host: PfHost, address: IpAddress, place: "top" | "inside"): boolean {
    if (host.table !== undefined) {
      // A table of the file belongs to its anchor; an inner anchor would look in its own and in the main ruleset.
      const entries = place === "top" ? this.#ruleset.tables.get(host.table) : undefined;
      if (entries === undefined) throw new Error(`no table <${host.table}> is seen ${place}`);
      return entries.some((entry) => this.#hostMatches(entry, address, place)) !== host.not;
    }
    if (host.prefix === undefined) throw new Error(`host ${host.other} is not judged here`);
    const { first, last } = prefixRange(host.prefix);
    const holds = host.prefix.family === address.family && address.value >= first && address.value <= last;
    return holds !== host.not;
  }

  /** A rule that keeps state asks TCP for SYN without ACK unless it says otherwise. */
  #flagsMatch({ action, options }: PfParsedRule): boolean {
    const { protocol, isOpening, isLaterFragment } = this.#packet;
    if (protocol !== TCP) return true;
    const flags = options.flags ?? (action === "pass" && options.state !== "none" ? "S/SA" : "any");
    if (flags === "any") return true;
    if (flags !== "S/SA") throw new Error(`flags ${flags} are not judged here`);
    return isOpening && !isLaterFragment;
  }

  #fragmentMatches({ isFragment }: PfOptions): boolean {
    return isFragment !== true || this.#packet.isLaterFragment;
  }

  /** The owner is known for whole TCP and UDP packets; the test is left out for later fragments. */
  #userMatches({ users }: PfOptions): boolean {
    const { isLaterFragment, protocol, uid } = this.#packet;
    if (users === undefined || isLaterFragment) return true;
    const owner = protocol === TCP || protocol === UDP ? uid : undefined;
    return users.some((range) => ownerIn(range, owner));
  }
}

function ownerIn(range: PfRange, owner: number | undefined): boolean {
  if (range.from === "unknown") return (owner === undefined) === (range.op === "=");
  return owner === undefined ? range.op === "!=" : inRange(range, owner);
}

function inRange({ op, from, to = 0 }: PfRange, value: number): boolean {
  const first = from as number;
  switch (op) {
    case "=":
      return value === first;
    case "!=":
      return value !== first;
    case "<":
      return value < first;
    case "<=":
      return value <= first;
    case ">":
      return value > first;
    case ">=":
      return value >= first;
    case "><":
      return value > first && value < to;
    case "<>":
      return value < first || value > to;
    default:
      return value >= first && value <= to;
  }
}

/** Anchors that are written out, by absolute path. */
function anchorsOf(ruleset: PfRuleset, root: string): Map<string, readonly PfParsedRule[]> {
  const found = new Map<string, readonly PfParsedRule[]>();
  const collect = (rules: readonly PfParsedRule[], path: string) => {
    for (const { anchor, body } of rules) {
      if (body === undefined) continue;
      found.set(`${path}/${anchor}`, body);
      collect(body, `${path}/${anchor}`);
    }
  };
  collect(ruleset.rules, `/${root}`);
  return found;
}
