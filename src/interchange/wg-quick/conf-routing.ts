import type { Config, NoiseTunnel } from "../../config/config.ts";
import { mergePrefixes, parsePrefix, renderPrefix } from "../../model/prefix.ts";
import { type ImportFinding, importNote } from "../import-finding.ts";

type Rule = Config["rules"][number];

export interface RoutingInConf {
  /** Whether the config sends exactly what wg-quick would route into the tunnel: all allowedIPs. */
  readonly isRouted: boolean;
  readonly findings: readonly ImportFinding[];
}

/** How far AllowedIPs alone can express the rules and the default. */
export function routingInConf(config: Config, name: string, { peers }: NoiseTunnel): RoutingInConf {
  const { rules, default: fallback } = config;
  const isDefault = fallback.via.kind === "tunnel" && fallback.via.tunnel === name;
  const accepted = peers.flatMap(({ allowedIPs }) => allowedIPs);
  const plain = isDefault ? [] : rules.filter((rule) => isPlain(rule, name));
  const sent = plain
    .flatMap(({ destinations = [] }) => destinations)
    .flatMap((one) => (one.kind === "prefix" ? one.prefix : []));
  const isSame = mergedText(sent) === mergedText(accepted);
  const isRouted = isDefault || isSame;
  const findings = rules.flatMap((rule, index) => {
    if (isRouted && plain.includes(rule)) return [];
    return [importNote(`rules.${index}`, "is not in the conf: wg-quick routes by AllowedIPs only")];
  });
  if (!isRouted) {
    findings.push(
      importNote(`tunnels.${name}`, "nothing is routed (Table = off): AllowedIPs differ from what the rules send"),
    );
  }
  return { isRouted, findings };
}

/** A rule by destination alone. */
function isPlain({ via, name, fallback, destinations, ...more }: Rule, tunnel: string): boolean {
  const isHere = via.kind === "tunnel" && via.tunnel === tunnel && fallback.kind === "block";
  return isHere && Object.keys(more).length === 0 && destinations?.every(({ kind }) => kind === "prefix") === true;
}

function mergedText(prefixes: readonly string[]): string {
  return mergePrefixes(prefixes.flatMap((text) => parsePrefix(text) ?? []))
    .map(renderPrefix)
    .join(",");
}
