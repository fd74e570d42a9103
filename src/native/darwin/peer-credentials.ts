import { AwgError } from "../../model/error.ts";
import { checkedCall } from "./calls.ts";
import { LOCAL } from "./constants.ts";
import { LAYOUTS } from "./layouts.ts";
import type { LibSystem } from "./libsystem.ts";
import { readUnsigned } from "./struct.codec.ts";

const XUCRED = LAYOUTS.xucred;

/**
 * The uid of a connected unix socket's peer, as recorded when the connection was made.
 *
 * @throws AwgError("host") for a socket of another kind, or a struct of another version.
 */
export function readPeerUid(system: LibSystem, fd: number): number {
  const credentials = new Uint8Array(XUCRED.size);
  const answer = system.getsockopt(fd, LOCAL.SOL_LOCAL, LOCAL.LOCAL_PEERCRED, credentials);
  checkedCall("reading the credentials of a socket's peer", answer);
  if (answer.length < XUCRED.fields.cr_uid[0] + 4 || readUnsigned(credentials, 0, XUCRED.fields.cr_version) !== 0) {
    throw new AwgError("host", "macOS reports a socket's peer in a format that awg does not support");
  }
  return readUnsigned(credentials, 0, XUCRED.fields.cr_uid);
}
