import type { VerifyFinding } from "../../../model/verify/finding.ts";
import { PacketSpace } from "../../../model/verify/space/packet-space.ts";
import { all, deviceIn, type Formula, numberIs, termsOf } from "../../../model/verify/space/term.ts";
import { FRAME_TYPES } from "../firewall/chains/frame-shape-chain.ts";
import { baseChainsAt, markUsesOfTables, readTables, termsOfTables } from "./read-tables.ts";
import { isOurs } from "./rule-table.ts";
import type { RulesetQuestion } from "./ruleset-question.ts";
import { startingWith, walk } from "./walk.ts";

/** Frames of one kind to the kernel, and what they are on the wire. */
interface Disguise {
  readonly told: string;
  readonly wire: Uint8Array;
  readonly context: { readonly family: 4 | 6; readonly frames?: true };
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
const OUT = deviceIn("in", [""]);

/**
 * S9.5: frames that are on the wire something else than their socket calls them, at the egress of each physical device. One
 * finding for each device and disguise. Without the kill switch frames of any type may leave.
 */
export function verifyDisguises(question: RulesetQuestion): VerifyFinding[] {
  if (!question.policy.layers.some(({ killSwitch }) => killSwitch)) return [];
  const own = question.tables.filter(isOurs);
  return disguises().flatMap(({ told, wire, context, asked }) => {
    const tables = readTables(own, { ...context, wire, indexes: question.indexes });
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
      const message = `a frame whose socket says ${told} and which is ${nameOf(wire)} on the wire leaves by ${device} though nothing grants it (S9.5)`;
      return [{ kind: "leak", message, rules }];
    });
  });
}

function disguises(): Disguise[] {
  const kinds: Omit<Disguise, "wire">[] = [
    { told: "IPv4", context: { family: 4 }, asked: OUT },
    { told: "IPv6", context: { family: 6 }, asked: OUT },
    ...(["arp", "eapol"] as const).map((kind) => ({
      told: kind === "arp" ? "ARP" : "EAPOL",
      context: { family: 4, frames: true } as const,
      asked: all(OUT, numberIs("word0", FRAME_TYPES[kind])),
    })),
  ];
  return kinds.flatMap((kind) =>
    Object.entries(WIRES)
      .filter(([name]) => !name.startsWith(`${kind.told} `) || name.endsWith("version"))
      .map(([, bytes]) => ({ ...kind, wire: Uint8Array.of(...bytes) })),
  );
}

function nameOf(wire: Uint8Array): string {
  return Object.entries(WIRES).find(([, bytes]) => bytes.every((byte, index) => byte === wire[index]))?.[0] ?? "";
}
