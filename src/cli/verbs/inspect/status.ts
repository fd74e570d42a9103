import { readStatus } from "../../../app/status/machine-status.ts";
import type { Condition, Status } from "../../../app/status/status-report.ts";
import type { AwgError } from "../../../model/error.ts";
import { EXIT } from "../../exit-code.ts";
import { openHostFor } from "../../open-host.ts";
import { flagOption, type RunVerb, textOption } from "../../verb.ts";
import { printDocument } from "../../views/json.ts";
import { printText } from "../../views/print-text.ts";
import { styleFor } from "../../views/style.ts";
import { renderStatus, statusDocument } from "./status.view.ts";

/** `awg status`: conditions and resources as the last accepted state sees them. */
export const run: RunVerb = async (call) => {
  let silence: AwgError | undefined;
  await using host = await openHostFor(call, false, (error) => {
    silence = error;
  });
  const seen = await readStatus(host.parts).catch(async (cause: unknown) => {
    const { explainFailure } = await import("../../../app/protect/failed-verb.ts");
    throw await explainFailure(host.parts, cause);
  });
  const status = silence === undefined ? seen : { ...seen, silentKeeper: silence };
  const { terminal } = call;
  if (flagOption(call, "json")) printDocument(terminal, "status", statusDocument(status));
  else printText(terminal, renderStatus(status, styleFor(terminal.colorOut)));
  const check = textOption(call, "check");
  return check === undefined || passes(status, check) ? EXIT.success : EXIT.verification;
};

/**
 * `startup`: something is applied, and no change is under way; `live`: the host is also as applied; `ready`: it also
 * carries.
 */
function passes({ conditions, resources }: Status, check: string): boolean {
  const holds = (type: Condition["type"]): boolean => conditions.some((one) => one.type === type && one.status);
  const isStarted = resources.length > 0 && !holds("Reconciling");
  if (check === "startup") return isStarted;
  const isLive = isStarted && !holds("Drifted") && !holds("Stalled");
  return isLive && (check === "live" || holds("Ready"));
}
