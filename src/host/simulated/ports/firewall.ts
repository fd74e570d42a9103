import { AwgError } from "../../../model/error.ts";
import { DISREGARDED, DISREGARDED_REMEDY } from "../../../model/firewall/canary.ts";
import { fallbackSwitches, switchName } from "../../../model/firewall/fallback.ts";
import { FALLBACK_LIFETIME_MS } from "../../../model/ownership.ts";
import type { FirewallPort } from "../../ports/firewall.ts";
import type { SimulatedMachine } from "../machine.ts";
import { fallbackNow } from "../send.ts";

/** Whether the loaded kill switch has no effect. */
function isUseless({ live: { firewall } }: SimulatedMachine): boolean {
  return firewall.isDisregarded === true && firewall.policy?.layers.some(({ killSwitch }) => killSwitch) === true;
}

/** The packet filter of the simulated host: the policy itself, judged by the evaluator. One load is one write. */
export function simulatedFirewall(machine: SimulatedMachine): FirewallPort {
  return {
    async read() {
      machine.checkAlive("firewall.read");
      const { fallback: _until, isDisregarded: _is, ...firewall } = machine.live.firewall;
      const fallback = fallbackNow(machine);
      const damage = [...firewall.damage, ...(isUseless(machine) ? [DISREGARDED] : [])];
      return { ...firewall, damage, ...(fallback.length === 0 ? {} : { fallback }) };
    },
    async load(policy, { unheld = false } = {}) {
      machine.checkAlive("firewall.load");
      const { nftables, pf } = machine.live.capabilities;
      if (!nftables && pf !== true) throw new AwgError("unsupported", "this host has no nftables");
      machine.perform(policy === null ? "firewall.remove" : "firewall.load", () => {
        const held = policy !== null && !unheld && machine.live.capabilities.ownedTables;
        const { isDisregarded } = machine.live.firewall;
        const loaded = { policy, held, damage: [], droppedPackets: 0 };
        machine.live.firewall = isDisregarded === undefined ? loaded : { ...loaded, isDisregarded };
      });
      if (isUseless(machine)) throw new AwgError("verification", DISREGARDED, { remedy: DISREGARDED_REMEDY });
    },
    async fallBack(wanted) {
      machine.checkAlive("firewall.fallBack");
      const { policy } = machine.live.firewall;
      const known = policy?.layers.length === 1 ? fallbackSwitches(policy) : [];
      const names = new Set(wanted.map(switchName));
      const switches = known.filter((one) => names.has(switchName(one)));
      if (switches.length === 0 && fallbackNow(machine).length === 0) return;
      machine.perform("firewall.fallBack", () => {
        const untilMs = machine.live.nowMs + FALLBACK_LIFETIME_MS;
        machine.live.firewall = { ...machine.live.firewall, fallback: { switches, untilMs } };
      });
    },
  };
}
