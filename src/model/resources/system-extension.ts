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

/** What names a version of an extension. */
export interface BundledExtension {
  readonly bundleIdentifier: string;
  readonly bundleVersion: string;
  readonly bundleShortVersion: string;
}

/** What the app carries is to take the place of what stands. */
export interface ExtensionReplacement {
  /** Another version comes, or a person is asked again to allow the one that waits. */
  readonly field: "/version" | "/approval";
  readonly before: string;
  readonly after: string;
}

export interface SystemExtensionObserved {
  readonly bundle: string;
  readonly state: SystemExtensionState;
  readonly versions: readonly SystemExtensionVersion[];
  /**
   * What the decision table says; null is that what stands is kept. Absent where nothing stands that could be replaced, or
   * where the app does not tell what it carries.
   */
  readonly replacement?: ExtensionReplacement | null;
}
