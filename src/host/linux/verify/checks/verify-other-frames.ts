import { renderIp } from "../../../../model/ip.ts";
import type { VerifyFinding } from "../../../../model/verify/finding.ts";
import { addressIn } from "../../../../model/verify/space/conditions.ts";
import { NOTHING } from "../../../../model/verify/space/diagrams.ts";
import { PacketSpace } from "../../../../model/verify/space/packet-space.ts";
import {
  ALWAYS,
  all,
  any,
  deviceIn,
  type Formula,
  NEVER,
  NO_USER,
  not,
  numberIn,
  numberIs,
  termsOf,
} from "../../../../model/verify/space/term.ts";
import { baseChainsAt, markUsesOfTables, readTables, termsOfTables } from "../read-tables.ts";
import { isOurs } from "../rule-table.ts";
import type { RulesetQuestion } from "../ruleset-question.ts";
import { type Piece, startingWith, walk } from "../walk.ts";

const ARP = 0x0806;
const EAPOL = 0x888e;
/** Judged elsewhere: IPv4 and IPv6. */
const IP_TYPES = [0x0800, 0x86dd];

/** Frames by what they are on the wire; and which of them the kernel's own are (S2.8). */
interface Kind {
  readonly wire?: Uint8Array;
  /** The protocol that is asked about; all but IP when absent. */
  readonly told?: number;
  readonly own: Formula;
}

/** PACKET_HOST of if_packet.h: what nobody handed on. */
const MADE_HERE = 0;
const KERNELS = all(
  numberIs("user", NO_USER),
  numberIs("came", MADE_HERE),
  numberIn("length", [{ first: 0n, last: 124n }]),
);
/** Group addresses of the link. */
const [TREES, SLOW] = [
  numberIn("target", [{ first: 0x0180_c200_0000n, last: 0x0180_c200_000fn }]),
  numberIs("target", 0x0180_c200_0002n),
];

/** A BPDU and an LACPDU besides: what the kernel calls them, and their frames from the type on. */
const KINDS: readonly Kind[] = [
  { own: NEVER },
  { told: 0x0004, wire: Uint8Array.of(0, 38, 0x42, 0x42, 3, 0), own: all(KERNELS, TREES) },
  { told: 0x8809, wire: Uint8Array.of(0x88, 0x09, 1, 1, 1, 20), own: all(KERNELS, SLOW) },
];

/** S2.7, S2.8: frames that are not IP, at the egress of each physical device. One finding for each device and way. */
export function verifyOtherFrames(question: RulesetQuestion): VerifyFinding[] {
  return KINDS.flatMap((kind) => verifyKind(question, kind));
}

function verifyKind(question: RulesetQuestion, { wire, told, own }: Kind): VerifyFinding[] {
  const { policy, framed, indexes } = question;
  const tables = readTables(question.tables.filter(isOurs), {
    family: 4,
    frames: true,
    indexes,
    ...(wire === undefined ? {} : { wire }),
  });
  const addresses = policy.layers.flatMap(({ tunnels }) => tunnels.flatMap((tunnel) => tunnel.addresses));
  const announcing = all(numberIs("word0", ARP), addressIn("source", 4, addresses));
  const isGuarded = policy.layers.some(({ killSwitch }) => killSwitch);
  const known = any(numberIs("word0", ARP), numberIs("word0", EAPOL), own);
  const granted: Formula = all(not(announcing), isGuarded ? known : ALWAYS);
  const asking = told === undefined ? not(numberIs("word0", ...IP_TYPES)) : numberIs("word0", told);
  const possible = all(asking, deviceIn("in", [""]));
  const space = new PacketSpace({
    family: 4,
    terms: [...termsOfTables(tables), ...termsOf(granted), ...termsOf(possible)],
    markUses: markUsesOfTables(tables),
    devices: framed,
  });
  const { diagrams } = space;
  const [asked, allowed] = [space.ofFormula(possible), space.ofFormula(granted)];
  return framed.flatMap((device) => {
    const here = diagrams.and(asked, space.ofFormula(deviceIn("out", [device])));
    const { accepted, dropped } = walk(space, baseChainsAt(tables, "egress", device), startingWith(here), true);
    const show = (kind: VerifyFinding["kind"], pieces: readonly Piece[], wrong: number): VerifyFinding[] =>
      pieces.flatMap((piece) => {
        const set = diagrams.and(piece.set, wrong);
        if (set === NOTHING) return [];
        const { word0, source, target = 0, came } = space.pick(set);
        const rules = piece.trace.map(({ name, verdict }) => ({ name, verdict }));
        const type = `0x${word0.toString(16).padStart(4, "0")}`;
        const sender = word0 === ARP ? `, which announces ${renderIp(source)}` : "";
        const to = target
          .toString(16)
          .padStart(12, "0")
          .replace(/..(?!$)/g, "$&:");
        const words = told === undefined ? "" : ` to ${to}${came === MADE_HERE ? "" : ", handed on from elsewhere"}`;
        const what = kind === "leak" ? "leaves though nothing grants it" : "is dropped though it is granted";
        const message = `a frame of the Ethernet type ${type}${sender}${words}, by ${device} ${what} (${told === undefined ? "S2.7" : "S2.8"})`;
        return [{ kind, message, rules }];
      });
    return [...show("leak", accepted, diagrams.not(allowed)), ...show("lock-out", dropped, allowed)];
  });
}
