import { darwinErrnoName } from "../../../native/darwin/errno.ts";
import type { LibSystem } from "../../../native/darwin/libsystem.ts";
import {
  decodeTeam,
  decodeWord,
  signatureStanding,
  TEAM_BYTES,
} from "../../../native/darwin/process/code-signature.codec.ts";
import { CODE_SIGNING } from "../../../native/darwin/process/process-constants.ts";

/** Who signs the system's own programs, which have no team. */
const APPLE = "apple";

/**
 * Who signed a running program, as its kernel holds it: a team identifier, "apple", or null for nobody whom Apple knows.
 * Absent where it cannot be told. What stands in the file is not asked: it would be a claim of whoever wrote it.
 */
export function readSigner(system: LibSystem, pid: number): { readonly signer?: string | null } {
  const { CS_OPS_STATUS, CS_OPS_VALIDATION_CATEGORY, CS_OPS_TEAMID } = CODE_SIGNING;
  const word = (operation: number): number | undefined => {
    const bytes = new Uint8Array(4);
    return system.csops(pid, operation, bytes).value === -1 ? undefined : decodeWord(bytes);
  };
  const flags = word(CS_OPS_STATUS);
  if (flags === undefined) return {};
  const standing = signatureStanding(flags, word(CS_OPS_VALIDATION_CATEGORY));
  if (standing === "platform") return { signer: APPLE };
  if (standing !== "certified") return standing === "unknown" ? {} : { signer: null };
  const bytes = new Uint8Array(TEAM_BYTES);
  const { value, errno } = system.csops(pid, CS_OPS_TEAMID, bytes);
  if (value === -1) return darwinErrnoName(errno) === "ENOENT" ? { signer: null } : {};
  const team = decodeTeam(bytes);
  return team === undefined ? {} : { signer: team };
}
