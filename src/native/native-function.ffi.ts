import { createRequire } from "node:module";
import type { KoffiFunc } from "koffi";

type Koffi = typeof import("koffi");

/** A function of the process's own libraries (libc, and the OpenSSL inside Node). Numbers in, a number out. */
export type NativeFunction = KoffiFunc<(...values: unknown[]) => number>;

let koffi: Koffi | undefined;
let library: ReturnType<Koffi["load"]> | undefined;

function loadKoffi(): Koffi {
  // In the bundled CommonJS form there is no import.meta.url and `require` is the launcher's; in the checkout there is none.
  koffi ??= (typeof require === "function" ? require : createRequire(import.meta.url))("koffi") as Koffi;
  return koffi;
}

/**
 * Declares a function of this process for frequent calls. Addresses are declared `int64_t` and passed as numbers
 * (44 ns a call, measured; a fresh Uint8Array costs 85): the caller answers for what they point to.
 *
 * @throws when this build of Node does not export the symbol.
 */
export function nativeFunction(prototype: string): NativeFunction {
  library ??= loadKoffi().load(null);
  return library.func(prototype) as NativeFunction;
}

/** The same; undefined when there is no such symbol. */
export function nativeFunctionIfThere(prototype: string): NativeFunction | undefined {
  try {
    return nativeFunction(prototype);
  } catch {
    return undefined;
  }
}

/** The errno of the last failed call of this thread. Only meaningful straight after a -1. */
export function nativeErrno(): number {
  return loadKoffi().errno();
}

/** The address of a buffer's first byte. The caller keeps the buffer referenced as long as the address is in use. */
export function nativeAddress(bytes: Uint8Array): number {
  return Number(loadKoffi().address(bytes));
}
