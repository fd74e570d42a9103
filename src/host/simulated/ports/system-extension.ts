import type { SystemExtensionObserved, SystemExtensionState } from "../../../model/spec/system-extension.ts";
import type { ExtensionResult, SystemExtensionPort } from "../../ports/system-extension.ts";
import type { SimulatedMachine } from "../machine.ts";
import type { SimulatedExtension } from "../machine-state.ts";

/**
 * System extensions of the simulated machine, which has them whatever else it is, so that a plan can be
 * shown anywhere. Whoever asks for one that the machine does not know has to wait for its user.
 */
export function simulatedSystemExtensions(machine: SimulatedMachine): SystemExtensionPort {
  return {
    async readSupport() {
      machine.checkAlive("systemExtensions.readSupport");
      return undefined;
    },
    async read(bundle) {
      machine.checkAlive("systemExtensions.read");
      return observed(bundle, find(machine, bundle)?.state ?? "not-installed");
    },
    async activate(bundle) {
      machine.checkAlive("systemExtensions.activate");
      const known = find(machine, bundle);
      if (known?.state === "enabled") return "completed";
      const state = known?.approves === true ? "enabled" : "awaiting-approval";
      if (known === undefined) {
        machine.perform("systemExtensions.activate", () =>
          machine.live.systemExtensions.push({ bundle, state, approves: false }),
        );
      } else if (known.state !== state) machine.perform("systemExtensions.activate", () => (known.state = state));
      return state === "enabled" ? "completed" : "awaitingApproval";
    },
    async deactivate(bundle): Promise<ExtensionResult> {
      machine.checkAlive("systemExtensions.deactivate");
      const known = find(machine, bundle);
      if (known === undefined || known.state === "not-installed") return "completed";
      machine.perform("systemExtensions.deactivate", () => (known.state = "not-installed"));
      return "completed";
    },
  };
}

function find(machine: SimulatedMachine, bundle: string): SimulatedExtension | undefined {
  return machine.live.systemExtensions.find((extension) => extension.bundle === bundle);
}

function observed(bundle: string, state: SystemExtensionState): SystemExtensionObserved {
  if (state === "not-installed") return { bundle, state, versions: [] };
  const isAwaitingUserApproval = state === "awaiting-approval";
  const isUninstalling = state === "uninstalling";
  const version = { bundleVersion: "1", bundleShortVersion: "1.0", isAwaitingUserApproval, isUninstalling, state };
  return { bundle, state, versions: [version] };
}
