import type { Config } from "../../config/config.ts";
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
  const fallen = <T extends { readonly via: Via; readonly fallback: Fallback }>(flow: T): T =>
    isDown(flow.via) ? { ...flow, via: { kind: flow.fallback.kind === "direct" ? "direct" : "block" } } : flow;
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

/** What is otherwise than the config says. Pure. */
export function downNotes(config: Config, down: readonly string[]): readonly DownNote[] {
  return down.flatMap((name): DownNote[] => {
    const flows = [...config.rules, config.default].filter(({ via }) => via.kind === "tunnel" && via.tunnel === name);
    const direct = flows.filter(({ fallback }) => fallback.kind === "direct").length;
    const traffic =
      direct === 0 ? "blocked" : direct === flows.length ? "direct" : "blocked or direct, as its fallbacks say";
    const { dns } = config;
    const isDnsDown = dns?.via.kind === "tunnel" && dns.via.tunnel === name && dns.servers.length > 0;
    const resolver = config.killSwitch.enabled ? "its DNS is blocked" : "the host's own DNS is restored";
    const message = [
      `is down on request. Its traffic is ${traffic}${isDnsDown ? `; ${resolver}` : ""}.`,
      `To bring it up: awg up ${name}`,
    ].join(" ");
    return [{ path: `tunnels.${name}`, message, isWarning: true }];
  });
}
