import type { OpenHost } from "../../../app/open-host.ts";
import { planConfig } from "../../../app/plan/planner.ts";
import { verifyMachine } from "../../../app/verify/verify-machine.ts";
import { verifyPlan } from "../../../app/verify/verify-plan.ts";
import type { Verified } from "../../../verify/finding.ts";
import { EXIT } from "../../exit-code.ts";
import { loadConfigFor, openHostFor } from "../../open-host.ts";
import { flagOption, listOption, type RunVerb, type VerbCall } from "../../verb.ts";
import { printDocument } from "../../views/json.ts";
import { printText } from "../../views/print-text.ts";
import { styleFor } from "../../views/style.ts";
import { renderVerified, verifiedDocument } from "../../views/verified.ts";

/** `awg verify`: every packet there can be against the accepted policy; exit 6 when something is found. */
export const run: RunVerb = async (call) => {
  await using host = await openHostFor(call);
  const report =
    listOption(call, "file").length === 0 ? await verifyMachine(host.parts) : await verifyConfig(call, host);
  const { terminal } = call;
  for (const note of report.notes) terminal.err(`note: ${note}`);
  if (flagOption(call, "json")) printDocument(terminal, "verify", verifiedDocument(report));
  else printText(terminal, renderVerified(report, styleFor(terminal.colorOut)));
  return report.findings.length === 0 ? EXIT.success : EXIT.verification;
};

async function verifyConfig(call: VerbCall, host: OpenHost): Promise<Verified> {
  const { plan } = await planConfig(host.parts, await loadConfigFor(call, host));
  return verifyPlan(host.parts, plan);
}
