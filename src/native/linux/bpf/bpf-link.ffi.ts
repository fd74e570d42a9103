import { errnoError, errnoName } from "../errno.ts";
import { addressOf, lastErrno } from "../libc.ffi.ts";
import { BPF, bpf, tryBpf } from "./bpf.ffi.ts";

const LINK = { program: 0, target: 4, attachType: 8, bytes: 16 } as const;
const UPDATE = { link: 0, program: 4, bytes: 16 } as const;
const OBJECT = { path: 0, descriptor: 8, bytes: 16 } as const;

/** Attaches a program to a control group and everything below it; returns the link's descriptor, which the caller closes. */
export function attachToCgroup(program: number, cgroup: number, attachType: number): number {
  const attributes = new Uint8Array(LINK.bytes);
  const view = new DataView(attributes.buffer);
  view.setUint32(LINK.program, program, true);
  view.setUint32(LINK.target, cgroup, true);
  view.setUint32(LINK.attachType, attachType, true);
  return bpf(BPF.linkCreate, attributes, "attaching a BPF program to the control groups");
}

/** Puts another program in a link's place: each socket meets the one or the other, never none. */
export function replaceProgram(link: number, program: number): void {
  const attributes = new Uint8Array(UPDATE.bytes);
  const view = new DataView(attributes.buffer);
  view.setUint32(UPDATE.link, link, true);
  view.setUint32(UPDATE.program, program, true);
  bpf(BPF.linkUpdate, attributes, "replacing a BPF program");
}

/** Gives a map or link a file on a bpf file system, which keeps it when this process ends. */
export function pin(descriptor: number, path: string): void {
  bpf(BPF.objPin, objectAttributes(path, descriptor).attributes, `pinning ${path}`);
}

/** A descriptor of what is pinned there, which the caller closes; undefined if nothing is. */
export function openPinned(path: string): number | undefined {
  const { attributes } = objectAttributes(path, 0);
  const descriptor = tryBpf(BPF.objGet, attributes);
  if (descriptor !== -1) return descriptor;
  const errno = lastErrno();
  if (errnoName(errno) === "ENOENT") return undefined;
  throw errnoError(`opening ${path}`, errno);
}

/** The kernel reads the path during the call; `name` keeps it alive until then. */
function objectAttributes(path: string, descriptor: number) {
  const name = new TextEncoder().encode(`${path}\0`);
  const attributes = new Uint8Array(OBJECT.bytes);
  const view = new DataView(attributes.buffer);
  view.setBigUint64(OBJECT.path, addressOf(name), true);
  view.setUint32(OBJECT.descriptor, descriptor, true);
  return { attributes, name };
}
