import type { Planned, Session } from "../../compose/session.ts";
import { AwgError } from "../../model/error.ts";
import { EXIT } from "../exit-code.ts";
import { loadConfigFor, openSessionFor } from "../open-session.ts";
import { flagOption, type RunVerb, textOption, type VerbCall } from "../verb.ts";

/** `awg render`: what would be loaded, in the words of the system's tools; loads nothing. */
export const run: RunVerb = async (call) => {
  await using session = await openSessionFor(call);
  if (textOption(call, "for") === "macos") return renderMacos(call, await desiredForMacos(call, session));
  const desired = await desiredFor(call, session);
  const { renderForLinux } = await import("../../compose/rendering/render-linux.ts");
  const parts = renderForLinux(desired);
  if (flagOption(call, "json")) call.terminal.out(JSON.stringify({ format_version: "1", system: "linux", parts }));
  else call.terminal.out(parts.map(({ text }) => text).join("\n\n"));
  return EXIT.success;
};

/** Who may not read the machine sees what its kernel's version and its devices promise, with stand-ins for secrets. */
async function desiredFor(call: VerbCall, session: Session): Promise<Planned["desired"]> {
  const loaded = await loadConfigFor(call, session);
  const isSimulated = textOption(call, "host")?.startsWith("simulated") === true;
  if (isSimulated || process.geteuid?.() === 0) return (await session.plan(loaded)).desired;
  const { desiredForAnyone } = await import("../../compose/rendering/render-for-anyone.ts");
  call.terminal.err("Not root: made without looking into this machine's state, so numbers may differ from a plan's.");
  return desiredForAnyone(loaded);
}

/** What a Mac plans for itself, also a simulated one; any other machine tells what a Mac would be asked for. */
async function desiredForMacos(call: VerbCall, session: Session): Promise<Planned["desired"]> {
  const loaded = await loadConfigFor(call, session);
  const { desiredForMac, isForMac } = await import("../../compose/rendering/render-for-anyone.ts");
  const isSimulated = textOption(call, "host")?.startsWith("simulated") === true;
  if (!isSimulated && (process.platform !== "darwin" || process.geteuid?.() !== 0)) return desiredForMac(loaded);
  try {
    const { desired } = await session.plan(loaded);
    return isForMac(desired) ? desired : desiredForMac(loaded);
  } catch (error) {
    if (error instanceof AwgError && error.kind === "unsupported") return desiredForMac(loaded);
    throw error;
  }
}

async function renderMacos(call: Parameters<RunVerb>[0], desired: Planned["desired"]): ReturnType<RunVerb> {
  const { renderForMacos } = await import("../../compose/rendering/render-macos.ts");
  const { parts, left } = renderForMacos(desired);
  if (flagOption(call, "json"))
    call.terminal.out(JSON.stringify({ format_version: "1", system: "macos", parts, left }));
  else call.terminal.out(parts.map(({ text }) => text).join("\n"));
  if (left.length > 0) call.terminal.err(`not written for macOS yet: ${left.join(", ")}`);
  return EXIT.success;
}
