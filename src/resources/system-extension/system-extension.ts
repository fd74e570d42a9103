import type { FieldChange } from "../../model/resource.ts";
import type { SystemExtensionObserved, SystemExtensionSpec } from "../../model/resources/system-extension.ts";
import { valueChange } from "../field-change.ts";

/**
 * What differs: whether it exists and, by the decision table, whether the app's version replaces it. While a person or
 * a reboot is awaited there is nothing to do: no difference, but the resource is not ready (`awaitedStep`).
 */
export function diffSystemExtension(desired: SystemExtensionSpec, observed: SystemExtensionObserved): FieldChange[] {
  const { state, replacement } = observed;
  if (desired.state === "absent") {
    return state === "not-installed" || state === "uninstalling" ? [] : valueChange("/state", state, "absent");
  }
  if (replacement) return valueChange(replacement.field, replacement.before, replacement.after);
  const holds =
    state === "enabled" || state === "awaiting-approval" || state === "after-reboot" || state === "disabled";
  return holds || replacement === null ? [] : valueChange("/state", state, "present");
}

/** An extension that is being removed counts as absent. */
export function systemExtensionAsSpec({ bundle, state }: SystemExtensionObserved): SystemExtensionSpec {
  return { bundle, state: state === "not-installed" || state === "uninstalling" ? "absent" : "present" };
}

/**
 * Where a person approves it since macOS 15, and the link to that sheet. Other links open pages without the extension,
 * although `open` succeeds.
 */
const ALLOWED_IN =
  "System Settings, Login Items & Extensions, Network Extensions (before macOS 15: Privacy & Security)";
const APPROVAL_LINK =
  "x-apple.systempreferences:com.apple.ExtensionsPreferences?extensionPointIdentifier=com.apple.system_extension.network_extension.extension-point";

/** The step outside awg that is still missing; undefined when there is none. */
export function awaitedStep(
  desired: SystemExtensionSpec,
  { bundle, state, versions }: SystemExtensionObserved,
): string | undefined {
  // A new version may await approval while an old one runs.
  if (state === "awaiting-approval" || versions.some(({ isAwaitingUserApproval }) => isAwaitingUserApproval)) {
    return `${bundle} must be allowed in ${ALLOWED_IN}: open "${APPROVAL_LINK}"`;
  }
  const waitsForReboot = state === "after-reboot" || versions.some((version) => version.state === "after-reboot");
  if (waitsForReboot || state === "uninstalling") return `${bundle} needs a restart of this Mac`;
  if (desired.state === "present" && state === "disabled") {
    return `${bundle} is disabled in ${ALLOWED_IN}: open "${APPROVAL_LINK}"`;
  }
  return undefined;
}
