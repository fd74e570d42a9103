import type { PacketTemplate } from "../../../src/engine/awg/packet-template.ts";

/** What the tags of a recorded signature packet hold. */
export interface TagLabels {
  /** Random bytes, letters and digits as they were sent, one entry a tag. */
  readonly random: readonly Uint8Array[];
  readonly unixSeconds: number | undefined;
  readonly counter: number | undefined;
}

/** Reads a recorded packet back by its template; undefined when it is not one of it. Independent of the renderer. */
export function labelTags(template: PacketTemplate, packet: Uint8Array): TagLabels | undefined {
  if (packet.length !== template.sizeBytes) return undefined;
  const random: Uint8Array[] = [];
  let unixSeconds: number | undefined;
  let counter: number | undefined;
  let at = 0;
  for (const part of template.parts) {
    const size = part.kind === "bytes" ? part.bytes.length : part.sizeBytes;
    const field = packet.subarray(at, at + size);
    at += size;
    if (part.kind === "bytes") {
      if (!part.bytes.every((byte, index) => byte === field[index])) return undefined;
    } else if (part.kind === "random") {
      const { alphabet } = part;
      if (alphabet !== undefined && !field.every((byte) => alphabet.includes(String.fromCharCode(byte))))
        return undefined;
      random.push(field.slice());
    } else {
      const value = Number(BigInt(`0x${Buffer.from(field).toString("hex")}`));
      if (part.kind === "time") unixSeconds = value;
      else counter = value;
    }
  }
  return { random, unixSeconds, counter };
}

/** The random bytes that make the renderer spell a field again: the places of its characters in the alphabet. */
export function drawsOf(template: PacketTemplate, { random }: TagLabels): readonly Uint8Array[] {
  const alphabets = template.parts.flatMap((part) => (part.kind === "random" ? [part.alphabet] : []));
  return random.map((field, index) => {
    const alphabet = alphabets[index];
    return alphabet === undefined ? field : field.map((byte) => alphabet.indexOf(String.fromCharCode(byte)));
  });
}
