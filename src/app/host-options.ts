import type { AwgError } from "../model/error.ts";
import type { OnWait } from "./announced-wait.ts";

/** Which host to act on, and where its state is. */
export interface HostOptions {
  /**
   * A simulated host is kept in `file`, or only in this process. If the file does not exist, the host starts as the one in
   * `beginsAs`, which is only read, or as a Linux laptop.
   */
  readonly host:
    | { readonly kind: "linux" }
    | { readonly kind: "simulated"; readonly file?: string; readonly beginsAs?: string };
  readonly stateDir?: string;
  readonly runDir?: string;
  readonly allowInsecurePermissions: boolean;
  /** No person started this process: the user behind sudo gets no extra trust. */
  readonly isUnattended?: boolean;
  /** A person at a terminal runs a change or its plan; macOS may prompt them to approve a system extension. */
  readonly isAttended?: boolean;
  /**
   * For use cases that only read: if the keeper does not respond, go on with what the kernel reports and pass the error
   * here once. Without it the use case fails before it writes.
   */
  readonly onSilentKeeper?: (silence: AwgError) => void;
  /** A verb that changes the host waits some seconds for another awg that changes it. */
  readonly waitsForOthers?: boolean;
  /** Gets one line for each wait of more than a second; without it waits are silent. */
  readonly onWait?: OnWait;
  readonly environment: NodeJS.ProcessEnv;
}
