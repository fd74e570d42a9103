/** Numbers of macOS's headers about processes, under their C names; a test compares every one with the ABI table. */

/** bsd/sys/proc_info.h, bsd/sys/proc_info_private.h */
export const PROC_INFO = {
  PROC_INFO_CALL_LISTPIDS: 1,
  PROC_INFO_CALL_PIDINFO: 2,
  PROC_INFO_CALL_PIDFDINFO: 3,
  PROC_ALL_PIDS: 1,
  PROC_PIDLISTFDS: 1,
  PROC_PIDTBSDINFO: 3,
  PROC_PIDPATHINFO: 11,
  PROC_PIDPATHINFO_MAXSIZE: 4096,
  PROC_PIDT_SHORTBSDINFO: 13,
  PROC_PIDUNIQIDENTIFIERINFO: 17,
  PROC_PIDFDSOCKETINFO: 3,
  PROX_FDTYPE_SOCKET: 2,
} as const;

/** bsd/sys/sysctl.h */
export const PROCESS_SYSCTL = { CTL_KERN: 1, KERN_PROCARGS2: 49 } as const;

/** bsd/sys/socketvar.h: kinds of records in a list of sockets. */
export const SOCKET_RECORD = { XSO_SOCKET: 1, XSO_INPCB: 0x10 } as const;

/** bsd/sys/event.h */
export const KERNEL_EVENT = {
  EVFILT_PROC: -5,
  EV_ADD: 1,
  EV_ERROR: 0x4000,
  NOTE_EXIT: 0x80000000,
  NOTE_FORK: 0x40000000,
  NOTE_EXEC: 0x20000000,
} as const;

/** bsd/sys/codesign.h: operations of csops, which answers about other processes without root (kern_proc.c). */
export const CODE_SIGNING = {
  CS_OPS_STATUS: 0,
  CS_OPS_TEAMID: 14,
  CS_OPS_VALIDATION_CATEGORY: 17,
  CS_MAX_TEAMID_LEN: 64,
} as const;

/** osfmk/kern/cs_blobs.h: flags of a process's code signature. */
export const SIGNATURE_FLAGS = {
  CS_VALID: 0x1,
  CS_ADHOC: 0x2,
  CS_PLATFORM_BINARY: 0x400_0000,
  CS_DEBUGGED: 0x1000_0000,
  CS_SIGNED: 0x2000_0000,
} as const;
