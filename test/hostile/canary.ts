import { createHash } from "node:crypto";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";

/** A secret that is nowhere but where it was put, and every form in which it could leak. */
export interface Canary {
  readonly name: string;
  /** 32 bytes in base64, as WireGuard's tools write keys. */
  readonly base64: string;
  /** Texts to look for. */
  readonly forms: readonly string[];
}

/** How much of a secret makes a leak: a prefix shown "for recognition" counts too. */
const WINDOW = 12;

/** 32 bytes that depend on the name alone. */
export function keyCanary(name: string): Canary {
  const bytes = createHash("sha256").update(`canary ${name}`).digest();
  const clamped = Buffer.from(bytes);
  clamped[0] = (clamped[0] as number) & 248;
  clamped[31] = ((clamped[31] as number) & 127) | 64;
  const texts = [bytes, clamped].flatMap((one) => [
    one.toString("base64"),
    one.toString("base64url"),
    one.toString("hex"),
    one.toString("hex").toUpperCase(),
    encodeURIComponent(one.toString("base64")),
    Buffer.from(one.toString("base64")).toString("base64"),
    Buffer.from(one.toString("base64")).toString("hex"),
    one.toString("latin1"),
  ]);
  return { name, base64: bytes.toString("base64"), forms: formsOf(texts) };
}

/** A password of letters and signs that URLs, JSON and shells write otherwise. */
export function passwordCanary(name: string): Canary & { readonly text: string } {
  const text = `Zq&${createHash("sha256").update(name).digest("hex").slice(0, 20)}"ü%`;
  const bytes = Buffer.from(text);
  const texts = [text, encodeURIComponent(text), bytes.toString("base64"), bytes.toString("hex"), text.slice(3, 23)];
  return { name, text, base64: bytes.toString("base64"), forms: formsOf(texts) };
}

/** The whole text's first, middle and last windows: whoever prints a part prints one of them. */
function formsOf(texts: readonly string[]): readonly string[] {
  return [
    ...new Set(
      texts.flatMap((text) => {
        const middle = Math.floor((text.length - WINDOW) / 2);
        return [0, middle, text.length - WINDOW].map((at) => text.slice(at, at + WINDOW));
      }),
    ),
  ];
}

/** Names of the canaries that a text holds, in any form. */
export function canariesIn(text: string | Uint8Array, canaries: readonly Canary[]): readonly string[] {
  const bytes = typeof text === "string" ? Buffer.from(text) : Buffer.from(text);
  const latin1 = bytes.toString("latin1");
  const utf8 = bytes.toString("utf8");
  return canaries
    .filter(({ forms }) => forms.some((form) => utf8.includes(form) || latin1.includes(form)))
    .map(({ name }) => name);
}

/** Files below a folder that hold a canary, and which: "state/journal: psk". */
export function leakingFiles(folder: string, canaries: readonly Canary[]): readonly string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .flatMap((path) =>
      canariesIn(readFileSync(path), canaries).map((name) => `${path.slice(folder.length + 1)}: ${name}`),
    )
    .sort();
}

/** Permission bits of a file. */
export function modeOf(path: string): number {
  return statSync(path).mode & 0o777;
}
