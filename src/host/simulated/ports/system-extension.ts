import { AwgError } from "../../../model/error.ts";
import type { SystemExtensionObserved, SystemExtensionState } from "../../../model/spec/system-extension.ts";
import type { ExtensionResult, SystemExtensionPort } from "../../ports/system-extension.ts";
import type { SimulatedMachine } from "../machine.ts";
import type { SimulatedExtension } from "../machine-state.ts";

/** System extensions of the simulated machine, which has them whatever else it is, so that a plan can be shown anywhere. */
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
      if (known === undefined) throw new AwgError("unsupported", `no app here carries the system extension ${bundle}`);
      const state = known.approves ? "enabled" : "awaiting-approval";
      if (known.state !== state) machine.perform("systemExtensions.activate", () => (known.state = state));
      return known.approves ? "completed" : "awaitingApproval";
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
