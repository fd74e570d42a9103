/** What awg needs mechanisms of a system for, in the order of `awg capabilities`. The keys are stable. */
export const PURPOSES = {
  runtime: "awg itself",
  tunnels: "tunnels",
  "packet-filter": "packet filter",
  dns: "DNS",
  "program-rules": "rules by program and user",
  "process-list": "list of processes",
  "process-name": "program of a process",
  "socket-owner": "process of a socket",
  "traffic-monitor": "traffic of programs",
  "network-monitor": "changes of the network",
  "upload-rate": "rate of what is sent",
  "download-rate": "rate of what is received",
  priority: "priority of what is sent",
} as const;

export type Purpose = keyof typeof PURPOSES;

/** A mechanism of a system. */
export interface MechanismKind {
  /** Stable. */
  readonly id: string;
  readonly purpose: Purpose;
  /** What it is, in the system's words. */
  readonly name: string;
  /** What awg uses it for, where it is available. */
  readonly use: string;
  /** What follows where it is not; a reason that the host gives goes before it. */
  readonly lack: string;
}

const kind = (id: string, purpose: Purpose, name: string, use: string, lack: string): MechanismKind => ({
  id,
  purpose,
  name,
  use,
  lack,
});

const RUNTIME = kind("runtime", "runtime", "Node.js", "runs awg", "");
const EXTERNAL = ["engine: userspace of such tunnels", "not installed: needed for engine: userspace only"] as const;
const ENGINES: readonly MechanismKind[] = [
  kind("embedded-engine", "tunnels", "awg's own engine", "WireGuard and AmneziaWG", "needs a tunnel device"),
  kind("wireguard-go", "tunnels", "wireguard-go", ...EXTERNAL),
  kind("amneziawg-go", "tunnels", "amneziawg-go", ...EXTERNAL),
];
const NOT_USED = "not used: nf_tables limit does it";

/** The mechanisms of each system, in order. No mechanism of one system is looked for on another. */
export const MECHANISMS: Readonly<Record<"linux" | "darwin", readonly MechanismKind[]>> = {
  linux: [
    RUNTIME,
    kind("tun", "tunnels", "/dev/net/tun", "tunnel devices", "it cannot be opened: no tunnel can run"),
    ...ENGINES,
    kind(
      "kernel-wireguard",
      "tunnels",
      "WireGuard of the kernel",
      "not used yet: awg's own engine carries tunnels",
      "not needed: awg's own engine carries tunnels",
    ),
    kind("nftables", "packet-filter", "nf_tables", "the kill switch and rules", "no kill switch is possible"),
    kind(
      "owned-tables",
      "packet-filter",
      "nf_tables owner and persist",
      "only awg can change its tables",
      "needs Linux 6.9: another program's flush removes the kill switch until the daemon repairs it",
    ),
    kind(
      "egress-hook",
      "packet-filter",
      "nf_tables egress hook",
      "the kill switch also holds raw frames of root",
      "needs Linux 5.16: raw frames of root pass the kill switch",
    ),
    kind("resolv-conf", "dns", "/etc/resolv.conf", "DNS servers of the host", ""),
    kind("resolver", "dns", "awg's own resolver", "rules by domain, dns.split, encrypted servers", "needs nf_tables"),
    kind(
      "systemd-resolved",
      "dns",
      "systemd-resolved",
      "DNS servers per link",
      "not running: DNS servers are written to /etc/resolv.conf",
    ),
    kind(
      "classifier",
      "program-rules",
      "BPF programs of cgroup v2",
      "rules by program, and by user after it ended",
      "no rule by program",
    ),
    kind(
      "classifier-patterns",
      "program-rules",
      "nested bpf_loop of BPF programs",
      "rules by a pattern on a path or command line",
      "a rule by pattern is refused",
    ),
    kind("proc", "process-list", "/proc", "lists programs", "no list of programs"),
    kind("proc-exe", "process-name", "/proc/PID/exe", "gives the program of a process", "programs have no name"),
    kind(
      "proc-events",
      "process-list",
      "process connector",
      "reports programs that start",
      "they are listed at intervals",
    ),
    kind("sock-diag", "socket-owner", "sock_diag", "gives the program of a flow", "flows have no program"),
    kind("tcp-info", "traffic-monitor", "TCP_INFO by sock_diag", "rates of programs in top", "no rates of programs"),
    kind("rtnetlink", "network-monitor", "rtnetlink events", "wakes the daemon", "the daemon looks at intervals"),
    kind("nft-limit-upload", "upload-rate", "nf_tables limit", "limit.upload", "a rule with limit.upload is refused"),
    kind("tc-htb", "upload-rate", "tc HTB", NOT_USED, "not needed: nf_tables limit does it"),
    kind("ebpf-cgroup", "upload-rate", "BPF programs of cgroup v2", NOT_USED, "not needed: nf_tables limit does it"),
    kind("nft-limit", "download-rate", "nf_tables limit", "limit.download", "a rule with limit.download is refused"),
    kind("ifb-tc", "download-rate", "tc with IFB", NOT_USED, "not needed: nf_tables limit does it"),
    kind("queue", "priority", "queue of the uplink", "sorts by limit.priority", "limit.priority has no effect"),
  ],
  darwin: [
    RUNTIME,
    kind("tun", "tunnels", "utun", "tunnel devices", "it cannot be opened: no tunnel can run"),
    ...ENGINES,
    kind("pf", "packet-filter", "PF", "the kill switch and rules", "no kill switch is possible"),
    kind("dynamic-store", "dns", "system configuration store", "DNS servers", ""),
    kind("pf-user", "program-rules", "PF user", "rules by user that block", "no rule by user"),
    kind(
      "network-extension",
      "program-rules",
      "Network Extension",
      "",
      "needs an app signed with Apple's entitlement: no rule by program",
    ),
    kind("libproc", "process-list", "proc_info (libproc)", "lists programs", "no list of programs"),
    kind("lsof", "process-list", "lsof", "", "not used: proc_info needs no other program"),
    kind(
      "proc-events",
      "process-list",
      "proc_info at intervals",
      "programs as they start",
      "they are listed again instead",
    ),
    kind("proc-pidpath", "process-name", "proc_pidpath", "gives the program of a process", "programs have no name"),
    kind("pcblist", "socket-owner", "pcblist_n of sysctl", "gives the program of a flow", "flows have no program"),
    kind("netstat", "socket-owner", "netstat", "", "not used: sysctl needs no other program"),
    kind("socket-bytes", "traffic-monitor", "bytes of a socket", "rates of programs in top", "not implemented yet"),
    kind("routing-socket", "network-monitor", "routing socket", "wakes the daemon", ""),
    kind("dummynet-upload", "upload-rate", "PF with dummynet", "", "not implemented yet: a rule with limit is refused"),
    kind("dummynet", "download-rate", "PF with dummynet", "", "not implemented yet: a rule with limit is refused"),
    kind("packet-priority", "priority", "service classes", "", "not implemented yet: a rule with limit is refused"),
  ],
};
