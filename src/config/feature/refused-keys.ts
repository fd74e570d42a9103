import { type Config, isNoiseTunnel, type Match, type NoiseTunnel } from "../config.ts";
import { nestedMatches } from "../section/nested-matches.ts";
import { type FeatureUse, reservedKeysUsed } from "./reserved-keys.ts";
import { refusalOf, type System } from "./support.ts";

/** A key that a plan refuses (exit 12), whatever the host has installed. */
export interface RefusedKey {
  /** Keys and positions joined with dots: `tunnels.office.forward`. */
  readonly path: string;
  readonly message: string;
}

/** Every key that a plan on such a system refuses. `awg validate` warns of the same list. */
export function refusedKeys(config: Config, system: System): RefusedKey[] {
  return [
    ...reservedKeysUsed(config).flatMap((use) => refusalOfUse(config, use, system) ?? []),
    ...Object.entries(config.tunnels).flatMap(([key, tunnel]) =>
      isNoiseTunnel(tunnel) ? refusedInTunnel(`tunnels.${key}`, tunnel) : [],
    ),
    ...bootWithoutService(config),
    ...(system === "linux" ? namesWithoutServers(config) : []),
  ];
}

function refusalOfUse({ killSwitch }: Config, { path, feature }: FeatureUse, system: System): RefusedKey | undefined {
  const refusal = refusalOf(feature, system);
  if (refusal === undefined) return undefined;
  if (feature !== "tunnel.engine.kernel") return { path, message: refusal };
  const why = killSwitch.enabled ? "does not work with a kill switch" : "is not implemented yet";
  return { path, message: `the kernel's engine ${why}; write engine: auto` };
}

function refusedInTunnel(path: string, { peers, obfuscation, mtu, addresses, engine }: NoiseTunnel): RefusedKey[] {
  const isForeign = engine === "userspace" || engine === "kernel";
  const only15 = (["j1", "j2", "j3", "itime"] as const).filter(
    (name) => isForeign && obfuscation?.[name] !== undefined,
  );
  return [
    ...peers.flatMap(({ persistentKeepalive: range }, index) =>
      isForeign && range !== undefined && range[0] !== range[1]
        ? [
            {
              path: `${path}.peers.${index}.persistentKeepalive`,
              message: "a range works with awg's own engine only; write one value, or engine: auto",
            },
          ]
        : [],
    ),
    ...only15.map((name) => ({
      path: `${path}.obfuscation.${name}`,
      message: "works with awg's own engine only; remove it, or write engine: auto",
    })),
    ...(mtu !== "auto" && mtu < 1280 && addresses.some((address) => address.includes(":"))
      ? [{ path: `${path}.mtu`, message: "IPv6 needs an MTU of 1280 or more (RFC 8200 section 5)" }]
      : []),
  ];
}

function bootWithoutService({ killSwitch, service }: Config): RefusedKey[] {
  if (!killSwitch.enabled || !killSwitch.atBoot || service?.install === true) return [];
  return [{ path: "killSwitch.atBoot", message: "needs service: { install: true }" }];
}

/** Why rules by domain are refused without a server to query. */
export const DOMAIN_WITHOUT_SERVERS = "a domain needs dns.servers, which awg queries";
const OTHER_NAMES = "needs dns.servers, which awg queries for all other names";

/** Names that awg's resolver would have to find, without a server for it. */
function namesWithoutServers({ dns, rules, tunnels }: Config): RefusedKey[] {
  if ((dns?.servers ?? []).length > 0) return [];
  const isByDomain = (match: Match) => (match.destinations ?? []).some(({ kind }) => kind === "domain");
  return [
    ...rules.flatMap((rule, index) => {
      if (!nestedMatches(rule).some(isByDomain)) return [];
      const path = isByDomain(rule) ? `rules.${index}.destinations` : `rules.${index}`;
      return [{ path, message: DOMAIN_WITHOUT_SERVERS }];
    }),
    ...(Object.keys(dns?.split ?? {}).length > 0 ? [{ path: "dns.split", message: OTHER_NAMES }] : []),
    ...((dns?.search ?? []).length > 0 ? [{ path: "dns.search", message: "needs dns.servers" }] : []),
    ...Object.entries(tunnels).flatMap(([name, tunnel]) =>
      isNoiseTunnel(tunnel) && (tunnel.dns ?? []).length > 0
        ? [{ path: `tunnels.${name}.dns`, message: OTHER_NAMES }]
        : [],
    ),
  ];
}
