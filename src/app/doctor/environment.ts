import type { Environment, ForeignChain, ResolverManager, ServiceUserLack } from "../../host/ports/environment.ts";
import type { RuleEntry } from "../../host/ports/routes.ts";
import { NFT_BOOT_TABLE, NFT_TABLE, ROUTE_PROTOCOL, RULE_PREFERENCES, SERVICE_USER } from "../../model/ownership.ts";
import type { DesiredState } from "../../model/resources/desired-state.ts";
import { hasPolicyRules, missingMainRule, namesOf } from "../status/main-rule.ts";
import { type Finding, shellWord } from "./finding.ts";
import { judgeLocalRoutes } from "./local-routes.ts";
import { judgeOtherSoftware } from "./other-software.ts";

const MOST_NAMED = 8;

/** Software that conflicts with awg, leftovers, and missing parts; some matter only with what is applied. Pure. */
export function judgeEnvironment(
  around: Environment,
  applied: DesiredState,
  acceptedMs: number | undefined,
): readonly Finding[] {
  return [
    ...clockFindings(around, acceptedMs),
    ...ownerFindings(around),
    ...ruleFindings(around, applied),
    ...judgeLocalRoutes(around.unrouted ?? [], applied),
    ...chainFindings(around, applied),
    ...programFindings(around, applied),
    ...judgeOtherSoftware(around, applied),
    ...strandedFindings(around),
    ...leftFindings(around),
  ];
}

function ownerFindings({ tableOwner }: Environment): Finding[] {
  if (tableOwner === undefined) return [];
  const { pid, name, remedy } = tableOwner;
  return [
    {
      id: "tables-elsewhere",
      severity: "fault",
      what: `${name} (process ${pid}) owns the nf_tables tables awg and is not the running keeper; nothing can be changed`,
      evidence: ["the kernel accepts changes to a table only from the socket that owns it (EPERM for all others)"],
      consequence: "the applied state stays; apply, destroy and the revert of an unconfirmed change fail",
      remedy: [remedy, "awg apply, which takes the tables over"],
    },
  ];
}

/** WireGuard orders handshakes by the wall clock (TAI64N, section 5.1 of its paper): one that went back is refused. */
function clockFindings({ nowMs }: Environment, acceptedMs: number | undefined): Finding[] {
  if (acceptedMs === undefined || nowMs >= acceptedMs) return [];
  const evidence = `it is ${timeText(nowMs)} here; the applied state was accepted ${timeText(acceptedMs)}`;
  return [
    {
      id: "clock-behind",
      severity: "fault",
      what: "the clock went back: peers refuse handshakes until it has passed the time of the last one",
      evidence: [evidence],
      remedy: ["timedatectl set-ntp true", "or set the clock by hand: date -s TIME"],
    },
  ];
}

function timeText(ms: number): string {
  return ms <= 8.64e15 ? new Date(ms).toISOString() : `${ms} ms after the epoch`;
}

function ruleFindings({ rules }: Environment, applied: DesiredState): Finding[] {
  const foreign = rules.filter(({ protocol }) => protocol !== ROUTE_PROTOCOL);
  const isApplied = hasPolicyRules(applied);
  const { first, last } = RULE_PREFERENCES;
  const within = foreign.filter(({ rule }) => rule.preference >= first && rule.preference <= last);
  const before = foreign.filter(({ rule }) => rule.preference > 0 && rule.preference < first);
  const findings: Finding[] = [];
  if (within.length > 0) {
    findings.push({
      id: "rule-in-our-range",
      severity: isApplied ? "fault" : "note",
      what: `policy rules of another program lie between preferences ${first} and ${last}, which awg uses`,
      evidence: within.slice(0, MOST_NAMED).map(ruleText),
      remedy: within.slice(0, MOST_NAMED).map(({ rule }) => `ip -${rule.family} rule delete pref ${rule.preference}`),
    });
  }
  if (before.length > 0) {
    findings.push({
      id: "rule-before-ours",
      severity: "note",
      what: "another program's policy rules come before awg's: they route what they match, and the kill switch drops it unless it is granted",
      evidence: before.slice(0, MOST_NAMED).map(ruleText),
      remedy: [
        "ip rule show; ip -6 rule show",
        "stop the program that added them if you do not want them",
        // fib_default_rule_pref: one less than that of the first rule behind `lookup local`.
        ...(before.some(({ rule }) => rule.preference === first - 1)
          ? ["give ip rule add a preference: the kernel puts a rule without one before awg's"]
          : []),
      ],
    });
  }
  return [...findings, ...mainMissing(rules, isApplied)];
}

function mainMissing(rules: readonly RuleEntry[], isApplied: boolean): Finding[] {
  const missing = missingMainRule(rules);
  if (missing === undefined) return [];
  const names = namesOf(missing.families);
  return [
    {
      id: "rule-main-missing",
      severity: isApplied ? "fault" : "note",
      what: missing.message,
      evidence: [`no policy rule for everything leads to the main table (${names}); ip rule flush removes it`],
      remedy: missing.remedy,
    },
  ];
}

function ruleText({ rule, protocol, foreign }: RuleEntry): string {
  const rest = foreign === undefined ? "" : `, ${foreign}`;
  return `IPv${rule.family} preference ${rule.preference}, table ${rule.table}, protocol ${protocol}${rest}`;
}

function chainFindings({ chains }: Environment, applied: DesiredState): Finding[] {
  const findings: Finding[] = [];
  const isGuarded = applied.resources.some(({ kind }) => kind === "firewall");
  const boot = chains.filter(({ table }) => table === NFT_BOOT_TABLE);
  if (isGuarded && boot.length > 0) {
    findings.push({
      id: "boot-table-left",
      severity: "fault",
      what: `the boot unit's table ${NFT_BOOT_TABLE} is still loaded beside ours and drops traffic that ours allows`,
      evidence: boot.map(chainText),
      remedy: [...new Set(boot.map(({ family, table }) => `nft delete table ${family} ${table}`))],
    });
  }
  const drops = chains.filter(({ table, drops }) => drops && table !== NFT_BOOT_TABLE && table !== NFT_TABLE);
  if (drops.length > 0) {
    findings.push({
      id: "chain-drops",
      severity: "note",
      what: "another firewall drops unknown traffic: it must also allow tunnels and their endpoints",
      evidence: drops.slice(0, MOST_NAMED).map(chainText),
      remedy: [
        ...new Set(
          drops
            .slice(0, MOST_NAMED)
            .map((one) => `nft list chain ${one.family} ${shellWord(one.table)} ${shellWord(one.name)}`),
        ),
      ],
    });
  }
  return findings;
}

function chainText({ family, table, name, hook, drops }: ForeignChain): string {
  return `table ${family} ${table}, chain ${name} at ${hook}, policy ${drops ? "drop" : "accept"}`;
}

function programFindings(around: Environment, applied: DesiredState): Finding[] {
  const hasIpv6 = applied.resources.some(
    (one) => one.kind === "link" && one.spec.addresses.some((text) => text.includes(":")),
  );
  const resolver = applied.resources.find((one) => one.kind === "resolver");
  const { resolverManager } = around;
  const isRewritten = resolver?.kind === "resolver" && resolver.spec.method === "file" && resolverManager !== undefined;
  return [
    ...(around.nftProgram ? [] : [NFT_MISSING]),
    ...(around.serviceUserLack === undefined ? [] : [serviceUserFinding(around.serviceUserLack)]),
    ...(around.ipv6Disabled && hasIpv6 ? [IPV6_DISABLED] : []),
    ...(around.networkdRemovesRules ? [networkdFinding(applied)] : []),
    ...(isRewritten ? [rewrittenFinding(resolverManager)] : []),
  ];
}

const NFT_MISSING: Finding = {
  id: "nft-program-missing",
  severity: "note",
  what: "nft is not installed: a boot unit could not load its table, and you cannot list ours",
  evidence: ["looked in /usr/sbin, /usr/bin, /sbin and /usr/local/sbin"],
  remedy: ["apt-get install nftables"],
};

/** What the engines' sockets lack, in words, and the command that adds it. */
const SERVICE_USER_LACKS: Readonly<Record<ServiceUserLack, readonly [what: string, seen: string, remedy: string]>> = {
  user: [
    `the system user ${SERVICE_USER} is missing`,
    `/etc/passwd has no user ${SERVICE_USER}`,
    `useradd --system --no-create-home --shell /usr/sbin/nologin ${SERVICE_USER}`,
  ],
  setpriv: ["setpriv is not installed", "looked in /usr/bin and /bin", "apt-get install util-linux"],
  mapping: [
    `the user ${SERVICE_USER} has no uid in this user namespace`,
    "its uid is not in /proc/self/uid_map",
    "give the container more uids, or run awg outside it",
  ],
};

function serviceUserFinding(lack: ServiceUserLack): Finding {
  const [what, seen, remedy] = SERVICE_USER_LACKS[lack];
  return {
    id: "service-user-missing",
    severity: "note",
    what: `${what}, so any root process can reach the endpoints of tunnels and proxies`,
    evidence: [seen],
    remedy: [remedy],
  };
}

const IPV6_DISABLED: Finding = {
  id: "ipv6-disabled",
  severity: "fault",
  what: "IPv6 is disabled in the kernel, but an applied tunnel has an IPv6 address",
  evidence: ["net.ipv6.conf.all.disable_ipv6 is 1, or the kernel has no IPv6"],
  remedy: ["sysctl -w net.ipv6.conf.all.disable_ipv6=0", "or set ipv6: block in the config"],
};

function networkdFinding({ resources }: DesiredState): Finding {
  return {
    id: "networkd-removes-rules",
    severity: resources.length > 0 ? "fault" : "note",
    what: "systemd-networkd removes routes and policy rules that it did not make",
    evidence: ["it runs without ManageForeignRoutes=no and ManageForeignRoutingPolicyRules=no"],
    remedy: [
      "mkdir -p /etc/systemd/networkd.conf.d",
      "printf '[Network]\\nManageForeignRoutes=no\\nManageForeignRoutingPolicyRules=no\\n' > /etc/systemd/networkd.conf.d/awg.conf",
      "systemctl restart systemd-networkd",
    ],
  };
}

function rewrittenFinding(manager: ResolverManager): Finding {
  return {
    id: "resolver-rewritten",
    severity: "note",
    what: `${manager} also writes /etc/resolv.conf: the daemon restores awg's version, without the daemon the change stays`,
    evidence: ["the applied resolver is a file"],
    remedy: [...LEAVING_RESOLVER[manager], "or run awg daemon --foreground"],
  };
}

/** How to make each leave the file alone (NetworkManager.conf(5), resolvconf(8) of Debian, resolvconf.conf(5) of openresolv). */
const LEAVING_RESOLVER: Readonly<Record<ResolverManager, readonly string[]>> = {
  NetworkManager: [
    "mkdir -p /etc/NetworkManager/conf.d",
    "printf '[main]\\ndns=none\\n' > /etc/NetworkManager/conf.d/awg.conf",
    "systemctl reload NetworkManager",
  ],
  resolvconf: ["resolvconf --disable-updates, or for openresolv: echo resolvconf=NO >> /etc/resolvconf.conf"],
};

function strandedFindings({ stranded = [] }: Environment): Finding[] {
  if (stranded.length === 0) return [];
  const pids = stranded.slice(0, MOST_NAMED).map(({ pid }) => pid);
  return [
    {
      id: "processes-stranded",
      severity: "note",
      what: "awg's keepers and engines run in network namespaces that were deleted",
      evidence: stranded
        .slice(0, MOST_NAMED)
        .map(({ pid, role, namespace }) => `${role} (process ${pid}) in the network namespace ${namespace}`),
      consequence: "the namespace, its tunnels and its packet filter end with them",
      remedy: [`kill -KILL ${pids.join(" ")}`],
    },
  ];
}

function leftFindings({ deadSockets, goneNamespaces }: Environment): Finding[] {
  const findings: Finding[] = [];
  if (deadSockets.length > 0) {
    findings.push({
      id: "socket-left",
      severity: "note",
      what: "sockets without a listener are left over: wg lists a tunnel that does not exist",
      evidence: deadSockets.slice(0, MOST_NAMED),
      remedy: deadSockets.slice(0, MOST_NAMED).map((path) => `rm ${shellWord(path)}`),
    });
  }
  if (goneNamespaces.length > 0) {
    findings.push({
      id: "namespace-state-left",
      severity: "note",
      what: `state of ${goneNamespaces.length} deleted network namespaces is left over, with the keys of their tunnels; nothing reads it`,
      evidence: goneNamespaces.slice(0, MOST_NAMED),
      remedy: goneNamespaces.slice(0, MOST_NAMED).map((path) => `rm -r ${shellWord(path)}`),
    });
  }
  return findings;
}
