import { demandSize, readUnsigned } from "../struct.codec.ts";
import { CODE_SIGNING, SIGNATURE_FLAGS } from "./process-constants.ts";

/** struct cs_blob's header: a type that is 0 here, then the length of the whole in network order (csops of kern_proc.c). */
const HEADER_BYTES = 8;
/** Space for a team identifier with its header and NUL. */
export const TEAM_BYTES = HEADER_BYTES + CODE_SIGNING.CS_MAX_TEAMID_LEN + 1;
/**
 * CS_VALIDATION_CATEGORY_TESTFLIGHT, DEVELOPMENT, APP_STORE, ENTERPRISE and DEVELOPER_ID (osfmk/kern/cs_blobs.h since
 * xnu-8792): the kind of Apple certificate by which the kernel admitted the program.
 */
const BY_APPLES_CERTIFICATE: ReadonlySet<number> = new Set([2, 3, 4, 5, 6]);

/**
 * The trust in a signature; `unknown` where this kernel cannot distinguish self-signed programs from those of Apple's
 * customers.
 */
export type SignatureStatus = "platform" | "certified" | "uncertified" | "unknown";

/** The 4 bytes of CS_OPS_STATUS or CS_OPS_VALIDATION_CATEGORY. AwgError("host") when there are fewer or more. */
export function decodeWord(bytes: Uint8Array): number {
  demandSize(bytes, 4, "uint32_t");
  return readUnsigned(bytes, 0, [0, 4]);
}

/**
 * The trust in a process's signature, by its flags and validation category. A modified page, a debugger, or a signature
 * without a certificate make it untrusted.
 *
 * @param category undefined where the kernel has none (before macOS 13): then only the system's own programs are
 * trusted
 */
export function signatureStatus(flags: number, category: number | undefined): SignatureStatus {
  const { CS_VALID, CS_SIGNED, CS_ADHOC, CS_DEBUGGED, CS_PLATFORM_BINARY } = SIGNATURE_FLAGS;
  const isWhole = (flags & CS_VALID) !== 0 && (flags & CS_DEBUGGED) === 0;
  if (!isWhole) return "uncertified";
  if ((flags & CS_PLATFORM_BINARY) !== 0) return "platform";
  if ((flags & CS_SIGNED) === 0 || (flags & CS_ADHOC) !== 0) return "uncertified";
  if (category === undefined) return "unknown";
  return BY_APPLES_CERTIFICATE.has(category) ? "certified" : "uncertified";
}

/** The text of CS_OPS_TEAMID after its header; undefined for an invalid team identifier. */
export function decodeTeam(bytes: Uint8Array): string | undefined {
  if (bytes.length < HEADER_BYTES) return undefined;
  const length = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(4, false);
  if (length <= HEADER_BYTES || length > bytes.length || bytes[length - 1] !== 0) return undefined;
  const text = new TextDecoder().decode(bytes.subarray(HEADER_BYTES, length - 1));
  return /^[0-9A-Za-z]{1,64}$/.test(text) ? text : undefined;
}
