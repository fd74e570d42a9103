import { isInSync } from "../../model/plan.ts";
import { EXIT } from "../exit-code.ts";
import { loadConfigFor, openSessionFor } from "../open-session.ts";
import { flagOption, type RunVerb } from "../verb.ts";
import { diffDocument, renderDiff } from "../views/diff.ts";
import { styleFor } from "../views/style.ts";

/** `awg diff`: what differs, field by field; exit 1 when something does. */
export const run: RunVerb = async (call) => {
  await using session = await openSessionFor(call);
  const planned = await session.plan(await loadConfigFor(call, session));
  const { terminal } = call;
  if (flagOption(call, "json")) terminal.out(JSON.stringify(diffDocument(planned)));
  else if (!isInSync(planned.plan)) terminal.out(renderDiff(planned.plan, styleFor(terminal.colorOut)));
  else terminal.err("No differences. The machine is as the config says.");
  return isInSync(planned.plan) ? EXIT.success : EXIT.differences;
};
