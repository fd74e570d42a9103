/** Whether a macOS system extension is wanted. */
export interface SystemExtensionSpec {
  /** Bundle identifier of the extension, such as com.example.app.System. */
  readonly bundle: string;
  readonly state: "present" | "absent";
}

/**
 * The state of an extension: `disabled` is activated, but disabled by its user; `after-reboot` needs a reboot;
 * `unknown` is a state without a name in this version of awg.
 */
export type SystemExtensionState =
  | "not-installed"
  | "awaiting-approval"
  | "enabled"
  | "disabled"
  | "uninstalling"
  | "after-reboot"
  | "unknown";

/** One version of an extension; several may exist until the next reboot. */
export interface SystemExtensionVersion {
  readonly bundleVersion: string;
  readonly bundleShortVersion: string;
  readonly isAwaitingUserApproval: boolean;
  readonly isUninstalling: boolean;
  readonly state: SystemExtensionState;
}

/** The identity of a version of an extension. */
export interface BundledExtension {
  readonly bundleIdentifier: string;
  readonly bundleVersion: string;
  readonly bundleShortVersion: string;
}

/** The app's version replaces the installed one. */
export interface ExtensionReplacement {
  /** Another version, or a user is asked again to approve the pending one. */
  readonly field: "/version" | "/approval";
  readonly before: string;
  readonly after: string;
}

export interface SystemExtensionObserved {
  readonly bundle: string;
  readonly state: SystemExtensionState;
  readonly versions: readonly SystemExtensionVersion[];
  /**
   * The decision; null keeps the installed version. Absent if none is installed that could be replaced, or if the app
   * does not report its version.
   */
  readonly replacement?: ExtensionReplacement | null;
}
