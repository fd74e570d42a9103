import type { Config } from "../../config/config.ts";
import { refusedKeys } from "../../config/feature/refused-keys.ts";
import { reservedKeysUsed } from "../../config/feature/reserved-keys.ts";
import type { Feature } from "../../config/feature/support.ts";
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
  const refused = refusedKeys(config, os);
  const judged = reservedKeysUsed(config).filter(({ feature }) => BESIDE_TUNNELS.has(feature));
  if (beside !== undefined) {
    const paths = new Set(judged.map(({ path }) => path));
    return [...refused.filter(({ path }) => !paths.has(path)), ...beside.unsupported];
  }
  const known = new Set(refused.map(({ path }) => path));
  const message = "only a plan for a host can decide whether this works";
  return [...refused, ...judged.filter(({ path }) => !known.has(path)).map(({ path }) => ({ path, message }))];
}
