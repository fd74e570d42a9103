/** The longest name that is used; longer comments are sentences. */
const MAX_NAME = 40;
/** Marks that programs which write confs put around the name of a peer. */
const MARKS = /^(begin(_peer)?|client|peer|device|name|friendly_name)(\s*[:=]\s*|\s+)/i;

/**
 * The name of a peer in a comment: `# alice phone`, `### bob`, `# Name = carol`, `### begin dave ###`. undefined if the
 * comment is not a name: another `Key = value`, a key, the end of a block.
 */
export function peerNameIn(comment: string): string | undefined {
  let text = comment.replaceAll(/^[#\s]+|[#\s]+$/g, "");
  if (/^end(_peer)?\b/i.test(text)) return undefined;
  while (MARKS.test(text)) text = text.replace(MARKS, "");
  text = text.replace(/\s*\([0-9a-f]{8}-[0-9a-f-]{27}\)$/i, "").trim();
  const isName = /^[\p{L}\p{N}][\p{L}\p{N} ._@+#'-]*$/u.test(text) && text.length <= MAX_NAME;
  return isName && !/[A-Za-z0-9+/]{43}/.test(text) ? text : undefined;
}
