import { errnoError, errnoName } from "../errno.ts";
import { lastErrno } from "../libc.ffi.ts";
import { BPF, isBpfKnown, tryBpf } from "./bpf.ffi.ts";

/** The part of union bpf_attr that BPF_PROG_QUERY reads and writes. */
const QUERY_BYTES = 64;
const QUERY = { linkIndex: 0, attachType: 4, count: 24 } as const;

/** Attach points of programs on a device (enum bpf_attach_type): since Linux 6.6, of `netkit` since 6.7. */
export const BPF_ATTACH = { tcxIngress: 46, tcxEgress: 47, netkitPrimary: 54, netkitPeer: 55 } as const;

/** Errors that mean "none": an older kernel, one without BPF, no permission, or a device without this attach point. */
const NONE_THERE: readonly string[] = [
  "EINVAL",
  "ENOSYS",
  "EPERM",
  "EACCES",
  "ENODEV",
  "ENOENT",
  "ENXIO",
  "EOPNOTSUPP",
];

/** How many BPF programs are attached to a device of this network namespace; 0 where the kernel cannot be queried. */
export function countBpfPrograms(linkIndex: number, attachType: number): number {
  if (!isBpfKnown()) return 0;
  const attributes = new Uint8Array(QUERY_BYTES);
  const view = new DataView(attributes.buffer);
  view.setUint32(QUERY.linkIndex, linkIndex, true);
  view.setUint32(QUERY.attachType, attachType, true);
  if (tryBpf(BPF.progQuery, attributes) !== -1) return view.getUint32(QUERY.count, true);
  const errno = lastErrno();
  if (NONE_THERE.includes(errnoName(errno))) return 0;
  throw errnoError(`reading the BPF programs of link ${linkIndex}`, errno);
}
