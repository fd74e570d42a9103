import { statSync } from "node:fs";
import { type PlannedUnderLock, planUnderLock } from "../../../app/apply/plan-under-lock.ts";
import { isSavedPlan } from "../../../app/load/is-saved-plan.ts";
import { readRegularFile } from "../../../app/load/read-config-file.ts";
import type { OpenHost } from "../../../app/open-host.ts";
import type { Planned } from "../../../app/plan/planned.ts";
import { planConfig } from "../../../app/plan/planner.ts";
import { AwgError } from "../../../model/error.ts";
import { withConfigFiles } from "../../config-files.ts";
import type { ExitCode } from "../../exit-code.ts";
import { changeHost, loadConfigFor } from "../../open-host.ts";
import { selectionOf } from "../../selection.ts";
import { flagOption, type RunVerb, type VerbCall } from "../../verb.ts";
import { styleFor } from "../../views/style.ts";
import { renderVerified } from "../../views/verified.ts";
import { refuseWrongTime } from "./await-confirmation.ts";
import { executeVerb } from "./execute-plan.ts";

/** `awg apply [FILE]`: plan, ask, execute, read back. The file is a config or a saved plan, by its content. */
export const run: RunVerb = async (asked) => {
  refuseWrongTime(asked);
  const [file] = asked.args;
  const isPlan = file !== undefined && file !== "-" && (await holdsSavedPlan(file));
  const call = isPlan ? asked : withConfigFiles(asked, asked.args);
  return changeHost(call, (host) => applyWith(call, host, isPlan ? file : undefined), true);
};

async function holdsSavedPlan(path: string): Promise<boolean> {
  if (statSync(path, { throwIfNoEntry: false })?.isFile() !== true) return false;
  return isSavedPlan(readRegularFile(path).text);
}

async function applyWith(call: VerbCall, host: OpenHost, saved: string | undefined): Promise<ExitCode> {
  const selection = selectionOf(call);
  if (saved !== undefined && selection !== undefined) {
    throw new AwgError("usage", "a saved plan carries its own selection", {
      remedy: "give --target, --exclude and --replace to awg plan --out",
    });
  }
  const { planned, lock } = saved === undefined ? await planFrom(call, host) : await planSaved(saved, host);
  await using _lock = lock;
  if (flagOption(call, "verify")) await refuseUnproven(call, host, planned);
  return await executeVerb(
    call,
    host,
    { planned, ...(lock === undefined ? {} : { lock }) },
    {
      request: "apply",
      question: "Apply these changes?",
      approved: saved !== undefined,
      done: (_, { generation }) => `Applied and verified (generation ${generation}).`,
      nothing: "No changes. The host is as the config says.",
    },
  );
}

async function planSaved(path: string, host: OpenHost): Promise<PlannedUnderLock> {
  const { readSavedPlan } = await import("../../../app/plan/saved-plan.ts");
  return { planned: await readSavedPlan(readRegularFile(path).text, host) };
}

/** Without a question or a proof in between, the plan is made under the lock and need not be made again. */
async function planFrom(call: VerbCall, host: OpenHost): Promise<PlannedUnderLock> {
  const loaded = await loadConfigFor(call, host);
  const makePlan = () => planConfig(host.parts, loaded, selectionOf(call));
  const isAtOnce = flagOption(call, "autoApprove") && !flagOption(call, "verify");
  return isAtOnce ? planUnderLock(host.parts, makePlan) : { planned: await makePlan() };
}

/** AwgError verification if a state during the plan would pass packets that no rule grants. */
async function refuseUnproven(call: VerbCall, { parts }: OpenHost, { plan }: Planned): Promise<void> {
  const { verifyPlan } = await import("../../../app/verify/verify-plan.ts");
  const verified = await verifyPlan(parts, plan);
  if (verified.findings.length === 0) return;
  call.terminal.err(renderVerified(verified, styleFor(call.terminal.colorErr)));
  throw new AwgError("verification", "the plan does not hold for every packet; nothing was changed", {
    remedy: "if the rule above is another program's, remove it; if it is awg's, report it with the packet",
  });
}
