import type { FirewallPolicy } from "../../model/firewall/policy.ts";
import type { Family } from "../../model/ip.ts";
import { CARRIES_MARK, grantedBy, markedFor, unmarkedOrphan } from "../policy/policy-formula.ts";
import { type Hook, POSSIBLE } from "../policy/possible-packets.ts";
import { type Formula, termsOf } from "../space/packet-fields.ts";
import { PacketSpace } from "../space/packet-space.ts";
import type { JudgedMemory } from "./judged-memory.ts";
import { markUsesOfTables, type ReadTable, readTables, termsOfTables } from "./read-tables.ts";
import { isOurs, type RuleTable } from "./rule-table.ts";

/** What is asked: whether these tables let pass what the policy grants and nothing else. */
export interface RulesetQuestion {
  readonly policy: FirewallPolicy;
  /** Every table of the machine, or those that would be loaded. */
  readonly tables: readonly RuleTable[];
  /** Devices of the machine, physical ones first; loopback left out. */
  readonly devices: readonly string[];
  /** Physical devices on which frames are to be judged (S9.4); none on a kernel without the egress hook. */
  readonly framed: readonly string[];
  /** Bridges whose ports are taken for guests' though none surely leads out (S9.4). */
  readonly guestBridges?: readonly string[];
  /** Places of tc filters and BPF programs, as "eth0 (egress)"; absent if they were not read. */
  readonly trafficHooks?: readonly string[];
  readonly indexes: ReadonlyMap<string, number>;
  /** Addresses of the machine's physical devices, to show packets with. */
  readonly sources: readonly string[];
}

/** The question for one IP version, ready to be worked on. */
export interface FamilyQuestion {
  readonly question: RulesetQuestion;
  readonly family: Family;
  readonly space: PacketSpace;
  /** Our own tables, whose refusals count. */
  readonly own: readonly ReadTable[];
  readonly all: readonly ReadTable[];
  readonly granted: Readonly<Record<Hook, Formula>>;
  readonly steered: readonly Steered[];
  /** What sets of judged flows hold; absent where rules add to none. */
  readonly judged?: JudgedMemory;
}

/** A path that a mark can name. */
export interface StatedPath {
  readonly path: string;
  readonly number: number;
}

/** The packets of one path, which steering must mark. */
export interface Steered extends StatedPath {
  readonly packets: Formula;
}

/** Reads the rules for packets of one IP version and cuts the space of packets by all that anybody asks. */
export function askFor(question: RulesetQuestion, family: Family, steered: readonly StatedPath[]): FamilyQuestion {
  const { policy, devices, sources } = question;
  const tables = readTables(question.tables, { family, indexes: question.indexes });
  const granted = {
    output: grantedBy(policy, "output", family),
    input: grantedBy(policy, "input", family),
    forward: grantedBy(policy, "forward", family),
  };
  const paths = steered.map((one) => ({ ...one, packets: markedFor(policy, family, one.number) }));
  const stated = [...Object.values(granted), ...Object.values(POSSIBLE), unmarkedOrphan(family), CARRIES_MARK];
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
