import type { Config } from "../../config/config.ts";
import { ruleOrigin } from "../../config/rule-origin.ts";
import type { Fallback, Via } from "../../config/section/path.ts";

/** Something that a person should know while tunnels are down. */
export interface DownNote {
  readonly path: string;
  readonly message: string;
  readonly isWarning: true;
}

/**
 * The config while these tunnels are down by `awg down`. Their traffic uses its fallback: direct, else blocked. The kill
 * switch stays. DNS servers behind such a tunnel are blocked with the kill switch, and left out without it, so that the
 * host's own resolver is restored. Pure.
 */
export function withoutDown(config: Config, down: readonly string[]): Config {
  if (down.length === 0) return config;
  const isDown = (via: Via | undefined): boolean => via?.kind === "tunnel" && down.includes(via.tunnel);
  const fallen = <T extends Flow>(flow: T): T => {
    if (flow.via.kind !== "tunnel" || !down.includes(flow.via.tunnel)) return flow;
    return { ...flow, via: pathWhileDown(config, flow, down) };
  };
  const { dns, ...rest } = config;
  const isDnsDown = isDown(dns?.via);
  const kept =
    isDnsDown && config.killSwitch.enabled && dns !== undefined ? { ...dns, via: { kind: "block" } as const } : dns;
  return {
    ...rest,
    tunnels: Object.fromEntries(Object.entries(config.tunnels).filter(([name]) => !down.includes(name))),
    rules: config.rules.map(fallen),
    default: fallen(config.default),
    probes: config.probes.filter(({ via }) => !isDown(via)),
    ...(kept === undefined || (isDnsDown && !config.killSwitch.enabled) ? {} : { dns: kept }),
  };
}

/**
 * The rules, by their place, and the default that use a tunnel in the config and go direct in what became of it. Pure.
 *
 * @param changed with tunnels down, or paused
 */
export function directForNow(written: Config, changed: Config): readonly string[] {
  const isNew = (one: Flow, now: Flow | undefined) => one.via.kind === "tunnel" && now?.via.kind === "direct";
  return [
    ...written.rules.flatMap((rule, index) => (isNew(rule, changed.rules[index]) ? [ruleOrigin(rule, index)] : [])),
    ...(isNew(written.default, changed.default) ? ["default"] : []),
  ];
}

interface Flow {
  readonly via: Via;
  readonly fallback: Fallback;
}

/** The first tunnel of its failover that is not down, else direct if its fallback says so, else blocked. */
function pathWhileDown({ tunnels }: Pick<Config, "tunnels">, { via, fallback }: Flow, down: readonly string[]): Via {
  const own = via.kind === "tunnel" ? (tunnels[via.tunnel]?.failover?.tunnels ?? []) : [];
  const others = fallback.kind === "failover" ? fallback.tunnels : fallback.kind === "drop" ? [] : own;
  const up = others.find((name) => !down.includes(name));
  if (up !== undefined) return { kind: "tunnel", tunnel: up };
  return { kind: fallback.kind === "direct" ? "direct" : "block" };
}

/** What is otherwise than the config says. Pure. */
export function downNotes(config: Config, down: readonly string[]): readonly DownNote[] {
  return down.flatMap((name): DownNote[] => {
    const flows = [...config.rules, config.default].filter(({ via }) => via.kind === "tunnel" && via.tunnel === name);
    const traffic = trafficText(flows.map((flow) => pathWhileDown(config, flow, down)));
    const isGuarded = config.killSwitch.enabled;
    const { dns } = config;
    const isDnsDown = dns?.via.kind === "tunnel" && dns.via.tunnel === name && dns.servers.length > 0;
    const resolver = isGuarded ? "its DNS is blocked" : "the host's own DNS is restored";
    const effect =
      isDnsDown && isGuarded && traffic === "blocked"
        ? "its traffic and DNS are blocked"
        : `its traffic is ${traffic}${isDnsDown ? `, ${resolver}` : ""}`;
    const message = `tunnel "${name}" is down on request; ${effect}. To bring it up: awg up ${name}`;
    return [{ path: `tunnels.${name}`, message, isWarning: true }];
  });
}

/** "blocked", "direct", "carried by home", "direct or blocked". */
function trafficText(paths: readonly Via[]): string {
  const texts = paths.map((path) => {
    if (path.kind === "tunnel") return `carried by ${path.tunnel}`;
    return path.kind === "direct" ? "direct" : "blocked";
  });
  return texts.length === 0 ? "blocked" : [...new Set(texts)].join(" or ");
}
