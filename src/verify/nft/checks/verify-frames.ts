import type { VerifyFinding } from "../../finding.ts";
import { POSSIBLE } from "../../policy/possible-packets.ts";
import { type Diagram, NOTHING } from "../../space/decision-diagram.ts";
import { PLAIN_WIRE } from "../../space/header-point.ts";
import { deviceIn } from "../../space/packet-fields.ts";
import { pointFormula } from "../../space/point-formula.ts";
import { grantedFrames } from "../granted-frames.ts";
import { sendFrames, unionOf, within } from "../packet-paths.ts";
import type { FamilyQuestion } from "../ruleset-question.ts";
import { showPieces } from "../show-packets.ts";
import { isAsCalled, wireWords } from "../wire-formula.ts";

/**
 * S9: what a raw socket writes at each physical device and calls IP: by what it is as a packet, one finding for each way; and
 * what is something else on the wire (S9.5), one for each device. Without the kill switch frames of any type may leave.
 */
export function verifyFrames(asked: FamilyQuestion): VerifyFinding[] {
  const { space, own, question, family } = asked;
  if (question.framed.length === 0) return [];
  const { diagrams } = space;
  const isGuarded = question.policy.layers.some(({ killSwitch }) => killSwitch);
  const onDevices = space.ofFormula(deviceIn("out", question.framed));
  const possible = diagrams.and(space.ofFormula(POSSIBLE.frame), onDevices);
  const asCalled = space.ofFormula(isAsCalled(PLAIN_WIRE[family].type));
  const disguised = isGuarded ? diagrams.minus(possible, asCalled) : NOTHING;
  const refused = diagrams.or(diagrams.minus(possible, grantedFrames(asked)), disguised);
  const out = diagrams.and(unionOf(space, sendFrames(asked, own, refused).accepted), refused);
  const open = diagrams.minus(out, disguised);
  const shown = within(space, sendFrames(asked, own, open, true).accepted, open);
  return [...showPieces(asked, "frame", "leak", shown), ...showDisguises(asked, diagrams.and(out, disguised))];
}

function showDisguises(asked: FamilyQuestion, out: Diagram): VerifyFinding[] {
  const { space, own, question, family } = asked;
  return question.framed.flatMap((device): VerifyFinding[] => {
    const here = space.diagrams.and(out, space.ofFormula(deviceIn("out", [device])));
    if (here === NOTHING) return [];
    const point = space.pick(here);
    const [piece] = sendFrames(asked, own, space.ofFormula(pointFormula(point)), true).accepted;
    const rules = (piece?.trace ?? []).map(({ name, verdict }) => ({ name, verdict }));
    const { wire = PLAIN_WIRE[family] } = point;
    const message = `a frame whose socket says IPv${family} and which is ${wireWords(wire)} on the wire leaves by ${device} though nothing grants it (S9.5)`;
    return [{ kind: "leak", message, rules }];
  });
}
