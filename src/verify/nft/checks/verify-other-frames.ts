import { renderIp } from "../../../model/ip.ts";
import type { FindingKind, VerifyFinding } from "../../finding.ts";
import { addressIn } from "../../space/conditions.ts";
import { type Diagram, NOTHING } from "../../space/decision-diagram.ts";
import { type HeaderPoint, PLAIN_WIRE } from "../../space/header-point.ts";
import {
  all,
  any,
  deviceIn,
  type Formula,
  NO_USER,
  not,
  numberIn,
  numberIs,
  termsOf,
} from "../../space/packet-fields.ts";
import { PacketSpace } from "../../space/packet-space.ts";
import { unionOf, within } from "../packet-paths.ts";
import { baseChainsAt, markUsesOfTables, readTables, termsOfTables } from "../read-tables.ts";
import { isOurs } from "../rule-table.ts";
import type { RulesetQuestion } from "../ruleset-question.ts";
import { type Piece, startingWith, walk } from "../walk.ts";
import { FRAME_KINDS, isAsCalled, isEthernet, wireWords } from "../wire-formula.ts";

const ARP = 0x0806;
const EAPOL = 0x888e;
const LACP = 0x8809;
const LLC = 0x0004;
/** Judged elsewhere: IPv4 and IPv6. */
const IP_TYPES = [0x0800, 0x86dd];

/** PACKET_HOST of if_packet.h: what nobody handed on. */
const MADE_HERE = 0;
const KERNELS = all(
  isEthernet,
  numberIs("user", NO_USER),
  numberIs("came", MADE_HERE),
  numberIn("length", [{ first: 0n, last: 124n }]),
);
/** Group addresses of the link. */
const TREES = numberIn("target", [{ first: 0x0180_c200_0000n, last: 0x0180_c200_000fn }]);
const SLOW = numberIs("target", 0x0180_c200_0002n);

const isCalled = (protocol: number) => numberIs("word0", protocol);
/** S2.7, S2.8: what may leave with the kill switch on, if it is what it is called. */
const GRANTED = any(
  isCalled(ARP),
  isCalled(EAPOL),
  all(isCalled(LLC), KERNELS, TREES),
  all(isCalled(LACP), KERNELS, SLOW),
);
const AS_CALLED = any(...[...FRAME_KINDS.keys()].map((protocol) => all(isCalled(protocol), isAsCalled(protocol))));
const POSSIBLE = all(not(numberIs("word0", ...IP_TYPES)), deviceIn("in", [""]));

/**
 * S2.7, S2.8, S9.5: frames that their socket does not call IP, at the egress of each physical device. One finding for each device
 * and way, of those that are what they are called and of the rest.
 */
export function verifyOtherFrames(question: RulesetQuestion): VerifyFinding[] {
  const { policy, framed, indexes } = question;
  const tables = readTables(question.tables.filter(isOurs), { family: 4, frames: true, indexes });
  const addresses = policy.layers.flatMap(({ tunnels }) => tunnels.flatMap((tunnel) => tunnel.addresses));
  const announcing = all(isCalled(ARP), addressIn("source", 4, addresses));
  const isGuarded = policy.layers.some(({ killSwitch }) => killSwitch);
  const granted: Formula = all(not(announcing), ...(isGuarded ? [GRANTED, AS_CALLED] : []));
  const space = new PacketSpace({
    family: 4,
    terms: [...termsOfTables(tables), ...[granted, AS_CALLED, POSSIBLE].flatMap(termsOf)],
    markUses: markUsesOfTables(tables),
    devices: framed,
  });
  const { diagrams } = space;
  const allowed = space.ofFormula(granted);
  const refused = diagrams.not(allowed);
  const asCalled = space.ofFormula(AS_CALLED);
  return framed.flatMap((device) => {
    const here = space.ofFormula(all(POSSIBLE, deviceIn("out", [device])));
    const { accepted, dropped } = walk(space, baseChainsAt(tables, "egress", device), startingWith(here), true);
    const show = (kind: FindingKind, pieces: readonly Piece[], wrong: Diagram): VerifyFinding[] =>
      [...waysOf(pieces)].flatMap((way) => {
        const met = within(space, way, wrong);
        const set = unionOf(space, met);
        const rules = (met[0]?.trace ?? []).map(({ name, verdict }) => ({ name, verdict }));
        return [diagrams.and(set, asCalled), diagrams.minus(set, asCalled)].flatMap((part): VerifyFinding[] =>
          part === NOTHING ? [] : [{ kind, message: messageOf(space, kind, part, device), rules }],
        );
      });
    return [...show("leak", accepted, refused), ...show("lock-out", dropped, allowed)];
  });
}

/** Pieces that met the same rule last went one way, whatever they bear on the wire. */
function waysOf(pieces: readonly Piece[]): Iterable<readonly Piece[]> {
  return Map.groupBy(pieces, ({ trace }) => trace.at(-1)?.name).values();
}

function messageOf(space: PacketSpace, kind: FindingKind, set: Diagram, device: string): string {
  const found = space.pick(set);
  const { word0: told, wire = PLAIN_WIRE[4] } = found;
  const isCalledSo = space.ofFormula(isAsCalled(told));
  const bearsIt = space.ofFormula(all(isCalled(told), numberIs("type", told)));
  const { name } = FRAME_KINDS.get(told) ?? {};
  const what = kind === "leak" ? "leaves though nothing grants it" : "is dropped though it is granted";
  if (name !== undefined && space.diagrams.and(set, isCalledSo) === NOTHING)
    return `a frame whose socket says ${name} and which is ${wireWords(wire)} on the wire leaves by ${device} though nothing grants it (S9.5)`;
  const disguise =
    name !== undefined || space.diagrams.and(set, bearsIt) !== NOTHING ? "" : `, on the wire ${wireWords(wire)}`;
  return `a frame of the Ethernet type 0x${told.toString(16).padStart(4, "0")}${detailsOf(found)}${disguise}, by ${device} ${what} (${OF_LINK.includes(told) ? "S2.8" : "S2.7"})`;
}

const OF_LINK = [LACP, LLC];

function detailsOf({ word0: told, source, target = 0, came }: HeaderPoint): string {
  if (told === ARP) return `, which announces ${renderIp(source)}`;
  if (!OF_LINK.includes(told)) return "";
  const to = target
    .toString(16)
    .padStart(12, "0")
    .replace(/..(?!$)/g, "$&:");
  return ` to ${to}${came === MADE_HERE ? "" : ", handed on from elsewhere"}`;
}
