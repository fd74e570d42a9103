/** Whether a macOS system extension is to be there. */
export interface SystemExtensionSpec {
  /** Bundle identifier of the extension, such as com.example.app.System. */
  readonly bundle: string;
  readonly state: "present" | "absent";
}

/**
 * How macOS holds an extension: `disabled` is activated, but switched off by its user; `after-reboot` waits for one;
 * `unknown` is a state that this version of awg has no name for.
 */
export type SystemExtensionState =
  | "not-installed"
  | "awaiting-approval"
  | "enabled"
  | "disabled"
  | "uninstalling"
  | "after-reboot"
  | "unknown";

/** One version of an extension; several may stand beside each other until the next reboot. */
export interface SystemExtensionVersion {
  readonly bundleVersion: string;
  readonly bundleShortVersion: string;
  readonly isAwaitingUserApproval: boolean;
  readonly isUninstalling: boolean;
  readonly state: SystemExtensionState;
}

export interface SystemExtensionObserved {
  readonly bundle: string;
  readonly state: SystemExtensionState;
  readonly versions: readonly SystemExtensionVersion[];
}
