import { ipToBytes, parseIp } from "../../../../src/model/ip.ts";
import type { CallResult, LibSystem, SizedCallResult } from "../../../../src/native/darwin/libsystem.ts";
import { constant, StructView, sizeOf } from "../fake/abi.ts";
import { UnfaithfulCall } from "../fake/accepted.ts";

export interface FakeProcess {
  readonly pid: number;
  readonly uniqueId: bigint;
  readonly parentPid: number;
  readonly uid: number;
  readonly name: string;
  /** Absent once the file was replaced. */
  path?: string;
  readonly startMs: number;
  readonly args: readonly string[];
  /** Descriptors that are sockets, with the kernel's name of each. */
  readonly sockets?: Readonly<Record<number, bigint>>;
}

export interface FakeSocket {
  readonly protocol: "tcp" | "udp";
  readonly local: readonly [string, number];
  readonly remote: readonly [string, number];
  readonly uid: number;
  readonly lastPid: number;
  readonly behalfPid?: number;
  readonly name: bigint;
}

type ProcessCalls = Pick<LibSystem, "procInfo" | "sysctl" | "sysctlByName" | "kqueue" | "kevent" | "close" | "getpid">;

/**
 * The part of macOS's kernel that knows processes and their sockets, as bytes laid out by the ABI table; strict: a flavor,
 * size or name that it does not know throws. Follows darwin-notes section 7 (list, path, names, sockets, kqueue) and 9.
 */
export class FakeProcesses implements ProcessCalls {
  readonly processes = new Map<number, FakeProcess>();
  readonly sockets: FakeSocket[] = [];
  /** Of xsocket_n: 76 bytes up to macOS 12, 104 since 13. */
  socketRecordBytes = 104;
  callerUid = 0;
  /** Reads of the list of sockets that still say ENOMEM. */
  growing = 0;
  sleptAtMs = 0;
  wokeAtMs = 0;
  readonly calls = new Map<string, number>();
  /** Called before each look at a process, to change it in between. */
  onLook: (pid: number, flavor: number) => void = () => {};
  readonly #watched = new Set<number>();
  readonly #events: Uint8Array[] = [];
  #queues = 0;

  add(process: Partial<FakeProcess> & Pick<FakeProcess, "pid">): FakeProcess {
    const { pid } = process;
    const made = {
      uniqueId: BigInt(1000 + pid),
      parentPid: 1,
      uid: 501,
      name: `p${pid}`,
      path: `/Applications/P${pid}.app/Contents/MacOS/P${pid}`,
      startMs: 1_700_000_000_000 + pid,
      args: [`P${pid}`, "-x"],
      ...process,
    };
    this.processes.set(pid, made);
    return made;
  }

  /** A process ends; a queue that watches it hears so. */
  end(pid: number): void {
    this.processes.delete(pid);
    if (this.#watched.delete(pid)) this.#events.push(this.#event(pid, 0x8010, constant("NOTE_EXIT")));
  }

  exec(pid: number): void {
    if (this.#watched.has(pid)) this.#events.push(this.#event(pid, 0x20, constant("NOTE_EXEC")));
  }

  getpid(): number {
    return 4242;
  }

  procInfo(call: number, pid: number, flavor: number, argument: bigint, buffer: Uint8Array): CallResult {
    this.#count(`procInfo ${call} ${flavor}`);
    if (call === constant("PROC_INFO_CALL_LISTPIDS")) {
      if (pid !== constant("PROC_ALL_PIDS") || flavor !== 0)
        throw new UnfaithfulCall("proc_listpids", `${pid} ${flavor}`);
      return ok(fill(buffer, words([0, ...this.processes.keys()])));
    }
    this.onLook(pid, flavor);
    const process = this.processes.get(pid);
    if (process === undefined) return failed("ESRCH");
    const isOpen = this.callerUid === 0 || this.callerUid === process.uid;
    if (call === constant("PROC_INFO_CALL_PIDFDINFO"))
      return this.#socketInfo(process, flavor, argument, buffer, isOpen);
    if (call !== constant("PROC_INFO_CALL_PIDINFO") || argument !== 0n)
      throw new UnfaithfulCall("proc_info", `${call}`);
    return this.#pidInfo(process, flavor, buffer, isOpen);
  }

  sysctl(mib: readonly number[], out: Uint8Array | undefined): SizedCallResult {
    this.#count(`sysctl ${mib.slice(0, 2).join(".")}`);
    if (mib.length !== 3 || mib[0] !== constant("CTL_KERN") || mib[1] !== constant("KERN_PROCARGS2")) {
      throw new UnfaithfulCall("sysctl", mib.join("."));
    }
    const process = this.processes.get(mib[2] ?? 0);
    if (process === undefined || (this.callerUid !== 0 && this.callerUid !== process.uid))
      return { ...failed("EINVAL"), length: 0 };
    const text = [process.path ?? "", "\0\0", ...process.args].join("\0");
    const bytes = Uint8Array.from([...words([process.args.length]), ...new TextEncoder().encode(`${text}\0`)]);
    return { ...ok(0), length: fill(out ?? new Uint8Array(0), bytes) };
  }

  sysctlByName(name: string, out: Uint8Array | undefined): SizedCallResult {
    this.#count(name);
    if (name === "kern.sleeptime" || name === "kern.waketime") {
      const bytes = new Uint8Array(sizeOf("timeval"));
      const ms = name === "kern.sleeptime" ? this.sleptAtMs : this.wokeAtMs;
      const view = new StructView("timeval", bytes);
      view.set("tv_sec", Math.floor(ms / 1000));
      view.set("tv_usec", (ms % 1000) * 1000);
      return { ...ok(0), length: fill(out ?? new Uint8Array(0), bytes) };
    }
    const protocol = /^net\.inet\.(tcp|udp)\.pcblist_n$/.exec(name)?.[1];
    if (protocol === undefined) throw new UnfaithfulCall("sysctlbyname", name);
    const bytes = this.socketList(protocol as "tcp" | "udp");
    if (out === undefined) return { ...ok(0), length: bytes.length };
    if (this.growing > 0 || out.length < bytes.length) {
      this.growing -= 1;
      return { ...failed("ENOMEM"), length: 0 };
    }
    return { ...ok(0), length: fill(out, bytes) };
  }

  /** The list as get_pcblist_n writes it: a frame, per socket its records padded to 8, a frame. */
  socketList(protocol: "tcp" | "udp"): Uint8Array {
    const frame = record("xinpgen", sizeOf("xinpgen"), undefined, () => {});
    const of = this.sockets.filter((socket) => socket.protocol === protocol).flatMap((socket) => this.#records(socket));
    return Uint8Array.from([frame, ...of, frame].flatMap((one) => [...one]));
  }

  kqueue(): CallResult {
    this.#queues += 1;
    return ok(90 + this.#queues);
  }

  kevent(queue: number, changes: Uint8Array, events: Uint8Array, timeoutMs: number): CallResult {
    const size = sizeOf("kevent");
    if (queue !== 90 + this.#queues || changes.length % size !== 0 || timeoutMs !== 0) {
      throw new UnfaithfulCall("kevent", `queue ${queue}, ${changes.length} bytes, ${timeoutMs} ms`);
    }
    for (let at = 0; at < changes.length; at += size) this.#register(changes.subarray(at, at + size));
    const given = this.#events.splice(0, events.length / size);
    for (const [index, event] of given.entries()) events.set(event, index * size);
    return ok(given.length);
  }

  close(fd: number): CallResult {
    if (fd === 90 + this.#queues) this.#queues -= 1;
    return ok(0);
  }

  get openQueues(): number {
    return this.#queues;
  }

  #register(change: Uint8Array): void {
    const view = new StructView("kevent", change);
    const pid = view.get("ident");
    const isProcess = view.get("filter") === (constant("EVFILT_PROC") & 0xffff);
    const wanted = [constant("NOTE_EXIT"), constant("NOTE_FORK"), constant("NOTE_EXEC")].reduce(
      (sum, one) => sum + one,
    );
    if (!isProcess || view.get("flags") !== constant("EV_ADD") || view.get("fflags") >>> 0 !== wanted) {
      throw new UnfaithfulCall("kevent", "filter, flags or fflags (NOTE_TRACK is not supported, darwin-notes 7)");
    }
    if (this.processes.has(pid)) this.#watched.add(pid);
    else this.#events.push(this.#event(pid, constant("EV_ERROR"), 0, constant("ESRCH")));
  }

  #event(pid: number, flags: number, notes: number, data = 0): Uint8Array {
    const bytes = new Uint8Array(sizeOf("kevent"));
    const view = new StructView("kevent", bytes);
    view.set("ident", pid);
    view.set("filter", constant("EVFILT_PROC"));
    view.set("flags", flags);
    view.set("fflags", notes);
    view.set("data", data);
    return bytes;
  }

  #pidInfo(process: FakeProcess, flavor: number, buffer: Uint8Array, isOpen: boolean): CallResult {
    const write = (struct: string, set: (view: StructView) => void): CallResult => {
      if (buffer.length !== sizeOf(struct))
        throw new UnfaithfulCall("proc_pidinfo", `${buffer.length} bytes for ${struct}`);
      set(new StructView(struct, buffer));
      return ok(buffer.length);
    };
    switch (flavor) {
      case constant("PROC_PIDT_SHORTBSDINFO"):
        return write("proc_bsdshortinfo", (view) => {
          view.set("pbsi_pid", process.pid);
          view.set("pbsi_ppid", process.parentPid);
          view.set("pbsi_uid", process.uid);
          view.set("pbsi_ruid", 77);
          view.bytes("pbsi_comm").set(new TextEncoder().encode(process.name).subarray(0, 15));
        });
      case constant("PROC_PIDUNIQIDENTIFIERINFO"):
        return write("proc_uniqidentifierinfo", (view) => {
          view.set("p_uniqueid", process.uniqueId);
          view.set("p_puniqueid", 99);
        });
      case constant("PROC_PIDTBSDINFO"):
        if (!isOpen) return failed("EPERM");
        return write("proc_bsdinfo", (view) => {
          view.set("pbi_pid", process.pid);
          view.set("pbi_start_tvsec", Math.floor(process.startMs / 1000));
          view.set("pbi_start_tvusec", (process.startMs % 1000) * 1000);
        });
      case constant("PROC_PIDPATHINFO"):
        if (buffer.length !== constant("PROC_PIDPATHINFO_MAXSIZE"))
          throw new UnfaithfulCall("proc_pidpath", `${buffer.length}`);
        if (process.path === undefined) return failed("ENOENT");
        buffer.set(new TextEncoder().encode(`${process.path}\0`));
        return ok(0);
      case constant("PROC_PIDLISTFDS"): {
        if (!isOpen) return failed("EPERM");
        const files = [[0, 1], ...Object.keys(process.sockets ?? {}).map((fd) => [Number(fd), 2])];
        return ok(fill(buffer, words(files.flat())));
      }
      default:
        throw new UnfaithfulCall("proc_pidinfo", `flavor ${flavor}`);
    }
  }

  #socketInfo(process: FakeProcess, flavor: number, fd: bigint, buffer: Uint8Array, isOpen: boolean): CallResult {
    if (flavor !== constant("PROC_PIDFDSOCKETINFO") || buffer.length !== sizeOf("socket_fdinfo")) {
      throw new UnfaithfulCall("proc_pidfdinfo", `flavor ${flavor}, ${buffer.length} bytes`);
    }
    if (!isOpen) return failed("EPERM");
    const socket = process.sockets?.[Number(fd)];
    if (socket === undefined) return failed("EBADF");
    new StructView("socket_fdinfo", buffer).set("psi.soi_so", socket);
    return ok(buffer.length);
  }

  #records(socket: FakeSocket): Uint8Array[] {
    const isV4 = !socket.local[0].includes(":");
    const put = (view: StructView, side: "l" | "f", [address, port]: readonly [string, number]) => {
      const bytes = view.bytes(side === "l" ? "inp_dependladdr" : "inp_dependfaddr");
      const parsed = parseIp(address);
      if (parsed !== undefined) bytes.set(ipToBytes(parsed), isV4 ? 12 : 0);
      view.bytes(`inp_${side}port`).set([port >> 8, port & 0xff]);
    };
    const plain = (struct: string, kind: string) => record(struct, sizeOf(struct), constant(kind), () => {});
    return [
      record("xinpcb_n", sizeOf("xinpcb_n"), constant("XSO_INPCB"), (view) => {
        view.set("inp_vflag", isV4 ? 1 : 2);
        put(view, "l", socket.local);
        put(view, "f", socket.remote);
      }),
      record("xsocket_n", this.socketRecordBytes, constant("XSO_SOCKET"), (view) => {
        view.set("xso_so", socket.name);
        view.set("so_uid", socket.uid);
        view.set("so_last_pid", socket.lastPid);
        view.set("so_e_pid", socket.behalfPid ?? 0);
      }),
      plain("xsockbuf_n", "XSO_RCVBUF"),
      plain("xsockbuf_n", "XSO_SNDBUF"),
      plain("xsockstat_n", "XSO_STATS"),
      ...(socket.protocol === "tcp" ? [plain("xtcpcb_n", "XSO_TCPCB")] : []),
    ];
  }

  #count(call: string): void {
    this.calls.set(call, (this.calls.get(call) ?? 0) + 1);
  }
}

function record(struct: string, length: number, kind: number | undefined, set: (view: StructView) => void): Uint8Array {
  const bytes = new Uint8Array(Math.ceil(Math.max(length, sizeOf(struct)) / 8) * 8);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, length, true);
  if (kind !== undefined) view.setUint32(4, kind, true);
  set(new StructView(struct, bytes));
  return bytes.subarray(0, Math.ceil(length / 8) * 8);
}

function words(numbers: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(4 * numbers.length);
  const view = new DataView(bytes.buffer);
  for (const [index, number] of numbers.entries()) view.setInt32(4 * index, number, true);
  return bytes;
}

/** Copies what fits, as the kernel does, and gives how much that was. */
function fill(buffer: Uint8Array, bytes: Uint8Array): number {
  const count = Math.min(buffer.length, bytes.length);
  buffer.set(bytes.subarray(0, count));
  return count;
}

function ok(value: number): CallResult {
  return { value, errno: 0 };
}

function failed(name: string): CallResult {
  return { value: -1, errno: constant(name) };
}
