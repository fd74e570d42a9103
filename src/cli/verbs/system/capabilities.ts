import { PURPOSES, type Purpose } from "../../../app/capabilities/mechanism-catalogue.ts";
import {
  type HostMechanisms,
  hostMechanisms,
  type Mechanism,
  purposesWithout,
} from "../../../app/capabilities/mechanisms.ts";
import { tryProcesses } from "../../../app/capabilities/try-processes.ts";
import type { HostParts } from "../../../app/parts.ts";
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
  const found = await readMechanisms(host.parts);
  const { terminal } = call;
  if (flagOption(call, "json")) printDocument(terminal, "capabilities", mechanismsDocument(found));
  else printText(terminal, renderMechanisms(found, styleFor(terminal.colorOut)));
  return EXIT.success;
};

async function readMechanisms({ host, processes }: HostParts): Promise<HostMechanisms> {
  const facts = await host.facts.read({ users: [], hosts: [], rates: "all" });
  const port = await processes?.();
  return hostMechanisms(facts, {
    runtime: { ok: true, detail: `Node.js ${process.versions.node}, ${facts.os} ${process.arch}` },
    ...(port === undefined ? {} : await tryProcesses(port, facts.os)),
  });
}

/** The mechanisms of each purpose, a line for each, then the keys that are refused. */
function renderMechanisms({ mechanisms, refused }: HostMechanisms, style: Style): string {
  const width = Math.max(...mechanisms.map(({ name }) => name.length));
  const line = ({ name, isAvailable, text }: Mechanism): string =>
    `  ${isAvailable ? style.green("✓") : style.yellow("–")} ${name.padEnd(width)}  ${text}`;
  const without = new Set(purposesWithout(mechanisms));
  const groups = [...Map.groupBy(mechanisms, ({ purpose }) => purpose)].flatMap(([purpose, some]) => [
    headingOf(purpose, without),
    ...some.map(line),
  ]);
  const keys = refused.map(({ feature, reason }) => `  ${feature}: ${reason}`);
  return [...groups, ...(keys.length === 0 ? [] : ["", "awg plan refuses on this system:", ...keys])].join("\n");
}

function headingOf(purpose: Purpose, without: ReadonlySet<Purpose>): string {
  return `${PURPOSES[purpose]}${without.has(purpose) ? " (none available)" : ""}`;
}

/** The same for programs. */
function mechanismsDocument({ system, mechanisms, refused }: HostMechanisms): DocumentOf<"capabilities"> {
  return {
    formatVersion: "1",
    system,
    mechanisms: mechanisms.map(({ isAvailable, ...one }) => ({ ...one, available: isAvailable })),
    refused,
  };
}
