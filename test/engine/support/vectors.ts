import { readFileSync } from "node:fs";
import { join } from "node:path";
import { factsFolder } from "../../support/facts.ts";

const FOLDER = factsFolder("awg/vectors");

/** Why tests over recorded vectors are left out, when they are. */
export const VECTORS_MISSING = FOLDER === undefined ? "recorded vectors (AWG_FACTS) are not here" : undefined;

/** A file of recorded vectors. */
export function vectors<T>(name: string): T {
  return JSON.parse(readFileSync(join(FOLDER ?? "", name), "utf8")) as T;
}

export function fromHex(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, "hex"));
}

export function toHex(bytes: Uint8Array | undefined): string | undefined {
  return bytes === undefined ? undefined : Buffer.from(bytes).toString("hex");
}
