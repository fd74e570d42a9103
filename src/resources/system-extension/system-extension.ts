import type { FieldChange } from "../../model/resource.ts";
import type { SystemExtensionObserved, SystemExtensionSpec } from "../../model/resources/system-extension.ts";
import { valueChange } from "../field-change.ts";

/**
 * What differs: whether it is there, and by the decision table whether what the app carries takes its place. Where a person
 * or a reboot is waited for nothing is left to do: it is no difference, but the resource is not ready either (`awaitedStep`).
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

/** An extension that leaves counts as absent already. */
export function systemExtensionAsSpec({ bundle, state }: SystemExtensionObserved): SystemExtensionSpec {
  return { bundle, state: state === "not-installed" || state === "uninstalling" ? "absent" : "present" };
}

/**
 * Where a person allows it since macOS 15, and what opens that sheet there. Other links open pages that do not show the
 * extension, and `open` succeeds with any of them.
 */
const ALLOWED_IN =
  "System Settings, Login Items & Extensions, Network Extensions (before macOS 15: Privacy & Security)";
const APPROVAL_LINK =
  "x-apple.systempreferences:com.apple.ExtensionsPreferences?extensionPointIdentifier=com.apple.system_extension.network_extension.extension-point";

/** What still has to happen outside awg; undefined where nothing has. */
export function awaitedStep(
  desired: SystemExtensionSpec,
  { bundle, state, versions }: SystemExtensionObserved,
): string | undefined {
  // A new version may wait beside an old one that serves.
  if (state === "awaiting-approval" || versions.some(({ isAwaitingUserApproval }) => isAwaitingUserApproval)) {
    return `${bundle} waits to be allowed in ${ALLOWED_IN}: open "${APPROVAL_LINK}"`;
  }
  const waitsForReboot = state === "after-reboot" || versions.some((version) => version.state === "after-reboot");
  if (waitsForReboot || state === "uninstalling") return `${bundle} waits for this Mac to be restarted`;
  if (desired.state === "present" && state === "disabled") {
    return `${bundle} is switched off in ${ALLOWED_IN}: open "${APPROVAL_LINK}"`;
  }
  return undefined;
}
