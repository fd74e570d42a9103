import type { FirewallPolicy } from "../../model/firewall/policy.ts";
import type { Family } from "../../model/ip.ts";
import { CARRIES_MARK, grantedBy, markedFor } from "../policy/policy-formula.ts";
import { type Hook, POSSIBLE } from "../policy/possible-packets.ts";
import { type Formula, termsOf } from "../space/packet-fields.ts";
import { PacketSpace } from "../space/packet-space.ts";
import type { JudgedMemory } from "./judged-memory.ts";
import { markUsesOfTables, type ReadTable, readTables, termsOfTables } from "./read-tables.ts";
import { isOurs, type RuleTable } from "./rule-table.ts";

/** The input of the proof: whether these tables let pass exactly the packets that the policy grants. */
export interface RulesetQuestion {
  readonly policy: FirewallPolicy;
  /** Every table of the host, or the tables that would be loaded. */
  readonly tables: readonly RuleTable[];
  /** Devices of the host, physical ones first, without loopback. */
  readonly devices: readonly string[];
  /** Physical devices with judged frames (S9.4); none on a kernel without the egress hook. */
  readonly framed: readonly string[];
  /** Bridges that are treated as guest bridges although no port certainly leads out (S9.4). */
  readonly guestBridges?: readonly string[];
  /** Locations of tc filters and BPF programs, for example "eth0 (egress)"; absent if they were not read. */
  readonly trafficHooks?: readonly string[];
  readonly indexes: ReadonlyMap<string, number>;
  /** Addresses of the physical devices, for example packets. */
  readonly sources: readonly string[];
}

/** The prepared question for one IP version. */
export interface FamilyQuestion {
  readonly question: RulesetQuestion;
  readonly family: Family;
  readonly space: PacketSpace;
  /** Tables of awg: only their drops count as refusals. */
  readonly own: readonly ReadTable[];
  readonly all: readonly ReadTable[];
  readonly granted: Readonly<Record<Hook, Formula>>;
  readonly steered: readonly Steered[];
  /** Possible contents of the sets of judged flows; absent if no rule adds to one. */
  readonly judged?: JudgedMemory;
}

/** A path with a mark. */
export interface StatedPath {
  readonly path: string;
  readonly number: number;
}

/** The packets of one path. Steering must set its mark on them. */
export interface Steered extends StatedPath {
  readonly packets: Formula;
}

/** Reads the rules for one IP version and divides the packet space by every test of the rules and the policy. */
export function askFor(question: RulesetQuestion, family: Family, steered: readonly StatedPath[]): FamilyQuestion {
  const { policy, devices, sources } = question;
  const tables = readTables(question.tables, { family, indexes: question.indexes });
  const granted = {
    output: grantedBy(policy, "output", family),
    input: grantedBy(policy, "input", family),
    forward: grantedBy(policy, "forward", family),
  };
  const paths = steered.map((one) => ({ ...one, packets: markedFor(policy, family, one.number) }));
  const stated = [...Object.values(granted), ...Object.values(POSSIBLE), CARRIES_MARK];
  const formulas = [...stated, ...paths.map((one) => one.packets)];
  const space = new PacketSpace({
    family,
    terms: [...termsOfTables(tables), ...formulas.flatMap(termsOf)],
    markUses: markUsesOfTables(tables),
    devices,
    sources,
  });
  const own = tables.filter(({ table }) => isOurs(table));
  return { question, family, space, own, all: tables, granted, steered: paths };
}
