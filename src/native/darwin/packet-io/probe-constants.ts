/** bsd/sys/socket.h, bsd/netinet/in.h: what only the sockets of probes need. */
export const PROBE_SOCKET = {
  SOCK_STREAM: 1,
  SOCK_RAW: 3,
  SO_ERROR: 0x1007,
  IPPROTO_ICMP: 1,
  IPPROTO_TCP: 6,
  IPPROTO_ICMPV6: 58,
} as const;
