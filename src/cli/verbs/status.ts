import { EXIT } from "../exit-code.ts";
import { openSessionFor } from "../open-session.ts";
import { flagOption, type RunVerb } from "../verb.ts";
import { renderStatus, statusDocument } from "../views/status.ts";
import { styleFor } from "../views/style.ts";

/** `awg status`: conditions and resources as the last accepted state sees them. */
export const run: RunVerb = async (call) => {
  await using session = await openSessionFor(call);
  const status = await session.status().catch(async (cause: unknown) => {
    throw await session.ifUnreadable(cause, "tell");
  });
  const { terminal } = call;
  terminal.out(
    flagOption(call, "json")
      ? JSON.stringify(statusDocument(status))
      : renderStatus(status, styleFor(terminal.colorOut)),
  );
  return EXIT.success;
};
