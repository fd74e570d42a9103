import { constant, StructView, sizeOf } from "./abi.ts";
import { UnfaithfulCall } from "./accepted.ts";
import type { Descriptor } from "./descriptor.ts";

/** A listening socket that launchd opened for a job. */
export class LaunchdSocket implements Descriptor {
  readonly kind = "launchd";
  nonblocking = false;
  closeOnExec = false;
  close(): void {}
}

/** A connection that was accepted on a unix socket; the kernel recorded its peer. */
export class AcceptedConnection implements Descriptor {
  readonly kind = "accepted";
  readonly #uid: number;
  nonblocking = false;
  closeOnExec = true;

  constructor(uid: number) {
    this.#uid = uid;
  }

  getsockopt(level: number, name: number, buffer: Uint8Array): { readonly length: number } {
    if (level !== constant("SOL_LOCAL") || name !== constant("LOCAL_PEERCRED")) {
      throw new UnfaithfulCall("getsockopt", `option ${name} of level ${level} on a unix socket`);
    }
    if (buffer.length !== sizeOf("xucred")) throw new UnfaithfulCall("getsockopt LOCAL_PEERCRED", "not a xucred");
    new StructView("xucred", buffer).set("cr_uid", this.#uid);
    return { length: buffer.length };
  }

  close(): void {}
}
