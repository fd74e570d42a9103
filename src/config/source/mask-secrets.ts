import { isWord } from "../field/fault.ts";
import type { Finding } from "./finding.ts";
import type { MapNode, Place, SourceNode } from "./source-node.ts";

/** Keys below which a text is a secret. */
const SECRET_KEYS: readonly string[] = ["privateKey", "presharedKey", "password", "headerProtectionKey", "inline"];

/** Below a secret's key these name its source, unless they are invalid: then the value may be the secret. */
const REFERENCE_KEYS: readonly string[] = ["file", "env", "keychain"];

/** Texts that look like keys, wherever they are: 32 bytes or more in base64, hexadecimal or base64url. */
const KEY_LIKE = /[A-Za-z0-9+/_-]{40,}={0,2}/;

/** Values that are public. */
export function publicKeysOf(roots: readonly MapNode[]): ReadonlySet<string> {
  const found = new Set<string>();
  const visit = (node: SourceNode, key: string): void => {
    if (node.kind === "map") for (const [name, entry] of node.entries) visit(entry.value, name);
    else if (node.kind === "list") for (const item of node.items) visit(item, key);
    else if (key === "publicKey" && typeof node.value === "string") found.add(node.value);
  };
  for (const root of roots) visit(root, "");
  return found;
}

/** Places in the sources that must not be shown: secrets, values of unknown keys, and whatever looks like a key. */
export function secretPlaces(roots: readonly MapNode[], findings: readonly Finding[]): Place[] {
  const unknownKeys = new Set(
    findings.filter((finding) => finding.id === "unknown-key").map(({ place }) => `${place.source} ${place.start}`),
  );
  const found = new Set(findings.map(({ place }) => `${place.source} ${place.start}`));
  const places: Place[] = [];
  const visit = (node: SourceNode, key: string, isSecret: boolean): void => {
    if (node.kind === "map") {
      for (const [name, entry] of node.entries) {
        const isUnknown = [entry.key, entry.value.place].some(({ source, start }) =>
          unknownKeys.has(`${source} ${start}`),
        );
        const isReference =
          REFERENCE_KEYS.includes(name) && !found.has(`${entry.value.place.source} ${entry.value.place.start}`);
        if (isUnknown) places.push(entry.value.place, ...(isWord(name) ? [] : [entry.key]));
        else visit(entry.value, name, SECRET_KEYS.includes(name) || (isSecret && !isReference));
      }
    } else if (node.kind === "list") {
      for (const item of node.items) visit(item, key, isSecret);
    } else if (isSecret || (key !== "publicKey" && typeof node.value === "string" && KEY_LIKE.test(node.value))) {
      places.push(node.place);
    }
  };
  for (const root of roots) visit(root, "", false);
  return places;
}

/** A line, or a part of one from `lineStart`, with the masked places as asterisks; its length and columns stay. */
export function maskLine(line: string, lineStart: number, source: number, secrets: readonly Place[]): string {
  let masked = line;
  for (const place of secrets) {
    const start = Math.max(place.start - lineStart, 0);
    const end = Math.min(place.end - lineStart, line.length);
    if (place.source === source && start < end) {
      masked = masked.slice(0, start) + masked.slice(start, end).replace(/\S/g, "*") + masked.slice(end);
    }
  }
  return masked;
}

/**
 * The visible part of a line of an unreadable text: its values are unknown, so all but the key and punctuation is
 * masked.
 */
export function maskValues(line: string, from: number, shown: string): string {
  const key = /^\s*(?:- +)*["']?[A-Za-z0-9_.-]*["']?\s*:(?=\s|$)/.exec(line)?.[0] ?? "";
  const kept = Math.max(0, key.length - from);
  return shown.slice(0, kept) + shown.slice(kept).replace(/[^\s{}[\],:"'#*&!|>-]/gu, (char) => "*".repeat(char.length));
}
