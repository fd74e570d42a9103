import type { Host } from "../../host/ports/host.ts";
import type { SystemExtensionPort } from "../../host/ports/system-extension.ts";
import { AwgError } from "../../model/error.ts";
import type { StepOf } from "../../model/plan.ts";
import type { ResourceKey } from "../../model/resource.ts";
import type { SystemExtensionObserved, SystemExtensionSpec } from "../../model/resources/system-extension.ts";
import type { ResourceDriver } from "../driver.ts";
import { diffSystemExtension, systemExtensionAsSpec } from "./system-extension.ts";

/** Drives system extensions of macOS: `system-extension/<bundle>`. */
export const systemExtensionDriver: ResourceDriver<"system-extension"> = {
  kind: "system-extension",
  observe: observeExtensions,
  diff: diffSystemExtension,
  asSpec: systemExtensionAsSpec,
  // An extension carries its vendor's signature, not a mark of ours; only the ledger makes it ours.
  isOwned: () => true,
  needsReplace: (changes) => changes.some(({ field }) => field in REPLACED),
  reason: ([change]) => REPLACED[change?.field ?? ""],
  restoring: (wanted, original) => wanted ?? original,
  remember: (kept, before) => kept ?? before,
  survivesReboot: true,
  enforcement: () => "enforced",
  apply: applyExtensions,
};

/** Why the app's version replaces the installed one, by the field that changes. */
const REPLACED: Readonly<Record<string, string>> = {
  "/version": "the app carries another version",
  "/approval": "a user is present to be asked again",
};

async function observeExtensions(
  host: Host,
  wanted: ReadonlyMap<ResourceKey<"system-extension">, SystemExtensionSpec>,
): Promise<ReadonlyMap<ResourceKey<"system-extension">, SystemExtensionObserved>> {
  const observed = new Map<ResourceKey<"system-extension">, SystemExtensionObserved>();
  for (const [key, { bundle }] of wanted) observed.set(key, await extensionsOf(host).read(bundle));
  return observed;
}

/** Approval is not waited for: the read-back finds the extension awaiting it, and awg can do no more. */
async function applyExtensions(host: Host, steps: readonly StepOf<"system-extension">[]): Promise<void> {
  for (const { action, after, changes } of steps) {
    if (action === "adopt" || action === "forget" || after === null) continue;
    // Without a difference a replacement was requested by name.
    const forceUpdate = action === "replace" && changes.length === 0;
    if (after.state === "present") await extensionsOf(host).activate(after.bundle, { forceUpdate });
    else await extensionsOf(host).deactivate(after.bundle);
  }
}

function extensionsOf({ name, systemExtensions }: Host): SystemExtensionPort {
  if (systemExtensions !== undefined) return systemExtensions;
  throw new AwgError("unsupported", `there are no system extensions on the host ${name}`);
}
