import { AwgError } from "../../../model/error.ts";
import type { FirewallPort } from "../../ports/firewall.ts";
import type { SimulatedMachine } from "../machine.ts";

/** The packet filter of the simulated machine: the policy itself, judged by the evaluator. One load is one write. */
export function simulatedFirewall(machine: SimulatedMachine): FirewallPort {
  return {
    async read() {
      machine.checkAlive("firewall.read");
      return { ...machine.live.firewall, damage: [...machine.live.firewall.damage] };
    },
    async load(policy) {
      machine.checkAlive("firewall.load");
      if (!machine.live.capabilities.nftables) throw new AwgError("unsupported", "this machine has no nftables");
      machine.perform(policy === null ? "firewall.remove" : "firewall.load", () => {
        const held = policy !== null && machine.live.capabilities.ownedTables;
        machine.live.firewall = { policy, held, damage: [], droppedPackets: 0 };
      });
    },
  };
}
