import type { OpenHost } from "../../../app/open-host.ts";
import { planConfig } from "../../../app/plan/planner.ts";
import type { ToRender } from "../../../app/render/omissions.ts";
import { AwgError } from "../../../model/error.ts";
import { withConfigFiles } from "../../config-files.ts";
import { EXIT } from "../../exit-code.ts";
import { loadConfigFor, openHostFor } from "../../open-host.ts";
import { flagOption, type RunVerb, textOption, type VerbCall } from "../../verb.ts";
import { printDocument } from "../../views/json.ts";
import { printNotes } from "../../views/notes.ts";

/** `awg render`: what would be loaded, in the words of the system's tools; loads nothing. */
export const run: RunVerb = async (asked) => {
  const call = withConfigFiles(asked, asked.args);
  await using host = await openHostFor(call);
  if (textOption(call, "for") === "macos") {
    const { desired, notes } = await desiredForMacos(call, host);
    const { renderForMacos } = await import("../../../app/render/render-macos.ts");
    return await print(call, "macos", { notes, ...renderForMacos(desired) });
  }
  const { desired, notes } = await desiredFor(call, host);
  const { renderForLinux } = await import("../../../app/render/render-linux.ts");
  return await print(call, "linux", { notes, parts: renderForLinux(desired), left: [] });
};

interface Rendered extends Pick<ToRender, "notes"> {
  readonly parts: readonly { readonly key: string; readonly text: string }[];
  /** Resources that the system has no words for. */
  readonly left: readonly string[];
}

/** Prints the texts, or one document; what is left out of them goes to stderr too, what else there is to know with the texts. */
async function print(call: VerbCall, system: "linux" | "macos", { parts, ...rendered }: Rendered): ReturnType<RunVerb> {
  const { leftOut } = await import("../../../app/render/omissions.ts");
  const { left, notes } = leftOut(rendered.notes);
  const all = [...rendered.left, ...left];
  const isJson = flagOption(call, "json");
  if (isJson) printDocument(call.terminal, "render", { formatVersion: "1", system, parts, left: all, notes });
  else call.terminal.out(parts.map(({ text }) => text).join(system === "linux" ? "\n\n" : "\n"));
  for (const one of all) call.terminal.err(`left out: ${one}`);
  if (!isJson) printNotes(notes, call.terminal);
  return EXIT.success;
}

/** Without the right to read the host: what its kernel version and devices promise, with stand-ins for secrets. */
async function desiredFor(call: VerbCall, host: OpenHost): Promise<ToRender> {
  const loaded = await loadConfigFor(call, host);
  const isSimulated = textOption(call, "host")?.startsWith("simulated") === true;
  if (isSimulated || process.geteuid?.() === 0) return await planConfig(host.parts, loaded);
  const { desiredForAnyone } = await import("../../../app/render/render-offline.ts");
  call.terminal.err("Not root: rendered without this host's state, so numbers may differ from a plan's.");
  return desiredForAnyone(host.parts, loaded);
}

/** The plan of a Mac for itself, also of a simulated one; on any other host, what the config needs on a Mac. */
async function desiredForMacos(call: VerbCall, host: OpenHost): Promise<ToRender> {
  const loaded = await loadConfigFor(call, host);
  const { desiredForMac, isForMac } = await import("../../../app/render/render-offline.ts");
  const isSimulated = textOption(call, "host")?.startsWith("simulated") === true;
  if (!isSimulated && (host.parts.host.name !== "darwin" || process.geteuid?.() !== 0)) return desiredForMac(loaded);
  try {
    const planned = await planConfig(host.parts, loaded);
    return isForMac(planned.desired) ? planned : desiredForMac(loaded);
  } catch (error) {
    if (error instanceof AwgError && error.kind === "unsupported") return desiredForMac(loaded);
    throw error;
  }
}
