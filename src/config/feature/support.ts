/**
 * Whether a system has what a key or value asks for. `not-yet`: this version has no driver for it. `never`: the system has
 * no such thing.
 */
export type SystemSupport = "yes" | "not-yet" | "never";

/** The systems that awg runs on. */
export type System = "linux" | "darwin";

/** Where a feature works. The refusal of a plan, the JSON Schema, `awg schema --path` and the reference read this table. */
export interface FeatureSupport {
  readonly linux: SystemSupport;
  readonly darwin: SystemSupport;
  /** The value that is meant, where the key itself works with others. */
  readonly value?: string;
  /** What to do instead where the system has no such thing. */
  readonly instead?: string;
}

const EVERYWHERE = { linux: "yes", darwin: "yes" } as const;
const NOT_YET = { linux: "not-yet", darwin: "not-yet" } as const;
const LINUX_FIRST = { linux: "yes", darwin: "not-yet" } as const;
const ONLY_LINUX = { linux: "yes", darwin: "never" } as const;
const ONLY_MACOS = { linux: "never", darwin: "yes" } as const;

/** Every feature that a configuration can ask for and that a host may lack. The names are stable. */
export const FEATURE_SUPPORT = {
  "tunnel.disabled": { ...NOT_YET, value: "false" },
  "tunnel.interface": EVERYWHERE,
  "tunnel.table": NOT_YET,
  "tunnel.fwmark": NOT_YET,
  "tunnel.dns": LINUX_FIRST,
  "tunnel.forward": NOT_YET,
  "tunnel.masquerade": NOT_YET,
  "tunnel.failover": LINUX_FIRST,
  "tunnel.obfuscation": EVERYWHERE,
  "tunnel.proxy": { linux: "yes", darwin: "not-yet" },
  "tunnel.engine.embedded": EVERYWHERE,
  "tunnel.engine.userspace": EVERYWHERE,
  "tunnel.engine.kernel": { linux: "not-yet", darwin: "never", value: "kernel" },
  "secret.keychain": { ...NOT_YET, value: "keychain" },
  "fallback.failover": { ...LINUX_FIRST, value: "failover" },
  "fallback.next-rule": { ...LINUX_FIRST, value: "next_rule" },
  "rule.limit": LINUX_FIRST,
  "limit.priority": LINUX_FIRST,
  "rule.require": EVERYWHERE,
  "rule.dns": NOT_YET,
  "match.apps": LINUX_FIRST,
  "match.contains": { ...LINUX_FIRST, value: "contains" },
  "match.regex": { ...LINUX_FIRST, value: "regex" },
  "match.glob": { ...LINUX_FIRST, value: "*" },
  "match.bundleId": { ...ONLY_MACOS, value: "bundleId", instead: "match the path" },
  "match.signer": { ...ONLY_MACOS, value: "signer", instead: "match the path" },
  "match.users": EVERYWHERE,
  "match.cgroups": ONLY_LINUX,
  "match.commandLine": LINUX_FIRST,
  "match.parent": LINUX_FIRST,
  "match.when": LINUX_FIRST,
  "match.ssid": { ...LINUX_FIRST, value: "ssid" },
  "match.domain": { ...LINUX_FIRST, value: "domain" },
  "match.list": { ...LINUX_FIRST, value: "list" },
  "match.geoip": { ...LINUX_FIRST, value: "geoip" },
  "match.nested": LINUX_FIRST,
  "killSwitch.atBoot": ONLY_LINUX,
  "killSwitch.ephemeral": { ...NOT_YET, value: "false" },
  "dns.encrypted": { ...LINUX_FIRST, value: "tcp, tls, https" },
  "dns.split": EVERYWHERE,
  "dns.blockEncryptedDns": EVERYWHERE,
  service: EVERYWHERE,
  systemExtension: ONLY_MACOS,
  update: NOT_YET,
  "invariants.never": EVERYWHERE,
  "invariants.always": EVERYWHERE,
  lifecycle: EVERYWHERE,
  moved: EVERYWHERE,
  probes: EVERYWHERE,
  "probe.direct": { ...NOT_YET, value: "direct" },
  reconcile: EVERYWHERE,
  conflicts: EVERYWHERE,
  "conflicts.adopt": { ...ONLY_LINUX, value: "adopt", instead: "run wg-quick down first" },
  captivePortal: LINUX_FIRST,
  api: LINUX_FIRST,
  fleet: NOT_YET,
} as const satisfies Readonly<Record<string, FeatureSupport>>;

export type Feature = keyof typeof FEATURE_SUPPORT;

/** Names of all features. */
export const FEATURES = Object.keys(FEATURE_SUPPORT) as readonly Feature[];

/** Where a feature works. */
export function supportOf(feature: Feature): FeatureSupport {
  return FEATURE_SUPPORT[feature];
}

/** Why a plan refuses a feature on a system, and what to do instead; undefined where it works. */
export function refusalOf(feature: Feature, system: System): string | undefined {
  const { value, instead, ...support } = supportOf(feature);
  if (support[system] === "yes") return undefined;
  const subject = value === undefined ? "" : `"${value}" `;
  const verb = value === undefined ? "" : "is ";
  const why = support[system] === "never" ? `works on ${otherOf(system)} only` : `${verb}${remarkOf(support)}`;
  return `${subject}${why}${instead === undefined ? "" : `; ${instead}`}`;
}

function otherOf(system: System): string {
  return system === "linux" ? "macOS" : "Linux";
}

/** What a key means and where it works, as metadata of its schema. */
export type KeyMeta = {
  readonly description: string;
  readonly support: Pick<FeatureSupport, "linux" | "darwin">;
};

/**
 * Metadata of a key that asks for features: the description ends with what does not work everywhere, and `support` is that
 * of the key as a whole.
 */
export function keyMeta(description: string, ...features: readonly Feature[]): KeyMeta {
  const support = features.map(supportOf);
  const whole = support.find(({ value }) => value === undefined) ?? EVERYWHERE;
  const remarks = remarksOf(support).join("; ");
  return {
    description: remarks === "" ? description : `${description.replace(/\.$/, "")} (${remarks}).`,
    support: { linux: whole.linux, darwin: whole.darwin },
  };
}

/** "not implemented yet", "domain, list: not implemented yet"; values with the same remark share it. */
function remarksOf(support: readonly FeatureSupport[]): readonly string[] {
  const valuesByRemark = new Map<string, readonly string[]>();
  for (const one of support) {
    const remark = remarkOf(one);
    if (remark === undefined) continue;
    const values = one.value === undefined ? [] : [one.value];
    valuesByRemark.set(remark, [...(valuesByRemark.get(remark) ?? []), ...values]);
  }
  return [...valuesByRemark].map(([remark, values]) =>
    values.length === 0 ? remark : `${values.join(", ")}: ${remark}`,
  );
}

function remarkOf({ linux, darwin }: Pick<FeatureSupport, "linux" | "darwin">): string | undefined {
  if (linux === "yes" && darwin === "yes") return undefined;
  if (linux !== "yes" && darwin !== "yes") return "not implemented yet";
  const lacking = linux === "yes" ? "darwin" : "linux";
  const isNever = (lacking === "linux" ? linux : darwin) === "never";
  return isNever ? `${otherOf(lacking)} only` : `not implemented on ${lacking === "linux" ? "Linux" : "macOS"} yet`;
}
