import { readFacts } from "../../support/facts.ts";

/** A file of test vectors. */
export function vectors<T>(name: string): T {
  return readFacts<T>(`amneziawg/vectors/${name}`);
}

export function fromHex(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, "hex"));
}

export function toHex(bytes: Uint8Array | undefined): string | undefined {
  return bytes === undefined ? undefined : Buffer.from(bytes).toString("hex");
}
