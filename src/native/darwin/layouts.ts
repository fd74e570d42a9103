import type { StructLayout } from "./struct.codec.ts";

/**
 * The structs of macOS that awg uses, under their C names, with the fields it uses. Apple packs many of them to 4
 * bytes, so C's layout rules do not apply. A test compares each field with the table compiled from Apple's sources
 * (xnu-11417.121.6, macOS 15.5; unchanged since macOS 12).
 */
export const LAYOUTS = {
  /** bsd/net/route.h */
  rt_msghdr: {
    size: 92,
    fields: {
      rtm_msglen: [0, 2],
      rtm_version: [2, 1],
      rtm_type: [3, 1],
      rtm_index: [4, 2],
      rtm_flags: [8, 4],
      rtm_addrs: [12, 4],
      rtm_pid: [16, 4],
      rtm_seq: [20, 4],
      rtm_errno: [24, 4],
      rtm_inits: [32, 4],
      "rtm_rmx.rmx_locks": [36, 4],
      "rtm_rmx.rmx_mtu": [40, 4],
    },
  },
  /** bsd/net/if.h: in messages of the routing socket. */
  if_msghdr: {
    size: 112,
    fields: {
      ifm_msglen: [0, 2],
      ifm_version: [2, 1],
      ifm_type: [3, 1],
      ifm_addrs: [4, 4],
      ifm_flags: [8, 4],
      ifm_index: [12, 2],
      "ifm_data.ifi_type": [16, 1],
      "ifm_data.ifi_mtu": [24, 4],
    },
  },
  /** bsd/net/if.h: in the sysctl NET_RT_IFLIST2. */
  if_msghdr2: {
    size: 160,
    fields: {
      ifm_msglen: [0, 2],
      ifm_version: [2, 1],
      ifm_type: [3, 1],
      ifm_addrs: [4, 4],
      ifm_flags: [8, 4],
      ifm_index: [12, 2],
      "ifm_data.ifi_type": [32, 1],
      "ifm_data.ifi_mtu": [40, 4],
    },
  },
  ifa_msghdr: {
    size: 20,
    fields: {
      ifam_msglen: [0, 2],
      ifam_version: [2, 1],
      ifam_type: [3, 1],
      ifam_addrs: [4, 4],
      ifam_index: [12, 2],
    },
  },
  /** bsd/netinet/in.h */
  sockaddr_in: {
    size: 16,
    fields: { sin_len: [0, 1], sin_family: [1, 1], sin_port: [2, 2], sin_addr: [4, 4] },
  },
  /** bsd/netinet6/in6.h */
  sockaddr_in6: {
    size: 28,
    fields: { sin6_len: [0, 1], sin6_family: [1, 1], sin6_port: [2, 2], sin6_addr: [8, 16], sin6_scope_id: [24, 4] },
  },
  /** bsd/net/if_dl.h: the name begins at sdl_data, the hardware address follows it. */
  sockaddr_dl: {
    size: 20,
    fields: {
      sdl_len: [0, 1],
      sdl_family: [1, 1],
      sdl_index: [2, 2],
      sdl_type: [4, 1],
      sdl_nlen: [5, 1],
      sdl_alen: [6, 1],
      sdl_data: [8, 12],
    },
  },
  /** bsd/sys/kern_control.h */
  sockaddr_ctl: {
    size: 32,
    fields: { sc_len: [0, 1], sc_family: [1, 1], ss_sysaddr: [2, 2], sc_id: [4, 4], sc_unit: [8, 4] },
  },
  ctl_info: { size: 100, fields: { ctl_id: [0, 4], ctl_name: [4, 96] } },
  /** bsd/net/if.h; the kernel's own ifr_name has 16 bytes with its NUL. */
  ifreq: {
    size: 32,
    fields: {
      ifr_name: [0, 16],
      "ifr_ifru.ifru_addr": [16, 16],
      "ifr_ifru.ifru_flags": [16, 2],
      "ifr_ifru.ifru_mtu": [16, 4],
    },
  },
  ifaliasreq: {
    size: 64,
    fields: { ifra_name: [0, 16], ifra_addr: [16, 16], ifra_broadaddr: [32, 16], ifra_mask: [48, 16] },
  },
  /** bsd/netinet6/in6_var.h */
  in6_aliasreq: {
    size: 128,
    fields: {
      ifra_name: [0, 16],
      ifra_addr: [16, 28],
      ifra_dstaddr: [44, 28],
      ifra_prefixmask: [72, 28],
      ifra_flags: [100, 4],
      "ifra_lifetime.ia6t_vltime": [120, 4],
      "ifra_lifetime.ia6t_pltime": [124, 4],
    },
  },
  in6_ifreq: { size: 288, fields: { ifr_name: [0, 16], "ifr_ifru.ifru_addr": [16, 28] } },
  /** bsd/sys/un.h */
  sockaddr_un: { size: 106, fields: { sun_len: [0, 1], sun_family: [1, 1], sun_path: [2, 104] } },
  /** bsd/sys/_types/_timeval.h on 64-bit. */
  timeval: { size: 16, fields: { tv_sec: [0, 8], tv_usec: [8, 4] } },
  /** bsd/sys/ucred.h */
  xucred: { size: 76, fields: { cr_version: [0, 4], cr_uid: [4, 4] } },
  /** bsd/net/pfvar.h */
  pf_status: { size: 440, fields: { running: [376, 4], states: [380, 4] } },
  pfioc_token: {
    size: 84,
    fields: { token_value: [0, 8], timestamp: [8, 8], pid: [16, 4], proc_name: [20, 64] },
  },
  pfioc_tokens: { size: 16, fields: { size: [0, 4], pgt_u: [8, 8] } },
  pfioc_remove_token: { size: 16, fields: { token_value: [0, 8], refcount: [8, 8] } },
  pf_rule_addr: {
    size: 64,
    fields: {
      "addr.v.a.addr": [0, 16],
      "addr.v.a.mask": [16, 16],
      "addr.type": [40, 1],
      "xport.range.port": [48, 4],
      "xport.range.op": [52, 1],
    },
  },
  pfioc_state_kill: {
    size: 216,
    fields: { psk_af: [0, 1], psk_proto: [1, 1], psk_src: [8, 64], psk_dst: [72, 64], psk_ifname: [136, 16] },
  },
} as const satisfies Readonly<Record<string, StructLayout>>;
