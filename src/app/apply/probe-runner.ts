import { PROTOCOL } from "../../model/firewall/packet.ts";
import { parseIp } from "../../model/ip.ts";
import { isInSync, type Plan } from "../../model/plan.ts";
import type { ProbeResult, ProbeSpec } from "../../model/resources/probe.ts";
import type { ApplyDeps, ProgressEvent } from "../../reconciler/apply/outcome.ts";
import type { HostParts } from "../parts.ts";

/**
 * The probes that decide whether an apply holds: those the config requires, and those that passed before it and whose
 * flow the new state lets out, by a tunnel that shook hands if by any. That a tunnel has no handshake yet is `Ready=False`
 * and stays blocked; it never is a reason to go back to open. Gives nothing where nothing would change.
 */
export async function probing(
  parts: HostParts,
  probes: readonly ProbeSpec[],
  plan: Plan,
  progress: (event: ProgressEvent) => void,
): Promise<Pick<ApplyDeps, "probe">> {
  const { host } = parts;
  if (probes.length === 0 || isInSync(plan) || host.probes === undefined) return {};
  const port = host.probes;
  const before = new Set<string>();
  for (const { probe, result } of await all(probes.filter(({ required }) => !required))) {
    if (result.passed) before.add(probe.name);
  }
  return {
    probe: async () => {
      for (const { probe, result } of await all(probes)) {
        progress({ type: "probe", name: probe.name, result });
        if (result.passed) continue;
        const counts = probe.required || (before.has(probe.name) && (await isGranted(parts, probe, result)));
        if (counts)
          return `probe ${probe.name} failed${probe.required ? "" : ", which passed before"}: ${result.detail}`;
      }
      return undefined;
    },
  };

  function all(some: readonly ProbeSpec[]) {
    return Promise.all(some.map(async (probe) => ({ probe, result: await port.run(probe) })));
  }
}

/** Whether the state that stands now means the probe to pass. */
async function isGranted(parts: HostParts, probe: ProbeSpec, { address }: ProbeResult): Promise<boolean> {
  const { device, target } = probe;
  if (device !== undefined) return shookHands(parts, device);
  const destination = address ?? target.host;
  // Without an address nothing was sent; by which way a name is asked is no flow of the probe's own.
  if (parseIp(destination) === undefined || probe.type === "dns") return false;
  const { explainFlow } = await import("../explain/explain.ts");
  const flow = target.port === undefined ? {} : { port: target.port, protocol: PROTOCOL.tcp };
  const { live } = await explainFlow(parts, { destination, user: "0", resolves: false, ...flow });
  if (live.verdict !== "accept") return false;
  return shookHands(parts, live.device);
}

/** A device without an engine is no tunnel: nothing has to come about on it. */
async function shookHands({ host }: HostParts, device: string): Promise<boolean> {
  const engine = await host.engines.read(device);
  return engine?.peers.some(({ lastHandshakeSeconds }) => lastHandshakeSeconds > 0) ?? true;
}
