import { loadConfig } from "../../config/load-config.ts";
import { list, map, type Outline, renderOutline, scalar } from "../config-tree.ts";
import { hasErrors, type Imported, type ImportOptions } from "../import-config.ts";
import { importError, importNote } from "../import-finding.ts";
import type { ImportedSecret } from "../imported-tunnel.ts";
import { objectOf } from "./json-value.ts";

/** Keys that hold a secret or a reference to one. */
const SECRET_KEYS = ["privateKey", "presharedKey", "headerProtectionKey", "password"];

/** Imports awg's own config in JSON: the same in YAML, with inline secrets in files of their own. */
export function importAwgJson(text: string, document: unknown, { source, secretsDir }: ImportOptions): Imported {
  const { problems } = loadConfig([{ name: source, text }]);
  const findings = problems
    .filter(({ id }) => id !== "secret-inline")
    .map(({ severity, line, column, message, remedy }) => {
      const place = `${source}:${line}:${column}`;
      return severity === "error" ? importError(place, message, remedy) : importNote(place, message, remedy);
    });
  if (hasErrors(findings)) return { text: "", secrets: [], findings };
  const secrets: ImportedSecret[] = [];
  const outline = outlineOf(document, [], { folder: secretsDir.replace(/\/$/, ""), secrets });
  return { text: renderOutline(outline).text, secrets, findings };
}

interface SecretFolder {
  readonly folder: string;
  readonly secrets: ImportedSecret[];
}

function outlineOf(value: unknown, path: readonly string[], into: SecretFolder): Outline {
  const inline = inlineSecret(value, path.at(-1) ?? "");
  if (inline !== undefined) {
    const file = `${into.folder}/${path.filter((step) => step !== "tunnels").join(".")}`;
    into.secrets.push({ path: file, value: inline });
    return map({ file: scalar(file) });
  }
  if (Array.isArray(value))
    return list(value.map((item, index) => outlineOf(item, [...path, String(index + 1)], into)));
  const object = objectOf(value);
  if (object === undefined) return scalar(value as string | number | boolean);
  const entries = Object.entries(object).map(([key, one]) => ({ key, value: outlineOf(one, [...path, key], into) }));
  return { kind: "map", entries };
}

/** A secret in the place of a reference. */
function inlineSecret(value: unknown, key: string): string | undefined {
  if (!SECRET_KEYS.includes(key)) return undefined;
  if (typeof value === "string") return value;
  const inline = objectOf(value)?.["inline"];
  return typeof inline === "string" ? inline : undefined;
}
