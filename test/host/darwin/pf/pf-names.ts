/** What a Mac knows by name, as far as the corpus and our own rules use it (darwin-notes section 6, pf-corpus/README). */
export const SERVICES: ReadonlyMap<string, number> = new Map(
  Object.entries({ ssh: 22, domain: 53, http: 80, https: 443, socks: 1080 }),
);
export const PROTOCOLS: ReadonlyMap<string, number> = new Map(
  Object.entries({ icmp: 1, igmp: 2, tcp: 6, udp: 17, gre: 47, esp: 50, icmp6: 58, "ipv6-icmp": 58, sctp: 132 }),
);
export const USERS: ReadonlyMap<string, number> = new Map(
  Object.entries({ root: 0, _mdnsresponder: 65, nobody: 4_294_967_294 }),
);
export const GROUPS: ReadonlyMap<string, number> = new Map(Object.entries({ wheel: 0, staff: 20 }));
/** The interfaces of the corpus' Mac; an interface as an address must be one of them. */
export const INTERFACES: ReadonlySet<string> = new Set(
  "lo0 en0 en1 awdl0 llw0 bridge0 gif0 stf0 utun0 utun1 utun9".split(" "),
);
export const ICMP_TYPES: ReadonlyMap<string, number> = new Map(
  Object.entries({ echorep: 0, unreach: 3, squench: 4, redir: 5, echoreq: 8, timex: 11, paramprob: 12 }),
);
export const ICMP6_TYPES: ReadonlyMap<string, number> = new Map(
  Object.entries({
    unreach: 1,
    toobig: 2,
    timex: 3,
    echoreq: 128,
    echorep: 129,
    listqry: 130,
    listenrep: 131,
    listendone: 132,
    routersol: 133,
    routeradv: 134,
    neighbrsol: 135,
    neighbradv: 136,
    redir: 137,
  }),
);
export const LIMITS = new Set(["states", "src-nodes", "frags", "tables", "table-entries", "app-states"]);
export const TIMEOUTS =
  /^(?:tcp\.(?:first|opening|established|closing|finwait|closed|tsdiff)|(?:udp|icmp|other|grev1|esp)\w*\.\w+|frag|interval|adaptive\.(?:start|end)|src\.track)$/;
