import type { AwgError } from "../../../model/error.ts";
import { EXIT } from "../../exit-code.ts";
import { openSessionFor } from "../../open-session.ts";
import { flagOption, type RunVerb } from "../../verb.ts";
import { styleFor } from "../../views/style.ts";
import { renderStatus, statusDocument } from "./status.view.ts";

/** `awg status`: conditions and resources as the last accepted state sees them. */
export const run: RunVerb = async (call) => {
  let silence: AwgError | undefined;
  await using session = await openSessionFor(call, false, (told) => {
    silence = told;
  });
  const seen = await session.status().catch(async (cause: unknown) => {
    throw await session.ifUnreadable(cause, "tell");
  });
  const status = silence === undefined ? seen : { ...seen, silentKeeper: silence };
  const { terminal } = call;
  terminal.out(
    flagOption(call, "json")
      ? JSON.stringify(statusDocument(status))
      : renderStatus(status, styleFor(terminal.colorOut)),
  );
  return EXIT.success;
};
