/** One tag of a described packet: `<r 16>` has the name `r` and the argument `16`. */
export interface PacketTag {
  readonly name: string;
  /** Empty where there is none; inner blanks are one blank. */
  readonly argument: string;
}

/**
 * The tags of a packet in AmneziaWG's tag language (i1 to i5, j1 to j3), in the order of their bytes. Text outside of
 * `<` and `>` is not looked at, as amneziawg-go does; whoever validates uses {@link textOutsideTags}.
 */
export function packetTags(text: string): readonly PacketTag[] {
  return [...text.matchAll(/<([^<>]*)>/g)].map(([, content = ""]) => {
    const [name = "", ...rest] = content.trim().split(/\s+/);
    return { name, argument: rest.join(" ") };
  });
}

/** What stands outside of all tags, an unclosed `<` included. */
export function textOutsideTags(text: string): string {
  return text.replace(/<[^<>]*>/g, "").trim();
}
