/** How bad a finding is: `fault` stops awg from working or leaves traffic unprotected, `note` is worth knowing. */
export type Severity = "fault" | "note";

interface FindingEntry {
  /** Both where it depends on what is applied. */
  readonly severity: Severity | "fault or note";
  readonly meaning: string;
}

const fault = (meaning: string): FindingEntry => ({ severity: "fault", meaning });
const note = (meaning: string): FindingEntry => ({ severity: "note", meaning });
const either = (meaning: string): FindingEntry => ({ severity: "fault or note", meaning });

/** Every finding of `awg doctor`: a stable id, how bad it is and what it means. Ids are never reused. */
export const FINDING_CATALOGUE = {
  "state-folder": fault(
    "The state folder is a link, has another owner, or is open to other users. awg does not read it.",
  ),
  "state-file-damaged": fault("A state file is damaged."),
  "state-file-newer": fault("A newer awg wrote a state file."),
  "state-file-foreign": fault("A state file belongs to another network namespace."),
  "state-file-unreadable": fault("A state file is a link, a folder or open to other users, or cannot be read."),
  "state-lost": fault("awg's objects are on the host, and the state folder has no record of them."),
  "traffic-blocked": fault("All traffic is blocked, because no readable state file says what was accepted."),
  "secret-missing": either("A generation needs a secret that is not stored. Its tunnels cannot be started again."),
  "journal-open": fault("An apply or destroy was interrupted, or its acceptance could not be saved."),
  "journal-at-work": either("Another process is applying or destroying. A fault when that process is stopped."),
  "journal-blocked": fault("A change and its rollback failed. Traffic is blocked, not open."),
  "journal-awaiting": note("A change waits for `awg confirm`."),
  "policy-missing": fault("The packet filter is gone or incomplete. Traffic is not protected."),
  "policy-disregarded": fault("macOS: PF holds awg's rules and does not enforce them. Traffic is not protected."),
  "policy-orphaned": fault("The keeper is gone: any program may flush the packet filter."),
  drifted: fault("Resources differ from what was applied."),
  "machine-unreadable": fault("A part of the host could not be read."),
  "keeper-silent": fault("The keeper runs and does not respond. The applied state stays."),
  "engine-silent": fault("A tunnel's engine runs and does not respond. Nothing passes that tunnel."),
  "tables-elsewhere": fault("Another process owns awg's nf_tables tables, so they cannot be changed."),
  "table-foreign": either(
    "Another program has an nf_tables table with the name of one of awg's, so awg cannot load its packet filter.",
  ),
  "fallback-direct": fault(
    "The server of a tunnel does not answer, and its traffic goes direct, as its fallback says. It is not protected.",
  ),
  "tunnel-silent": fault("A tunnel sends and no peer answers, so it does not work."),
  "name-unresolved": fault("The name of an endpoint does not resolve, so its tunnel is down."),
  "no-network": fault("No route leads to the endpoints: a device is down, or there is no default route."),
  "ends-at-reboot": note("awg is not installed as a service, so a reboot removes tunnels and packet filter."),
  "engine-missing": fault("An applied tunnel needs wireguard-go or amneziawg-go, which is not installed."),
  "tun-missing": either("`/dev/net/tun` cannot be opened."),
  "nftables-missing": fault("The kernel has no nf_tables, or awg may not use it."),
  "table-flags-missing": note("The kernel is older than 6.9: tables cannot outlive the process that owns them."),
  "classifier-missing": either("Rules by program cannot be enforced. A fault when such a rule is applied."),
  "egress-hook-missing": note("The kernel has no egress hook: raw frames of root are not filtered."),
  "nft-program-missing": note("`nft` is not installed. The boot unit needs it."),
  "service-user-missing": note(
    "The system user awg, setpriv or its uid is missing, so any root process can reach the endpoints of tunnels and proxies.",
  ),
  "subordinates-changed": fault(
    "/etc/subuid changed since the last apply: traffic from the new uids bypasses rules by user.",
  ),
  "clock-behind": fault("The clock is earlier than the last apply. Peers refuse handshakes that look old."),
  "ipv6-disabled": fault("An applied tunnel has an IPv6 address and IPv6 is off in the kernel."),
  "rule-in-our-range": either("Policy rules of another program use awg's range of preferences."),
  "rule-before-ours": note("Policy rules of another program come before awg's."),
  "rule-main-missing": either("The kernel's policy rule `lookup main` is gone, so routes with a gateway are refused."),
  "local-routes-missing": either(
    "The kernel's routes to its own addresses are gone, so packets to them are not delivered.",
  ),
  "chain-drops": note("Another firewall has a base chain with policy drop."),
  "boot-table-left": fault("The table of the boot unit is still loaded beside the applied policy."),
  "networkd-removes-rules": either(
    "systemd-networkd removes routes and rules of other programs unless configured not to.",
  ),
  "resolver-rewritten": note("NetworkManager or resolvconf writes `/etc/resolv.conf` too."),
  "inotify-room": either("The kernel has fewer than 8 inotify instances left for external engines."),
  "vpn-cut-off": note("A tunnel of another program is up, and the kill switch blocks it."),
  "bridge-filtered": fault("br_netfilter passes bridged packets to the IP tables, where the kill switch drops them."),
  "guests-unanswered": note(
    "Guests on a bridge of this host get no answers, because their answers are sent into the tunnel.",
  ),
  "socket-left": note("A socket of an engine or keeper has no process that listens."),
  "processes-stranded": note("Keepers and engines run in a network namespace that was deleted."),
  "namespace-state-left": note("State, with keys, of a network namespace that is gone."),
} as const satisfies Readonly<Record<string, FindingEntry>>;

export type FindingId = keyof typeof FINDING_CATALOGUE;
