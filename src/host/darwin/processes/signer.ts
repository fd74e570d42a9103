import { darwinErrnoName } from "../../../native/darwin/errno.ts";
import type { LibSystem } from "../../../native/darwin/libsystem.ts";
import {
  decodeTeam,
  decodeWord,
  signatureStatus,
  TEAM_BYTES,
} from "../../../native/darwin/process/code-signature.codec.ts";
import { CODE_SIGNING } from "../../../native/darwin/process/process-constants.ts";

/** The signer of the system's own programs, which have no team. */
const APPLE = "apple";

/**
 * The signer of a running program, from the kernel: a team identifier, "apple", or null for a signer unknown to Apple.
 * Absent where it cannot be read. The file's own signature is not used: anyone can write it.
 */
export function readSigner(system: LibSystem, pid: number): { readonly signer?: string | null } {
  const { CS_OPS_STATUS, CS_OPS_VALIDATION_CATEGORY, CS_OPS_TEAMID } = CODE_SIGNING;
  const word = (operation: number): number | undefined => {
    const bytes = new Uint8Array(4);
    return system.csops(pid, operation, bytes).value === -1 ? undefined : decodeWord(bytes);
  };
  const flags = word(CS_OPS_STATUS);
  if (flags === undefined) return {};
  const status = signatureStatus(flags, word(CS_OPS_VALIDATION_CATEGORY));
  if (status === "platform") return { signer: APPLE };
  if (status !== "certified") return status === "unknown" ? {} : { signer: null };
  const bytes = new Uint8Array(TEAM_BYTES);
  const { value, errno } = system.csops(pid, CS_OPS_TEAMID, bytes);
  if (value === -1) return darwinErrnoName(errno) === "ENOENT" ? { signer: null } : {};
  const team = decodeTeam(bytes);
  return team === undefined ? {} : { signer: team };
}
