import type { Session } from "../../../app/session.ts";
import type { Verified } from "../../../verify/finding.ts";
import { EXIT } from "../../exit-code.ts";
import { loadConfigFor, openSessionFor } from "../../open-session.ts";
import { flagOption, listOption, type RunVerb, type VerbCall } from "../../verb.ts";
import { styleFor } from "../../views/style.ts";
import { renderVerified, verifiedDocument } from "../../views/verified.ts";

/** `awg verify`: every packet there can be against the accepted policy; exit 6 when something is found. */
export const run: RunVerb = async (call) => {
  await using session = await openSessionFor(call);
  const report = listOption(call, "file").length === 0 ? await session.verify() : await verifyConfig(call, session);
  const { terminal } = call;
  for (const note of report.notes) terminal.err(`note: ${note}`);
  terminal.out(
    flagOption(call, "json")
      ? JSON.stringify(verifiedDocument(report))
      : renderVerified(report, styleFor(terminal.colorOut)),
  );
  return report.findings.length === 0 ? EXIT.success : EXIT.verification;
};

async function verifyConfig(call: VerbCall, session: Session): Promise<Verified> {
  return session.verifyPlan(await session.plan(await loadConfigFor(call, session)));
}
