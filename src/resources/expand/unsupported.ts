import { type Config, isNoiseTunnel, type NoiseTunnel } from "../../config/config.ts";
import { type Feature, reservedKeysUsed } from "../../config/reserved-keys.ts";
import type { HostFacts } from "../../host/ports/facts.ts";
import type { BesideTunnels, Unsupported } from "./expansion.ts";
import { onlyElsewhere } from "./only-elsewhere.ts";

/** Features that have a driver, or that another part of the expansion judges by the machine's capabilities. */
const SUPPORTED: ReadonlySet<Feature> = new Set<Feature>([
  "tunnel.obfuscation",
  "tunnel.interface",
  "tunnel.engine.userspace",
  "tunnel.engine.embedded",
  "tunnel.engine.kernel",
  "match.users",
  "invariants.never",
  "invariants.always",
  "rule.require",
  "lifecycle",
  "moved",
  "probes",
  "conflicts",
  "dns.blockEncryptedDns",
  "dns.split",
  "reconcile",
]);

/** Features that `ExpandOptions.beside` judges where it is given. */
const BESIDE_TUNNELS: ReadonlySet<Feature> = new Set<Feature>(["service", "systemExtension", "killSwitch.atBoot"]);

/** Every use of what this version of awg has no driver for: said per place, never passed over (exit 12). */
export function unsupportedUses(
  config: Config,
  { os }: Pick<HostFacts, "os">,
  beside: BesideTunnels | undefined,
): Unsupported[] {
  const isJudged = (feature: Feature) => beside !== undefined && BESIDE_TUNNELS.has(feature);
  return [
    ...reservedKeysUsed(config).filter(({ feature }) => !SUPPORTED.has(feature) && !isJudged(feature)),
    ...onlyElsewhere(config, os),
    ...(beside?.unsupported ?? []),
    ...Object.entries(config.tunnels).flatMap(([key, tunnel]) =>
      isNoiseTunnel(tunnel) ? unsupportedInTunnel(`tunnels.${key}`, tunnel) : [],
    ),
    ...(config.killSwitch.enabled && !config.killSwitch.persist
      ? [{ path: "killSwitch.persist", feature: "a kill switch that ends with awg's processes" }]
      : []),
  ];
}

function unsupportedInTunnel(path: string, { peers, obfuscation, mtu, addresses, engine }: NoiseTunnel): Unsupported[] {
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
              feature: "a range of keepalive times in another engine than awg's own",
            },
          ]
        : [],
    ),
    ...only15.map((name) => ({
      path: `${path}.obfuscation.${name}`,
      feature: `${name}, which of all engines only the embedded one still has,`,
    })),
    ...(mtu !== "auto" && mtu < 1280 && addresses.some((address) => address.includes(":"))
      ? [{ path: `${path}.mtu`, feature: "IPv6 on a device with an MTU below 1280 bytes (RFC 8200 section 5)" }]
      : []),
  ];
}
