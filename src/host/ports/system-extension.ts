import type { SystemExtensionObserved } from "../../model/resources/system-extension.ts";

/** What came of a request: done, done after a reboot, or a person has to allow it first. */
export type ExtensionResult = "completed" | "willCompleteAfterReboot" | "awaitingApproval";

export interface ExtensionOptions {
  /** Replace what stands although it is the same. */
  readonly forceUpdate: boolean;
}

/** The system extensions of a Mac. Only the app that carries an extension may ask for it, so a helper of that app does. */
export interface SystemExtensionPort {
  /** Why there can be none here; undefined where there can. Changes nothing. */
  readSupport(): Promise<string | undefined>;
  /** What stands and, where that could be replaced, what the app carries. Changes nothing. */
  read(bundle: string): Promise<SystemExtensionObserved>;
  /**
   * Asks for the extension, unless what the app carries would replace nothing by the decision table: three tries one second apart where the request was cancelled. A person who has to allow it is
   * never waited for. AwgError unsupported, permission or host with what a person can do.
   */
  activate(bundle: string, wishes?: ExtensionOptions): Promise<ExtensionResult>;
  /** Asks for its removal; already gone is completed. */
  deactivate(bundle: string): Promise<ExtensionResult>;
}
