import { PROTOCOL } from "../../model/firewall/packet.ts";
import { parseIp } from "../../model/ip.ts";
import { isInSync, type Plan } from "../../model/plan.ts";
import type { ProbeResult, ProbeSpec } from "../../model/resources/probe.ts";
import type { ApplyDeps, ProgressEvent } from "../../reconciler/apply/outcome.ts";
import type { HostParts } from "../parts.ts";

/**
 * The probes that can fail an apply. They are those that the config requires, and those that passed before and are
 * allowed by the new state. If their flow uses a tunnel, that tunnel must have a handshake. A tunnel without one is
 * `Ready=False` and stays blocked; it never rolls back to open. Empty if the plan changes nothing.
 */
export async function createProbeRunner(
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

/** Whether the current state allows the probe to pass. */
async function isGranted(parts: HostParts, probe: ProbeSpec, { address }: ProbeResult): Promise<boolean> {
  const { device, target } = probe;
  if (device !== undefined) return shookHands(parts, device);
  const destination = address ?? target.host;
  // Without an address nothing was sent; a DNS query has a path of its own.
  if (parseIp(destination) === undefined || probe.type === "dns") return false;
  const { explainFlow } = await import("../explain/explain.ts");
  const flow = target.port === undefined ? {} : { port: target.port, protocol: PROTOCOL.tcp };
  const { live } = await explainFlow(parts, { destination, user: "0", resolves: false, ...flow });
  if (live.verdict !== "accept") return false;
  return shookHands(parts, live.device);
}

/** A device without an engine is no tunnel and needs no handshake. */
async function shookHands({ host }: HostParts, device: string): Promise<boolean> {
  const engine = await host.engines.read(device);
  return engine?.peers.some(({ lastHandshakeSeconds }) => lastHandshakeSeconds > 0) ?? true;
}
