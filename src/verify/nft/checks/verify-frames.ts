import type { VerifyFinding } from "../../finding.ts";
import { POSSIBLE } from "../../policy/possible-packets.ts";
import { deviceIn } from "../../space/packet-fields.ts";
import { grantedFrames } from "../granted-frames.ts";
import { sendFrames, unionOf, within } from "../packet-paths.ts";
import type { FamilyQuestion } from "../ruleset-question.ts";
import { showPacketSets } from "../show-packets.ts";

/** S9: IP packets from raw sockets at each physical device. One finding for each path through the rules. */
export function verifyFrames(asked: FamilyQuestion): VerifyFinding[] {
  const { space, own, question } = asked;
  if (question.framed.length === 0) return [];
  const { diagrams } = space;
  const onDevices = space.ofFormula(deviceIn("out", question.framed));
  const possible = diagrams.and(space.ofFormula(POSSIBLE.frame), onDevices);
  const refused = diagrams.minus(possible, grantedFrames(asked));
  const open = diagrams.and(unionOf(space, sendFrames(asked, own, refused).accepted), refused);
  return showPacketSets(asked, "frame", "leak", within(space, sendFrames(asked, own, open, true).accepted, open));
}
