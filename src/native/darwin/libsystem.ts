/**
 * The result of a system call: its value, and errno when the value is -1 (0 otherwise). Darwin's errno numbers, not
 * Linux's.
 */
export interface CallResult {
  readonly value: number;
  readonly errno: number;
}

/** A call that also returns how many bytes of the buffer it filled, or would have needed. */
export interface SizedCallResult extends CallResult {
  readonly length: number;
}

/** Descriptors, and the errno that the call returns; 0 if there is none. */
export interface ActivatedSockets {
  readonly errno: number;
  readonly fds: readonly number[];
}

/**
 * The calls of /usr/lib/libSystem.B.dylib that awg uses, with bytes in and out; tests replace macOS here. Buffers are
 * written in place. No call throws for a kernel error; it returns errno.
 */
export interface LibSystem {
  socket(domain: number, type: number, protocol: number): CallResult;
  connect(fd: number, address: Uint8Array): CallResult;
  bind(fd: number, address: Uint8Array): CallResult;
  /** Fills `address` as far as it reaches. */
  getsockname(fd: number, address: Uint8Array): SizedCallResult;
  /** Fills `address` as far as it reaches. */
  getpeername(fd: number, address: Uint8Array): SizedCallResult;
  /** Writes the reading and the writing end into `ends`, 4 bytes each. */
  pipe(ends: Uint8Array): CallResult;
  close(fd: number): CallResult;
  read(fd: number, buffer: Uint8Array): CallResult;
  write(fd: number, bytes: Uint8Array): CallResult;
  /** `request` is the unsigned 32-bit number of the header; the argument is read and written in place. */
  ioctl(fd: number, request: number, argument: Uint8Array): CallResult;
  /** The same for an argument that holds the address of another buffer, 8 bytes at `pointerAt` (pfioc_tokens, pfioc_states). */
  ioctlPointing(fd: number, request: number, argument: Uint8Array, pointerAt: number, pointed: Uint8Array): CallResult;
  fcntl(fd: number, command: number, argument: number): CallResult;
  getsockopt(fd: number, level: number, name: number, buffer: Uint8Array): SizedCallResult;
  setsockopt(fd: number, level: number, name: number, value: Uint8Array): CallResult;
  open(path: string, flags: number): CallResult;
  /** `out` undefined: returns the size only. */
  sysctl(mib: readonly number[], out: Uint8Array | undefined): SizedCallResult;
  sysctlByName(name: string, out: Uint8Array | undefined): SizedCallResult;
  ifNameToIndex(name: string): CallResult;
  kqueue(): CallResult;
  /** Registers `changes` and fills `events` (32-byte records); waits at most `timeoutMs`. */
  kevent(queue: number, changes: Uint8Array, events: Uint8Array, timeoutMs: number): CallResult;
  /** System call 336, the one behind libproc. */
  procInfo(call: number, pid: number, flavor: number, argument: bigint, buffer: Uint8Array): CallResult;
  /** The kernel's data on a process's code signature (bsd/sys/codesign.h). */
  csops(pid: number, operation: number, buffer: Uint8Array): CallResult;
  /** Sets a limit of this process: struct rlimit, two numbers of 8 bytes. */
  setrlimit(resource: number, limit: Uint8Array): CallResult;
  /** Without address and data, for requests about this process. */
  ptrace(request: number, pid: number): CallResult;
  /**
   * The listening descriptors that launchd opened for a key of Sockets in the plist of this process (launch.h, since macOS
   * 10.10). They are given once; afterwards the errno is EALREADY.
   */
  activateSockets(name: string): ActivatedSockets;
  getpid(): number;
  kill(pid: number, signal: number): CallResult;
}
