import { type HostMechanisms, hostMechanisms } from "../../../app/doctor/mechanisms.ts";
import type { DocumentOf } from "../../documents/documents.ts";
import { EXIT } from "../../exit-code.ts";
import { openHostFor } from "../../open-host.ts";
import { flagOption, type RunVerb } from "../../verb.ts";
import { printDocument } from "../../views/json.ts";
import { printText } from "../../views/print-text.ts";
import { type Style, styleFor } from "../../views/style.ts";

/** `awg capabilities`: the mechanisms of this host, found by trying, and the keys that plans refuse here. */
export const run: RunVerb = async (call) => {
  await using host = await openHostFor(call);
  const { capabilities, os } = await host.parts.host.facts.read({ users: [], hosts: [] });
  const found = hostMechanisms(capabilities, os);
  const { terminal } = call;
  if (flagOption(call, "json")) printDocument(terminal, "capabilities", mechanismsDocument(found));
  else printText(terminal, renderMechanisms(found, styleFor(terminal.colorOut)));
  return EXIT.success;
};

/** A line for each mechanism, then the keys that are refused. */
function renderMechanisms({ mechanisms, refused }: HostMechanisms, style: Style): string {
  const width = Math.max(...mechanisms.map(({ name }) => name.length));
  const lines = mechanisms.map(({ name, isAvailable, text }) => {
    const mark = isAvailable ? style.green("✓") : style.yellow("–");
    return `${mark} ${name.padEnd(width)}  ${text}`;
  });
  const keys = refused.map(({ feature, reason }) => `  ${feature}: ${reason}`);
  return [...lines, ...(keys.length === 0 ? [] : ["", "awg plan refuses on this system:", ...keys])].join("\n");
}

/** The same for programs. */
function mechanismsDocument({ system, mechanisms, refused }: HostMechanisms): DocumentOf<"capabilities"> {
  return {
    formatVersion: "1",
    system,
    mechanisms: mechanisms.map(({ id, name, isAvailable, text }) => ({ id, name, available: isAvailable, text })),
    refused,
  };
}
