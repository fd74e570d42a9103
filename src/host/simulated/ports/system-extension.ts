import { type ReplacementWishes, replacementOf } from "../../../model/resources/extension-replacement.ts";
import type { BundledExtension, SystemExtensionObserved } from "../../../model/resources/system-extension.ts";
import type { ExtensionResult, SystemExtensionPort } from "../../ports/system-extension.ts";
import type { SimulatedMachine } from "../machine.ts";
import type { SimulatedExtension } from "../machine-state.ts";

/**
 * System extensions of the simulated host, which supports them on any simulated system, so that a plan can be shown
 * anywhere. A request for an unknown extension waits for its user.
 */
export function simulatedSystemExtensions(machine: SimulatedMachine, isAttended: boolean): SystemExtensionPort {
  /** A request that its user has not answered is made once per process. */
  const putOff = new Set<string>();
  const wishesFor = (bundle: string, isForced = false): ReplacementWishes => {
    const wasPutOff = putOff.has(bundle);
    return { forceUpdate: isForced && !wasPutOff, inBackground: !isAttended || wasPutOff };
  };
  return {
    async readSupport() {
      machine.checkAlive("systemExtensions.readSupport");
      return undefined;
    },
    async read(bundle) {
      machine.checkAlive("systemExtensions.read");
      return observed(find(machine, bundle) ?? absent(bundle), wishesFor(bundle));
    },
    async activate(bundle, { forceUpdate } = { forceUpdate: false }) {
      machine.checkAlive("systemExtensions.activate");
      const known = find(machine, bundle);
      const { replacement } = observed(known ?? absent(bundle), wishesFor(bundle, forceUpdate));
      if (known?.state === "enabled" && !replacement) return "completed";
      const state = known?.approves === true || known?.state === "enabled" ? "enabled" : "awaiting-approval";
      if (known === undefined) {
        machine.perform("systemExtensions.activate", () =>
          machine.live.systemExtensions.push({ bundle, state, approves: false }),
        );
      } else if (known.state !== state || replacement) {
        machine.perform("systemExtensions.activate", () => {
          known.state = state;
          if (known.carried !== undefined) known.version = known.carried;
        });
      }
      if (state !== "enabled") putOff.add(bundle);
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

function absent(bundle: string): SimulatedExtension {
  return { bundle, state: "not-installed", approves: false };
}

function observed(
  { bundle, state, version, carried }: SimulatedExtension,
  wishes: ReplacementWishes,
): SystemExtensionObserved {
  if (state === "not-installed") return { bundle, state, versions: [] };
  const { bundleVersion, bundleShortVersion } = named(bundle, version ?? "1.0/1");
  const isAwaitingUserApproval = state === "awaiting-approval";
  const isUninstalling = state === "uninstalling";
  const versions = [{ bundleVersion, bundleShortVersion, isAwaitingUserApproval, isUninstalling, state }];
  const replacement =
    carried === undefined ? undefined : replacementOf(versions, bundle, named(bundle, carried), wishes);
  return { bundle, state, versions, ...(replacement === undefined ? {} : { replacement }) };
}

function named(bundleIdentifier: string, version: string): BundledExtension {
  const [bundleShortVersion = "", bundleVersion = ""] = version.split("/");
  return { bundleIdentifier, bundleVersion, bundleShortVersion };
}
