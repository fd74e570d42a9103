import type { ProxyObserved, ProxySpec } from "../../../model/relay/proxy.ts";
import type { RelayPort } from "../../ports/engines.ts";
import type { SimulatedMachine } from "../machine.ts";

/** Relays of the simulated host; their proxies answer. */
export function simulatedRelays(machine: SimulatedMachine): RelayPort {
  return {
    async readAll() {
      machine.checkAlive("relays.readAll");
      return relaysOf(machine).map(observed);
    },
    async ensure(spec) {
      machine.checkAlive("relays.ensure");
      const others = relaysOf(machine).filter(({ number }) => number !== spec.number);
      machine.perform("relays.ensure", () => {
        machine.live.relays = [...others, spec];
      });
    },
    async remove(pathNumber) {
      machine.checkAlive("relays.remove");
      if (!relaysOf(machine).some(({ number }) => number === pathNumber)) return;
      machine.perform("relays.remove", () => {
        machine.live.relays = relaysOf(machine).filter(({ number }) => number !== pathNumber);
      });
    },
  };
}

function relaysOf({ live }: SimulatedMachine): readonly ProxySpec[] {
  return live.relays ?? [];
}

function observed(spec: ProxySpec): ProxyObserved {
  const counts = { openConnections: 0, connections: 0, openSessions: 0, refused: 0, sentBytes: 0, receivedBytes: 0 };
  return { ...spec, relay: { state: "up", latencyMs: 20, udp: spec.udp, ...counts } };
}
