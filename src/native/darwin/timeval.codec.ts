import { LAYOUTS } from "./layouts.ts";
import { readSigned, readSigned64 } from "./struct.codec.ts";

const { tv_sec, tv_usec } = LAYOUTS.timeval.fields;

/** Milliseconds since 1970 of a struct timeval, as kern.sleeptime and kern.waketime give it. Throws when it is short. */
export function decodeTimeval(bytes: Uint8Array): number {
  return Number(readSigned64(bytes, 0, tv_sec)) * 1000 + Math.floor(readSigned(bytes, 0, tv_usec) / 1000);
}
