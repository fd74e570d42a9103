/** Every call the double accepts, with the section of the notes whose behaviour it follows. */
export const ACCEPTED: Readonly<Record<string, string>> = {
  "socket PF_ROUTE": "darwin-notes 3",
  "socket AF_SYSTEM control": "darwin-notes 1",
  "socket AF_INET dgram": "darwin-notes 2",
  "socket AF_INET6 dgram": "darwin-notes 2",
  "socket AF_INET stream": "darwin-notes 4; connect(2) without waiting",
  "socket AF_INET6 stream": "darwin-notes 4; connect(2) without waiting",
  "connect stream": "darwin-notes 0, a call of libSystem; connect(2)",
  "getsockopt SO_ERROR": "darwin-notes 0, a call of libSystem; getsockopt(2)",
  getpeername: "darwin-notes 0, a call of libSystem; getpeername(2)",
  "write RTM_ADD": "darwin-notes 3 Add",
  "write RTM_DELETE": "darwin-notes 3 DELETE matches destination, mask and scope",
  "write RTM_CHANGE": "darwin-notes 3 CHANGE",
  "write RTM_GET": "darwin-notes 3 GET",
  "read PF_ROUTE": "darwin-notes 3 Watch",
  "setsockopt SO_RCVBUF": "darwin-notes 3 Overflow is silent",
  "setsockopt SO_USELOOPBACK": "darwin-notes 3 Reply matching",
  "sysctl NET_RT_DUMP": "darwin-notes 3 Dump",
  "sysctl NET_RT_DUMP2": "darwin-notes 3 Dump",
  "sysctl NET_RT_IFLIST2": "darwin-notes 2 Reading state",
  "ioctl CTLIOCGINFO": "darwin-notes 1 step 2",
  "connect utun": "darwin-notes 1 step 3",
  "getsockopt UTUN_OPT_IFNAME": "darwin-notes 1 step 4",
  "setsockopt UTUN_OPT_MAX_PENDING_PACKETS": "darwin-notes 1 step 5",
  "fcntl F_SETFD": "darwin-notes 1 step 1",
  "fcntl F_SETFL": "darwin-notes 1 step 6",
  "fcntl F_GETFL": "darwin-notes 1 step 6",
  "read utun": "darwin-notes 1 step 6",
  "write utun": "darwin-notes 1 step 6",
  "ioctl SIOCSIFMTU": "darwin-notes 2 MTU",
  "ioctl SIOCGIFMTU": "darwin-notes 2 MTU",
  "ioctl SIOCGIFFLAGS": "darwin-notes 2 Flags",
  "ioctl SIOCSIFFLAGS": "darwin-notes 2 Flags",
  "ioctl SIOCAIFADDR": "darwin-notes 2 IPv4",
  "ioctl SIOCDIFADDR": "darwin-notes 2 IPv4",
  "ioctl SIOCAIFADDR_IN6": "darwin-notes 2 IPv6",
  "ioctl SIOCDIFADDR_IN6": "darwin-notes 2 IPv6",
  "setsockopt IP_BOUND_IF": "darwin-notes 4",
  "setsockopt IPV6_BOUND_IF": "darwin-notes 4",
  "setsockopt IP_TTL": "darwin-notes 0, a call of libSystem; ip(4)",
  "setsockopt IPV6_UNICAST_HOPS": "darwin-notes 0, a call of libSystem; ip6(4)",
  "connect dgram": "darwin-notes 0, a call of libSystem; connect(2)",
  "write dgram": "darwin-notes 4 Bind the outer socket; what PF's word comes to by ip_output and ip6_output of xnu",
  "open /dev/pf": "darwin-notes 6",
  "ioctl DIOCGETSTATUS": "darwin-notes 6",
  "ioctl DIOCSTARTREF": "darwin-notes 6 Enable with a token",
  "ioctl DIOCSTOPREF": "darwin-notes 6 Enable with a token",
  "ioctl DIOCGETSTARTERS": "darwin-notes 6 Enable with a token",
  "ioctl DIOCKILLSTATES": "darwin-notes 6 State kill",
  "ioctl DIOCINSERTRULE": "darwin-notes 6 Main ruleset reference, way 2",
  "ioctl DIOCDELETERULE": "darwin-notes 6 Main ruleset reference, way 2",
  "ioctl DIOCGETRULES": "darwin-notes 6 Rule load",
  "ioctl DIOCGETRULE": "darwin-notes 6 Rule load",
  proc_listpids: "darwin-notes 7 List",
  PROC_PIDT_SHORTBSDINFO: "darwin-notes 7 pid -> path, Names",
  PROC_PIDUNIQIDENTIFIERINFO: "darwin-notes 7 Guard against pid reuse",
  PROC_PIDTBSDINFO: "darwin-notes 7 Guard against pid reuse",
  PROC_PIDPATHINFO: "darwin-notes 7 pid -> path",
  PROC_PIDLISTFDS: "darwin-notes 7 Socket -> pid, proc_pidfdinfo",
  PROC_PIDFDSOCKETINFO: "darwin-notes 7 Socket -> pid, proc_pidfdinfo",
  "sysctl KERN_PROCARGS2": "darwin-notes 7 Arguments",
  "sysctlbyname net.inet.tcp.pcblist_n": "darwin-notes 7 Socket -> pid, one sysctl",
  "sysctlbyname net.inet.udp.pcblist_n": "darwin-notes 7 Socket -> pid, one sysctl",
  "sysctlbyname kern.sleeptime": "darwin-notes 9",
  "sysctlbyname kern.waketime": "darwin-notes 9",
  "sysctlbyname kern.wake_abs_time": "darwin-notes 9; iokit/Kernel/IOPMrootDomain.cpp of xnu",
  "sysctlbyname kern.useractive_abs_time": "darwin-notes 9; iokit/Kernel/IOPMrootDomain.cpp of xnu",
  "sysctlbyname kern.bootsessionuuid": "darwin-notes 0, a call of libSystem; bsd/kern/kern_sysctl.c of xnu",
  "sysctlbyname net.cfil.active_count": "darwin-notes 0, a call of libSystem; bsd/net/content_filter.c of xnu",
  kqueue: "darwin-notes 7 exec / exit watch",
  "kevent EVFILT_PROC": "darwin-notes 7 exec / exit watch",
  "csops CS_OPS_STATUS": "darwin-notes 8 Code signing; csops of xnu's kern_proc.c",
  "csops CS_OPS_TEAMID": "darwin-notes 8 Code signing; csops of xnu's kern_proc.c",
  "csops CS_OPS_VALIDATION_CATEGORY": "darwin-notes 8 Code signing; csops of xnu's kern_proc.c, since macOS 13",
  "setrlimit RLIMIT_CORE": "darwin-notes 0, a call of libSystem; what it does by setrlimit(2)",
  "ptrace PT_DENY_ATTACH": "darwin-notes 0, a call of libSystem; what it does by ptrace(2)",
  launch_activate_socket: "darwin-notes 8 plist details; launch.h of macOS 10.10",
  "getsockopt LOCAL_PEERCRED": "darwin-notes 7, accepted local sockets",
  kill: "darwin-notes 5 Flush, 6 tokens of the dead",
  ifNameToIndex: "darwin-notes 2",
  close: "darwin-notes 1: the interface goes with its descriptor",
  getpid: "darwin-notes 3 Reply matching",
};

/** Every program the double has, with what its answers were made from. */
export const ACCEPTED_PROGRAMS: Readonly<Record<string, string>> = {
  "/sbin/pfctl": "darwin-notes 6, pf-notes 3; printed rules by OpenBSD 4.3's print_rule",
  "/usr/sbin/scutil": "darwin-notes 5",
  "/bin/launchctl": "darwin-notes 8; texts constructed from it",
  "/usr/bin/osascript": "constructed from osascript(1)",
  "/usr/bin/systemextensionsctl": "darwin-notes 8; texts constructed from it",
  "/usr/bin/dscacheutil": "darwin-notes 5 Flush",
  "/usr/bin/killall": "darwin-notes 5 Flush",
  "/usr/bin/id": "constructed from id(1)",
  "/usr/sbin/ioreg": "constructed from ioreg(8)",
};

/** The double was asked something that macOS would not understand, or that the notes forbid. */
export class UnfaithfulCall extends Error {
  constructor(call: string, reason: string) {
    super(`${call}: ${reason}`);
    this.name = "UnfaithfulCall";
  }
}

/** Records what was called, and refuses calls that the table does not name. */
export class CallLog {
  readonly #counts = new Map<string, number>();
  readonly order: string[] = [];

  take(call: string): void {
    if (ACCEPTED[call] === undefined) throw new UnfaithfulCall(call, "the double does not know this call");
    this.#counts.set(call, (this.#counts.get(call) ?? 0) + 1);
    this.order.push(call);
  }

  get counts(): ReadonlyMap<string, number> {
    return this.#counts;
  }
}
