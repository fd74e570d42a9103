import { parseProbeTarget } from "../../config/field/probe-target.ts";
import type { ProbeSpec } from "../../model/resources/probe.ts";
import type { ExpandContext } from "./expansion.ts";

/** The checks of the network that the config asks for; nothing where it asks for none. Pure. */
export function probesOf({ config, tunnels }: ExpandContext): { readonly probes?: readonly ProbeSpec[] } {
  const probes = config.probes.flatMap(({ name, type, target, via, required, every, timeout }): ProbeSpec[] => {
    const parsed = parseProbeTarget(type, target);
    const device = via?.kind === "tunnel" ? tunnels.find(({ key }) => key === via.tunnel)?.device : undefined;
    if (parsed === undefined || (via !== undefined && device === undefined)) return [];
    const common = { name, type, target: parsed, required, everySeconds: every, timeoutSeconds: timeout };
    return [{ ...common, ...(device === undefined ? {} : { device }) }];
  });
  return probes.length === 0 ? {} : { probes };
}
