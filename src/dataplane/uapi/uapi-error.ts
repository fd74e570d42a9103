import { AwgError } from "../../model/error.ts";

/** Linux numbers of the errors that a UAPI answer can carry (include/uapi/asm-generic/errno*.h). */
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

/** A request that is refused, with what `errno=` says of it. The message names the key and never a value (law 8). */
export class UapiError extends Error {
  readonly errno: number;

  constructor(name: keyof typeof ERRNO, message: string) {
    super(message);
    this.errno = ERRNO[name];
  }
}

/** The error number of whatever was thrown while a request was carried out. */
export function uapiErrnoOf(error: unknown): number {
  if (error instanceof UapiError) return error.errno;
  if (!(error instanceof AwgError)) return ERRNO.EIO;
  const name = String(error.facts["errno"] ?? "");
  if (Object.hasOwn(ERRNO, name)) return ERRNO[name as keyof typeof ERRNO];
  return error.kind === "config" || error.kind === "usage" ? ERRNO.EINVAL : ERRNO.EIO;
}
