import type { StructLayout } from "../struct.codec.ts";

/** The structs about processes and their sockets, as LAYOUTS; a test compares each field with the ABI table. */
export const PROCESS_LAYOUTS = {
  /** bsd/sys/proc_info.h: readable by every user. */
  proc_bsdshortinfo: {
    size: 64,
    fields: { pbsi_pid: [0, 4], pbsi_ppid: [4, 4], pbsi_comm: [16, 16], pbsi_uid: [36, 4] },
  },
  /** The same, for the process's user and root. */
  proc_bsdinfo: {
    size: 136,
    fields: { pbi_pid: [12, 4], pbi_start_tvsec: [120, 8], pbi_start_tvusec: [128, 8] },
  },
  /** bsd/sys/proc_info_private.h: a unique id, never reused. */
  proc_uniqidentifierinfo: { size: 56, fields: { p_uniqueid: [16, 8] } },
  proc_fdinfo: { size: 8, fields: { proc_fd: [0, 4], proc_fdtype: [4, 4] } },
  socket_fdinfo: { size: 792, fields: { "psi.soi_so": [160, 8] } },
  /** bsd/netinet/in_pcb.h */
  xinpgen: { size: 24, fields: { xig_len: [0, 4], xig_count: [4, 4] } },
  xinpcb_n: {
    size: 104,
    fields: {
      xi_len: [0, 4],
      xi_kind: [4, 4],
      inp_fport: [16, 2],
      inp_lport: [18, 2],
      inp_vflag: [44, 1],
      "inp_dependfaddr.inp6_foreign": [48, 16],
      "inp_dependladdr.inp6_local": [64, 16],
    },
  },
  /** bsd/sys/socketvar.h: 76 bytes before macOS 13; the fields in use did not move. */
  xsocket_n: {
    size: 104,
    fields: {
      xso_len: [0, 4],
      xso_kind: [4, 4],
      xso_so: [8, 8],
      so_uid: [64, 4],
      so_last_pid: [68, 4],
      so_e_pid: [72, 4],
    },
  },
  /** bsd/sys/event.h, packed to 4 bytes. */
  kevent: {
    size: 32,
    fields: { ident: [0, 8], filter: [8, 2], flags: [10, 2], fflags: [12, 4], data: [16, 8], udata: [24, 8] },
  },
} as const satisfies Readonly<Record<string, StructLayout>>;
