import type { SystemExtensionObserved } from "../../model/resources/system-extension.ts";

/** The result of a request: done, done after a reboot, or waiting for the user's approval. */
export type ExtensionResult = "completed" | "willCompleteAfterReboot" | "awaitingApproval";

export interface ExtensionOptions {
  /** Replace the installed extension even if it is the same. */
  readonly forceUpdate: boolean;
}

/**
 * The system extensions of a Mac. Only the app that contains an extension may request it, so a helper inside that app
 * does.
 */
export interface SystemExtensionPort {
  /** Why system extensions are unsupported here; undefined where they are supported. Reads only. */
  readSupport(): Promise<string | undefined>;
  /** The installed extension and, where it could be replaced, the one in the app. Reads only. */
  read(bundle: string): Promise<SystemExtensionObserved>;
  /**
   * Requests the extension, unless the decision table says that the app's version would replace nothing. A cancelled
   * request is tried three times, one second apart. Never waits for the user's approval. AwgError unsupported,
   * permission or host with a remedy.
   */
  activate(bundle: string, options?: ExtensionOptions): Promise<ExtensionResult>;
  /** Requests its removal; already gone is completed. */
  deactivate(bundle: string): Promise<ExtensionResult>;
}
