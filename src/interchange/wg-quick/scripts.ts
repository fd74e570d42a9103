import { type ImportFinding, importNote } from "../import-finding.ts";
import { SCRIPT_KEYS } from "./conf-keys.ts";
import type { SectionValues, Sourced } from "./read-section.ts";

/** What a script of wg-quick does, as far as its text shows. */
type ScriptKind = "kill-switch" | "gateway" | "other";

const NO_SCRIPTS = "awg runs no scripts";
const REMEDY = "replace it by rules, killSwitch and dns";

/**
 * Reports the scripts of a conf, none of which is imported. Returns whether one of them was a kill switch.
 */
export function reportScripts(values: SectionValues, findings: ImportFinding[]): boolean {
  const scripts = SCRIPT_KEYS.flatMap((name) => values.all(name).map((script) => ({ name, script })));
  const ups = scripts.filter(({ name }) => name.endsWith("Up")).map(({ script }) => kindOf(script));
  for (const { name, script } of scripts) findings.push(noteOf(name, script, ups));
  return ups.includes("kill-switch");
}

function noteOf(name: string, script: Sourced, ups: readonly ScriptKind[]): ImportFinding {
  const kind = kindOf(script);
  const isUndone = name.endsWith("Down") && kind !== "other" && ups.includes(kind) && !ups.includes("other");
  if (isUndone) return importNote(script.place, `${name} is not imported: it undoes what PostUp or PreUp did`);
  if (kind === "kill-switch")
    return importNote(script.place, `${name} was a kill switch; killSwitch in the config replaces it`);
  if (kind === "gateway") {
    const message = `${name} is not imported: it ${gatewayWords(script)}, and awg cannot do that yet`;
    return importNote(script.place, message, "keep that part in a script or service of your own");
  }
  return importNote(script.place, `${name} is not imported: ${NO_SCRIPTS}`, REMEDY);
}

/** Providers' kill switches reject what does not have the mark of wg-quick (wg-quick(8)). */
function kindOf({ value }: Pick<Sourced, "value">): ScriptKind {
  if (/\b(reject|drop)\b/i.test(value) && /\bmark\b|fwmark/i.test(value)) return "kill-switch";
  return gatewayWords({ value }) === "" ? "other" : "gateway";
}

function gatewayWords({ value }: Pick<Sourced, "value">): string {
  const forwards = /\bforward\b|ip_forward|\bforwarding\b/i.test(value) ? ["forwards packets"] : [];
  const masquerades = /\bmasquerade\b|\bsnat\b/i.test(value) ? ["masquerades"] : [];
  return [...forwards, ...masquerades].join(" and ");
}
