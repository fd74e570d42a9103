/** One tag of a described packet: `<r 16>` has the name `r` and the argument `16`. */
export interface PacketTag {
  readonly name: string;
  /** Empty if there is none; blanks inside are reduced to one. */
  readonly argument: string;
}

/**
 * The tags of a packet in AmneziaWG's tag language (i1 to i5, j1 to j3), in the order of their bytes. Text outside `<`
 * and `>` is ignored, as in amneziawg-go; validation uses {@link textOutsideTags}.
 */
export function packetTags(text: string): readonly PacketTag[] {
  return [...text.matchAll(/<([^<>]*)>/g)].map(([, content = ""]) => {
    const [name = "", ...rest] = content.trim().split(/\s+/);
    return { name, argument: rest.join(" ") };
  });
}

/** The text outside all tags, including an unclosed `<`. */
export function textOutsideTags(text: string): string {
  return text.replace(/<[^<>]*>/g, "").trim();
}

const OF_2_0 =
  /<\s*(?:r[cd]\s|d[sz]?[\s>]|r\s+(?:[1-9][0-9]{4,}|[2-9][0-9]{3}|1[0-9]{2}[1-9]|1[0-9][1-9]0|1[1-9]00))|<\s*([tc])\s*>.*<\s*\1\s*>/;

/**
 * Whether it contains what 1.5 lacks: letters, digits, payloads, more than 1000 random bytes, or two times or counters.
 */
export function areTagsOf20(text: string): boolean {
  return OF_2_0.test(text);
}
