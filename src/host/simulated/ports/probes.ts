import { PROTOCOL } from "../../../model/firewall/packet.ts";
import { parseIp } from "../../../model/ip.ts";
import type { ProbeSpec } from "../../../model/resources/probe.ts";
import type { ProbePort } from "../../ports/probes.ts";
import type { SimulatedMachine } from "../machine.ts";
import { simulatedFacts } from "./facts.ts";

const ECHO_REQUEST = { 4: 8, 6: 128 } as const;

/** Probes on the simulated host: every reached target answers, unless a tunnel on the path has no handshake. */
export function simulatedProbes(machine: SimulatedMachine): ProbePort {
  return {
    async run(probe) {
      machine.checkAlive("probes.run");
      const { host } = probe.target;
      const { addresses } = await simulatedFacts(machine).read({ users: [], hosts: [host] });
      const address = parseIp(host) === undefined ? addresses[host]?.[0] : host;
      if (address === undefined) return { passed: false, detail: `the name ${host} was not found` };
      const asked = address === host ? {} : { address };
      const failure = probe.type === "dns" ? undefined : whyUnanswered(machine, probe, address);
      return { passed: failure === undefined, detail: failure ?? "answered", ...asked };
    },
  };
}

function whyUnanswered(machine: SimulatedMachine, probe: ProbeSpec, destination: string): string | undefined {
  const family = parseIp(destination)?.family ?? 4;
  const isPing = probe.type === "ping";
  const { device } = probe;
  if (device !== undefined && machine.link(device) === undefined) return `the device ${device} does not exist`;
  const outcome = machine.send({
    destination,
    protocol: isPing ? (family === 4 ? PROTOCOL.icmp : PROTOCOL.icmpv6) : PROTOCOL.tcp,
    ...(isPing ? { icmpType: ECHO_REQUEST[family] } : { sourcePort: 40_000, destinationPort: probe.target.port ?? 0 }),
    ...(device === undefined ? {} : { boundDevice: device }),
  });
  if (outcome.kind === "dropped") return `${outcome.by}: ${outcome.reason}`;
  if (outcome.kind === "local" || outcome.physical) return undefined;
  const engine = machine.live.engines.find(({ device }) => device === outcome.device);
  const isUp = engine?.peers.some(({ lastHandshakeSeconds }) => lastHandshakeSeconds > 0) ?? false;
  return isUp ? undefined : `no answer in ${probe.timeoutSeconds} s`;
}
