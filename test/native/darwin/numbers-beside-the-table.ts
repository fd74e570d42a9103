/**
 * Numbers of macOS and of formats that darwin's code declares and the table of Apple's headers does not have under their
 * names, each with its value and where that comes from. A test holds this list against the code: one more or less is red.
 */
export const FROM_ELSEWHERE: Readonly<Record<string, readonly [value: number, source: string]>> = {
  RLIMIT_CORE: [4, "bsd/sys/resource.h, which was not compiled"],
  RLIMIT_BYTES: [16, "bsd/sys/resource.h, struct rlimit of two rlim_t; which was not compiled"],
  PT_DENY_ATTACH: [31, "bsd/sys/ptrace.h, which was not compiled"],
  CLOCK_MONOTONIC_RAW: [4, "darwin-notes section 9; Libc's time.h, which is none of xnu's headers"],
  FAMILY_BYTES: [4, "darwin-notes section 1.6: the family word before each packet of a utun"],
  NAME_AT: [0, "the first field of struct msghdr, of Linux's mmsghdr, too"],
  MESSAGE_BYTES: [64, "Linux's struct mmsghdr, in which the loop keeps its messages"],
  RECEIVED_AT: [56, "Linux's struct mmsghdr"],
  LINUX_AF_INET6: [10, "Linux's include/linux/socket.h"],
  HEAD: [4, "the length, version and type in front of every routing message: darwin-notes section 3"],
  HEADER_BYTES: [8, "struct cs_blob's header as csops writes it (bsd/kern/kern_proc.c)"],
  LEAST_RECORD_BYTES: [8, "the length and kind in front of every record of pcblist_n"],
  LONG: [0xf, "CFBinaryPList.c: the length stands behind the marker"],
  TRAILER_BYTES: [32, "CFBinaryPList.c, CFBinaryPlistTrailer"],
  FIRST_UNREADABLE_UID: [2_147_483_647, "UID_MAX of OpenBSD 4.3's parse.y: pf-notes"],
  NOBODY_UID: [4_294_967_294, "nobody, -2 in macOS's /etc/passwd"],
  FIRST_ICMP6_TYPE: [133, "ND_ROUTER_SOLICIT of RFC 4861"],
  TCP: [6, "IANA's protocol numbers"],
  DNS_PORT: [53, "RFC 1035"],
  SSH_PORT: [22, "RFC 4253"],
  STAFF: [20, "the group of a person's files in macOS"],
  SEARCH_ORDER: [100_000, "darwin-notes section 5: after every service's"],
  MOST_SEQUENCES: [0x7fff_ffff, "rtm_seq of struct rt_msghdr is an int"],
  TUN_DESCRIPTOR: [3, "wireguard-go's WG_TUN_FD"],
};

/** Numbers that are awg's own choice: room, tries and bounds. What ends in `_MS` is a wait and always awg's own. */
export const CHOSEN: readonly string[] = [
  "ADDRESSES_A_LINE",
  "ANSWER_ROOM_BYTES",
  "ARGUMENT_BYTES",
  "CHUNK_BYTES",
  "DEEPEST",
  "DRAINED_BYTES",
  "EVENTS",
  "EXPECTED_PROCESSES",
  "FEW_TOKENS",
  "FILE_MODE",
  "FLIGHTS",
  "FOLDER_MODE",
  "GROWTH",
  "IDENTITY_DIGITS",
  "LEAST_BUFFER_BYTES",
  "LONGEST_ANSWER_BYTES",
  "LONGEST_LIST",
  "LONGEST_OUTPUT_BYTES",
  "MAX_ANSWER_BYTES",
  "MOST_ANCESTORS",
  "MOST_BYTES",
  "MOST_CHARACTERS",
  "MOST_PROCESSES",
  "MOST_READS",
  "MOST_WRITES",
  "ONLY_NAMESPACE",
  "ONLY_TABLE",
  "PENDING_PACKETS",
  "READ_ATTEMPTS",
  "READ_BYTES",
  "RECEIVE_BYTES",
  "ROUNDS",
  "SHOWN_ARGUMENT_BYTES",
  "TRIES",
  "USUAL_MTU",
];

/** Numbers under a name of our own that the table holds by another: a size, an offset, a limit. */
export const BY_ANOTHER_NAME: Readonly<
  Record<
    string,
    { readonly struct: string; readonly field?: string } | { readonly constant: string; readonly less?: number }
  >
> = {
  KEVENT_BYTES: { struct: "kevent" },
  SOCKADDR_IN_BYTES: { struct: "sockaddr_in" },
  SOCKADDR_IN6_BYTES: { struct: "sockaddr_in6" },
  CONTROL_AT: { struct: "msghdr", field: "msg_control" },
  CONTROL_LENGTH_AT: { struct: "msghdr", field: "msg_controllen" },
  MOST_TABLES: { constant: "PFR_KTABLE_HIWAT" },
  MOST_ENTRIES: { constant: "PFR_KENTRY_HIWAT" },
  LONGEST_LABEL: { constant: "PF_RULE_LABEL_SIZE", less: 1 },
};

/** Sizes that a struct had in another version of macOS: its name there, and the tag of xnu. */
export const OF_ANOTHER_VERSION: Readonly<Record<string, { readonly struct: string; readonly tag: string }>> = {
  LEAST_OWNER_BYTES: { struct: "xsocket_n", tag: "xnu-8020.140.41" },
};
