import type { AuditEntry } from "../../app/audit/audited.ts";
import type { DocumentOf } from "../documents/documents.ts";
import type { Style } from "./style.ts";

/** Who changed this host, the latest first: a line each. */
export function renderAudit(entries: readonly AuditEntry[], style: Style): string {
  if (entries.length === 0) return "No change of this host is recorded.";
  return entries
    .toReversed()
    .map((entry) => renderEntry(entry, style))
    .join("\n");
}

function renderEntry({ at, request, result, generation, error, ...who }: AuditEntry, style: Style): string {
  const time = at.replace(/\.\d+Z$/, "Z");
  const color = result === "failed" ? style.red : result === "reverted" ? style.yellow : (text: string) => text;
  const what = generation === null ? "" : ` (generation ${generation})`;
  return `${time}  ${request} by ${whoText(who)}: ${color(result)}${what}${error === undefined ? "" : `: ${error}`}`;
}

function whoText({ door, uid, sudoUser, role }: Pick<AuditEntry, "door" | "uid" | "sudoUser" | "role">): string {
  if (door === "daemon") return "the daemon";
  const user = sudoUser === undefined ? `uid ${uid}` : `${sudoUser} with sudo`;
  return door === "api" ? `${user} (${role ?? "no role"}) by the API` : user;
}

/** The same as one JSON document, oldest first. */
export function auditDocumentOf(entries: readonly AuditEntry[]): DocumentOf<"audit"> {
  return { formatVersion: "1", entries };
}
