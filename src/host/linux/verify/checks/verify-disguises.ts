import type { VerifyFinding } from "../../../../model/verify/finding.ts";
import { PacketSpace } from "../../../../model/verify/space/packet-space.ts";
import { all, deviceIn, type Formula, numberIs, termsOf } from "../../../../model/verify/space/term.ts";
import { FRAME_TYPES } from "../../firewall/chains/frame-shape-chain.ts";
import { baseChainsAt, markUsesOfTables, readTables, termsOfTables } from "../read-tables.ts";
import { isOurs } from "../rule-table.ts";
import type { RulesetQuestion } from "../ruleset-question.ts";
import { startingWith, walk } from "../walk.ts";

/** Frames of one kind to the kernel, and what they are on the wire. */
interface Disguise {
  readonly told: string;
  readonly wire: string;
  readonly context: {
    readonly family: 4 | 6;
    readonly frames?: true;
    readonly wire: Uint8Array;
    readonly bare?: true;
  };
  readonly asked: Formula;
}

/** Types and what follows them. */
const WIRES = {
  "IPv4 (0x0800)": [0x08, 0x00, 0x45, 0x00, 0, 0],
  "IPv6 (0x86dd)": [0x86, 0xdd, 0x60, 0x00, 0, 0],
  "IPv4 (0x0800) with a header of another version": [0x08, 0x00, 0x60, 0x00, 0, 0],
  "IPv6 (0x86dd) with a header of another version": [0x86, 0xdd, 0x45, 0x00, 0, 0],
  "tagged for no VLAN (0x8100)": [0x81, 0x00, 0x40, 0x00, 0x08, 0x00],
} as const;
/** The same of devices whose frames bear no type. */
const BARE_WIRES = { "IPv4 without a type": [0, 0, 0x45], "IPv6 without a type": [0, 0, 0x60] } as const;
const OUT = deviceIn("in", [""]);

/**
 * S9.5: frames that are on the wire something else than their socket calls them, at the egress of each physical device. One
 * finding for each device and disguise. Without the kill switch frames of any type may leave.
 */
export function verifyDisguises(question: RulesetQuestion): VerifyFinding[] {
  if (!question.policy.layers.some(({ killSwitch }) => killSwitch)) return [];
  // Frames at egress come by no table of another family.
  const own = question.tables.filter((table) => isOurs(table) && table.family === "netdev");
  return disguises().flatMap(({ told, wire, context, asked }) => {
    const tables = readTables(own, { ...context, indexes: question.indexes });
    const space = new PacketSpace({
      family: context.family,
      terms: [...termsOfTables(tables), ...termsOf(asked)],
      markUses: markUsesOfTables(tables),
      devices: question.framed,
    });
    return question.framed.flatMap((device): VerifyFinding[] => {
      const here = space.ofFormula(all(asked, deviceIn("out", [device])));
      const [piece] = walk(space, baseChainsAt(tables, "egress", device), startingWith(here), true).accepted;
      if (piece === undefined) return [];
      const rules = piece.trace.map(({ name, verdict }) => ({ name, verdict }));
      const message = `a frame whose socket says ${told} and which is ${wire} on the wire leaves by ${device} though nothing grants it (S9.5)`;
      return [{ kind: "leak", message, rules }];
    });
  });
}

function disguises(): Disguise[] {
  const kinds: readonly (Pick<Disguise, "told" | "asked"> & { readonly of: Omit<Disguise["context"], "wire"> })[] = [
    { told: "IPv4", of: { family: 4 }, asked: OUT },
    { told: "IPv6", of: { family: 6 }, asked: OUT },
    { told: "ARP", of: { family: 4, frames: true }, asked: all(OUT, numberIs("word0", FRAME_TYPES.arp)) },
    { told: "EAPOL", of: { family: 4, frames: true }, asked: all(OUT, numberIs("word0", FRAME_TYPES.eapol)) },
    { told: "LACP", of: { family: 4, frames: true }, asked: all(OUT, numberIs("word0", FRAME_TYPES.slow)) },
    { told: "LLC", of: { family: 4, frames: true }, asked: all(OUT, numberIs("word0", FRAME_TYPES.llc)) },
  ];
  return kinds.flatMap(({ of, ...kind }) => {
    const isOther = (wire: string) => !wire.startsWith(`${kind.told} `) || wire.endsWith("version");
    const typed = Object.entries(WIRES).map(([wire, bytes]) => ({
      wire,
      context: { ...of, wire: Uint8Array.of(...bytes) },
    }));
    const bare = Object.entries(BARE_WIRES).map(([wire, bytes]) => ({
      wire,
      context: { ...of, wire: Uint8Array.of(...bytes), bare: true as const },
    }));
    return [...typed, ...bare].filter(({ wire }) => isOther(wire)).map((one) => ({ ...kind, ...one }));
  });
}
