import { AwgError } from "../../model/error.ts";
import { EXIT } from "../exit-code.ts";
import { loadConfigFor, openSessionFor } from "../open-session.ts";
import { flagOption, type RunVerb, textOption } from "../verb.ts";

/** `awg render`: what would be loaded, in the words of the system's tools; loads nothing. */
export const run: RunVerb = async (call) => {
  if (textOption(call, "for") === "macos") {
    throw new AwgError("unsupported", "rendering for macOS is unsupported here yet", { remedy: "use --for linux" });
  }
  await using session = await openSessionFor(call);
  const { desired } = await session.plan(await loadConfigFor(call, session));
  const { renderForLinux } = await import("../../compose/render.ts");
  const parts = renderForLinux(desired);
  if (flagOption(call, "json")) call.terminal.out(JSON.stringify({ format_version: "1", system: "linux", parts }));
  else call.terminal.out(parts.map(({ text }) => text).join("\n\n"));
  return EXIT.success;
};
