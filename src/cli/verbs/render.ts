import type { Planned } from "../../compose/session.ts";
import { EXIT } from "../exit-code.ts";
import { loadConfigFor, openSessionFor } from "../open-session.ts";
import { flagOption, type RunVerb, textOption } from "../verb.ts";

/** `awg render`: what would be loaded, in the words of the system's tools; loads nothing. */
export const run: RunVerb = async (call) => {
  await using session = await openSessionFor(call);
  const { desired } = await session.plan(await loadConfigFor(call, session));
  if (textOption(call, "for") === "macos") return renderMacos(call, desired);
  const { renderForLinux } = await import("../../compose/render.ts");
  const parts = renderForLinux(desired);
  if (flagOption(call, "json")) call.terminal.out(JSON.stringify({ format_version: "1", system: "linux", parts }));
  else call.terminal.out(parts.map(({ text }) => text).join("\n\n"));
  return EXIT.success;
};

async function renderMacos(call: Parameters<RunVerb>[0], desired: Planned["desired"]): ReturnType<RunVerb> {
  const { renderForMacos } = await import("../../compose/render-macos.ts");
  const { parts, left } = renderForMacos(desired);
  if (flagOption(call, "json"))
    call.terminal.out(JSON.stringify({ format_version: "1", system: "macos", parts, left }));
  else call.terminal.out(parts.map(({ text }) => text).join("\n"));
  if (left.length > 0) call.terminal.err(`not written for macOS yet: ${left.join(", ")}`);
  return EXIT.success;
}
