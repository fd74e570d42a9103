import { AwgError } from "../../model/error.ts";

/** Linux errno numbers used in UAPI answers (include/uapi/asm-generic/errno*.h). */
const ERRNO = {
  EIO: 5,
  EINVAL: 22,
  EPROTO: 71,
  EMSGSIZE: 90,
  EADDRINUSE: 98,
  EACCES: 13,
  EPERM: 1,
  ENODEV: 19,
} as const;

/** A refused request with its `errno=` value. The message names the key and never a value (law 8). */
export class UapiError extends Error {
  readonly errno: number;

  constructor(name: keyof typeof ERRNO, message: string) {
    super(message);
    this.errno = ERRNO[name];
  }
}

/** The errno number for an error thrown by a request. */
export function uapiErrnoOf(error: unknown): number {
  if (error instanceof UapiError) return error.errno;
  if (!(error instanceof AwgError)) return ERRNO.EIO;
  const name = String(error.facts["errno"] ?? "");
  if (Object.hasOwn(ERRNO, name)) return ERRNO[name as keyof typeof ERRNO];
  return error.kind === "config" || error.kind === "usage" ? ERRNO.EINVAL : ERRNO.EIO;
}
