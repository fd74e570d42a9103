/**
 * nft's user data on objects: type, length, value; the kernel stores it unread. `nft` prints the comment and needs the
 * byte order to print a set (nftables include/linux_list.h and libnftnl include/libnftnl/udata.h).
 */
const RULE_COMMENT = 0;
const TABLE_COMMENT = 0;
const CHAIN_COMMENT = 0;
const SET_KEY_BYTE_ORDER = 0;
const SET_COMMENT = 7;
const ELEMENT_COMMENT = 0;
const COMMENT_TYPES = {
  rule: RULE_COMMENT,
  table: TABLE_COMMENT,
  chain: CHAIN_COMMENT,
  set: SET_COMMENT,
  element: ELEMENT_COMMENT,
} as const;
const BYTE_ORDER = { host: 1, network: 2 } as const;
/** NFT_USERDATA_MAXLEN of linux/netfilter/nf_tables.h: bytes of one object's whole user data; more is ERANGE. */
const LONGEST_USERDATA = 256;
/** Type and length before the text, a NUL after it. */
const AROUND_TEXT = 3;

export type CommentedKind = keyof typeof COMMENT_TYPES;

/**
 * The user data of an object with a comment, truncated to the kernel's limit of 253 bytes.
 *
 * @param usedBytes the size of other user data on the same object
 */
export function encodeComment(kind: CommentedKind, comment: string, usedBytes = 0): Uint8Array {
  const text = new TextEncoder().encode(comment).subarray(0, LONGEST_USERDATA - AROUND_TEXT - usedBytes);
  return Uint8Array.of(COMMENT_TYPES[kind], text.length + 1, ...text, 0);
}

/** The user data of a set: the order of its key's bytes, and a comment. */
export function encodeSetUserdata(order: "host" | "network", comment: string | undefined): Uint8Array {
  const key = [SET_KEY_BYTE_ORDER, 4, BYTE_ORDER[order], 0, 0, 0];
  return Uint8Array.of(...key, ...(comment === undefined ? [] : encodeComment("set", comment, key.length)));
}

/** The comment in an object's user data; undefined when there is none or the data is not nft's. */
export function decodeComment(kind: CommentedKind, userdata: Uint8Array | undefined): string | undefined {
  if (userdata === undefined) return undefined;
  let at = 0;
  while (at + 2 <= userdata.length) {
    const length = userdata[at + 1] as number;
    const value = userdata.subarray(at + 2, at + 2 + length);
    if (value.length < length) return undefined;
    if (userdata[at] === COMMENT_TYPES[kind]) {
      const nul = value.indexOf(0);
      return new TextDecoder().decode(nul < 0 ? value : value.subarray(0, nul));
    }
    at += 2 + length;
  }
  return undefined;
}
