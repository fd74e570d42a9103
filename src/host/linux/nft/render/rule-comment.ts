const COMMENT_BYTES = 127;

/** The comment of the nftables rule of the default. */
export const COMMENT_OF_DEFAULT = "S4.7 default";

/** The comment of the nftables rules of a rule of the config. */
export function commentOfRule(origin: string): string {
  return plainComment(`S4.4 ${origin}`);
}

/**
 * Rule names come from the configuration, and people feed what `nft list` prints back to nft: nothing that ends a quoted
 * string may stand in a comment, nor more than the 128 bytes that nft takes.
 */
export function plainComment(text: string): string {
  return text.replaceAll(/[^\x20-\x7e]|["\\]/g, "?").slice(0, COMMENT_BYTES);
}
