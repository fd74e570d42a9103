import { type Config, isNoiseTunnel, type NoiseTunnel } from "../../config/config.ts";
import { reservedKeysUsed } from "../../config/reserved-keys.ts";
import { type Feature, refusalOf } from "../../config/support.ts";
import type { HostFacts } from "../../host/ports/facts.ts";
import type { BesideTunnels, Unsupported } from "./expansion.ts";

/** Features that the service manager and the extension's helper decide, where `ExpandOptions.beside` is given. */
const BESIDE_TUNNELS: ReadonlySet<Feature> = new Set<Feature>(["service", "systemExtension", "killSwitch.atBoot"]);

/** Every use of what this version has no driver for, each with its place (exit 12). */
export function unsupportedUses(
  config: Config,
  { os }: Pick<HostFacts, "os">,
  beside: BesideTunnels | undefined,
): Unsupported[] {
  return [
    ...reservedKeysUsed(config).flatMap(({ path, feature }) => {
      if (BESIDE_TUNNELS.has(feature)) {
        return beside === undefined ? [{ path, message: "only a plan for a host can tell whether this works" }] : [];
      }
      // The engine of the kernel is judged with the host's capabilities.
      const message = feature === "tunnel.engine.kernel" ? undefined : refusalOf(feature, os);
      return message === undefined ? [] : [{ path, message }];
    }),
    ...(beside?.unsupported ?? []),
    ...Object.entries(config.tunnels).flatMap(([key, tunnel]) =>
      isNoiseTunnel(tunnel) ? unsupportedInTunnel(`tunnels.${key}`, tunnel) : [],
    ),
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
