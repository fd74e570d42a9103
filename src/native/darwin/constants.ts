/**
 * Numbers of macOS's headers that awg uses, under their C names, each group under its header. A test compares every one
 * with the table compiled from Apple's published sources (xnu-11417.121.6, macOS 15.5).
 */

/** bsd/sys/socket.h, bsd/sys/fcntl.h */
export const SOCKET = {
  AF_UNSPEC: 0,
  AF_INET: 2,
  AF_ROUTE: 17,
  AF_LINK: 18,
  AF_INET6: 30,
  AF_SYSTEM: 32,
  PF_ROUTE: 17,
  PF_SYSTEM: 32,
  SOCK_DGRAM: 2,
  SOCK_RAW: 3,
  SOL_SOCKET: 0xffff,
  SO_USELOOPBACK: 0x40,
  SO_SNDBUF: 0x1001,
  SO_RCVBUF: 0x1002,
  MSG_DONTWAIT: 0x80,
  F_SETFD: 2,
  F_GETFL: 3,
  F_SETFL: 4,
  FD_CLOEXEC: 1,
  O_NONBLOCK: 4,
  IPPROTO_IP: 0,
  IPPROTO_IPV6: 41,
  IP_TTL: 4,
  IP_BOUND_IF: 25,
  IPV6_UNICAST_HOPS: 4,
  IPV6_V6ONLY: 27,
  IPV6_BOUND_IF: 125,
} as const;

/** bsd/sys/un.h, and the part of bsd/sys/socket.h for local sockets */
export const LOCAL = {
  AF_UNIX: 1,
  SOCK_STREAM: 1,
  SO_SNDTIMEO: 0x1005,
  SO_RCVTIMEO: 0x1006,
  SOL_LOCAL: 0,
  LOCAL_PEERCRED: 1,
} as const;

/** bsd/sys/sysctl.h, bsd/sys/socket.h */
export const SYSCTL = {
  CTL_NET: 4,
  NET_RT_DUMP: 1,
  NET_RT_IFLIST2: 6,
} as const;

/** bsd/net/route.h */
export const ROUTE = {
  RTM_VERSION: 5,
  RTM_ADD: 1,
  RTM_DELETE: 2,
  RTM_CHANGE: 3,
  RTM_GET: 4,
  RTM_MISS: 7,
  RTM_NEWADDR: 0xc,
  RTM_DELADDR: 0xd,
  RTM_IFINFO: 0xe,
  RTM_NEWMADDR: 0xf,
  RTM_DELMADDR: 0x10,
  RTM_IFINFO2: 0x12,
  RTM_NEWMADDR2: 0x13,
  RTM_GET2: 0x14,
  RTF_UP: 0x1,
  RTF_GATEWAY: 0x2,
  RTF_HOST: 0x4,
  RTF_REJECT: 0x8,
  RTF_DONE: 0x40,
  RTF_STATIC: 0x800,
  RTF_BLACKHOLE: 0x1000,
  RTF_PROTO3: 0x40000,
  RTF_WASCLONED: 0x20000,
  RTF_IFSCOPE: 0x1000000,
  RTA_DST: 0x1,
  RTA_GATEWAY: 0x2,
  RTA_NETMASK: 0x4,
  RTA_IFP: 0x10,
  RTA_IFA: 0x20,
  RTV_MTU: 0x1,
  RTAX_DST: 0,
  RTAX_GATEWAY: 1,
  RTAX_NETMASK: 2,
  RTAX_IFP: 4,
  RTAX_IFA: 5,
  RTAX_MAX: 8,
} as const;

/** bsd/net/if.h, bsd/sys/sockio.h, bsd/netinet6/in6_var.h, bsd/netinet6/nd6.h */
export const INTERFACE = {
  IFF_UP: 0x1,
  IFF_LOOPBACK: 0x8,
  IFF_POINTOPOINT: 0x10,
  IFF_RUNNING: 0x40,
  IFNAMSIZ: 16,
  SIOCGIFFLAGS: 0xc0206911,
  SIOCSIFFLAGS: 0x80206910,
  SIOCGIFMTU: 0xc0206933,
  SIOCSIFMTU: 0x80206934,
  SIOCAIFADDR: 0x8040691a,
  SIOCDIFADDR: 0x80206919,
  SIOCAIFADDR_IN6: 0x8080691a,
  SIOCDIFADDR_IN6: 0x81206919,
  IN6_IFF_NODAD: 0x20,
  IN6_IFF_SECURED: 0x400,
  ND6_INFINITE_LIFETIME: 0xffffffff,
} as const;

/** bsd/sys/kern_control.h, bsd/sys/sys_domain.h, bsd/net/if_utun.h */
export const CONTROL = {
  SYSPROTO_CONTROL: 2,
  AF_SYS_CONTROL: 2,
  MAX_KCTL_NAME: 96,
  CTLIOCGINFO: 0xc0644e03,
  UTUN_OPT_IFNAME: 2,
  UTUN_OPT_MAX_PENDING_PACKETS: 16,
  UTUN_CONTROL_NAME: "com.apple.net.utun_control",
} as const;

/** bsd/net/pfvar.h */
export const PF = {
  DIOCSTARTREF: 0x40084408,
  DIOCSTOPREF: 0xc0104409,
  DIOCGETSTARTERS: 0xc0104405,
  DIOCGETSTATUS: 0xc1b84415,
  DIOCKILLSTATES: 0xc0d84429,
  PF_ADDR_ADDRMASK: 0,
  PF_OP_NONE: 0,
  PF_OP_EQ: 2,
} as const;
