import type { FieldChange } from "../../model/resource.ts";
import type { SystemExtensionObserved, SystemExtensionSpec } from "../../model/spec/system-extension.ts";
import { valueChange } from "../field-change.ts";

/**
 * What differs. Where a person or a reboot is waited for nothing is left to do: it is no difference, but the resource is
 * not ready either (`awaitedStep`).
 */
export function diffSystemExtension(desired: SystemExtensionSpec, observed: SystemExtensionObserved): FieldChange[] {
  const { state } = observed;
  if (desired.state === "absent") {
    return state === "not-installed" || state === "uninstalling" ? [] : valueChange("/state", state, "absent");
  }
  const holds =
    state === "enabled" || state === "awaiting-approval" || state === "after-reboot" || state === "disabled";
  return holds ? [] : valueChange("/state", state, "present");
}

/** An extension that leaves counts as absent already. */
export function systemExtensionAsSpec({ bundle, state }: SystemExtensionObserved): SystemExtensionSpec {
  return { bundle, state: state === "not-installed" || state === "uninstalling" ? "absent" : "present" };
}

/** Opens the pane of System Settings where a person allows it: macOS 13 and later, and before. */
export const APPROVAL_LINK = "x-apple.systempreferences:com.apple.LoginItems-Settings.extension";

/** What still has to happen outside awg; undefined where nothing has. */
export function awaitedStep(
  desired: SystemExtensionSpec,
  { bundle, state }: SystemExtensionObserved,
): string | undefined {
  if (state === "awaiting-approval") {
    return `${bundle} waits to be allowed in System Settings, Privacy & Security: open "${APPROVAL_LINK}"`;
  }
  if (state === "after-reboot" || state === "uninstalling") return `${bundle} waits for this Mac to be restarted`;
  if (desired.state === "present" && state === "disabled") {
    return `${bundle} is switched off in System Settings, Login Items & Extensions: open "${APPROVAL_LINK}"`;
  }
  return undefined;
}
