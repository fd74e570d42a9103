import { readRegularFile } from "../../../app/load/read-config-file.ts";
import type { LoadedConfig, Planned, Session } from "../../../app/session.ts";
import { AwgError } from "../../../model/error.ts";
import type { ExitCode } from "../../exit-code.ts";
import { changeMachine, loadConfigFor } from "../../open-session.ts";
import { selectionOf } from "../../selection.ts";
import { flagOption, type RunVerb, type VerbCall } from "../../verb.ts";
import { styleFor } from "../../views/style.ts";
import { renderVerified } from "../../views/verified.ts";
import { refuseWrongTime } from "./await-confirmation.ts";
import { carryOut } from "./execute-plan.ts";

/** `awg apply [PLAN]`: plan, ask, carry out, read back. */
export const run: RunVerb = async (call) => {
  refuseWrongTime(call);
  return changeMachine(call, (session) => applyWith(call, session), true);
};

async function applyWith(call: VerbCall, session: Session): Promise<ExitCode> {
  const saved = call.args[0];
  const selection = selectionOf(call);
  if (saved !== undefined && selection !== undefined) {
    throw new AwgError("usage", "a saved plan carries its own selection", {
      remedy: "give --target, --exclude and --replace to awg plan --out",
    });
  }
  const planned =
    saved === undefined
      ? await planFrom(session, await loadConfigFor(call, session), call)
      : await session.readSavedPlan(readRegularFile(saved).text);
  if (flagOption(call, "verify")) await refuseUnproven(call, session, planned);
  return await carryOut(call, session, planned, {
    question: "Apply this?",
    approved: saved !== undefined,
    done: (_, { generation }) => `Applied; everything was read back and is as planned. Generation ${generation}.`,
    nothing: "No changes. The machine is as the config says; nothing was written.",
  });
}

/** Between the plan and its end nobody is asked and nothing is proven: it is made under the lock at once. */
function planFrom(session: Session, loaded: LoadedConfig, call: VerbCall): Promise<Planned> {
  const isAtOnce = flagOption(call, "autoApprove") && !flagOption(call, "verify");
  return isAtOnce ? session.planAndHold(loaded, selectionOf(call)) : session.plan(loaded, selectionOf(call));
}

/** AwgError verification where a state on the way would let pass what nothing grants. */
async function refuseUnproven(call: VerbCall, session: Session, planned: Planned): Promise<void> {
  const verified = await session.verifyPlan(planned);
  if (verified.findings.length === 0) return;
  call.terminal.err(renderVerified(verified, styleFor(call.terminal.colorErr)));
  throw new AwgError("verification", "the plan does not hold for every packet; nothing was changed", {
    remedy: "take away the rule above where it is another program's; where it is awg's own, report it with the packet",
  });
}
