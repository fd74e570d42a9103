import type {
  ActivatedSockets,
  CallResult,
  LibSystem,
  SizedCallResult,
} from "../../../../src/native/darwin/libsystem.ts";
import { constant } from "./abi.ts";
import { CallLog, UnfaithfulCall } from "./accepted.ts";
import { ControlSocket } from "./control-socket.ts";
import { type Descriptor, type Failure, type FakeCaller, fail, type Kernel } from "./descriptor.ts";
import { InternetSocket } from "./internet-socket.ts";
import { AcceptedConnection, LaunchdSocket } from "./launchd-socket.ts";
import type { FakeMachine } from "./machine.ts";
import { PfDevice } from "./pf-device.ts";
import { csops } from "./processes/code-signing.ts";
import { KernelQueue } from "./processes/kernel-queue.ts";
import { procInfo } from "./processes/proc-info.ts";
import { argumentsPid, argumentsSysctl, namedSysctl } from "./processes/process-sysctl.ts";
import { RouteSocket } from "./route/route-socket.ts";
import { copyOut, routeSysctl } from "./route/route-sysctl.ts";
import { StreamSocket } from "./stream-socket.ts";

const O_RDWR = 2;
/** bsd/sys/resource.h and bsd/sys/ptrace.h, which the ABI table leaves out. */
const [RLIMIT_CORE, PT_DENY_ATTACH] = [4, 31];
const MOST_DESCRIPTORS = 256;
/** What is done on descriptors that live on; a datagram socket sends one canary and is closed before anything else runs. */
const TALK: ReadonlySet<string> = new Set(["connect", "read", "write"]);

/**
 * libSystem as one program sees it, over a machine that other programs may share. It speaks the bytes of the ABI table
 * and throws UnfaithfulCall for what macOS would not understand; it never answers out of courtesy.
 */
export class FakeLibSystem implements LibSystem {
  readonly log = new CallLog();
  readonly caller: FakeCaller;
  readonly #kernel: Kernel;
  readonly #descriptors = new Map<number, Descriptor>();
  readonly #activated = new Set<string>();
  #nextDescriptor = 3;

  constructor(machine: FakeMachine, caller: FakeCaller = { pid: 4242, uid: 0 }) {
    this.caller = caller;
    this.#kernel = { machine, caller, log: this.log };
    const { pid, uid } = caller;
    const path = "/usr/local/bin/awg-split-tunnel";
    machine.processes.add({ pid, uid, name: "awg", path, args: [path] });
  }

  /** What stands behind a descriptor, for tests that look or feed packets. */
  descriptor(fd: number): Descriptor | undefined {
    return this.#descriptors.get(fd);
  }

  /** Open descriptors: a test that ends with more than it expects has found a leak. */
  get openDescriptors(): readonly string[] {
    return [...this.#descriptors.values()].map(({ kind }) => kind);
  }

  /** The program ends: everything it held is closed. */
  exit(): void {
    for (const fd of [...this.#descriptors.keys()]) this.close(fd);
    this.#kernel.machine.processes.end(this.caller.pid);
  }

  socket(domain: number, type: number, protocol: number): CallResult {
    const made = this.#makeSocket(domain, type, protocol);
    if (!this.#kernel.machine.isFull) return this.#open(made);
    made.close();
    return failed(fail("ENFILE"));
  }

  connect(fd: number, address: Uint8Array): CallResult {
    return this.#on(fd, "connect", (one) => one.connect?.(address));
  }

  bind(fd: number): CallResult {
    return this.#on(fd, "bind", () => undefined);
  }

  getsockname(): SizedCallResult {
    throw new UnfaithfulCall("getsockname", "the double's sockets have no name");
  }

  getpeername(fd: number, address: Uint8Array): SizedCallResult {
    let length = 0;
    const result = this.#on(fd, "getpeername", (one) => {
      const answer = one.getpeername?.(address);
      if (answer === undefined || "failed" in answer) return answer;
      length = answer.length;
      return 0;
    });
    return { ...result, length };
  }

  pipe(): CallResult {
    throw new UnfaithfulCall("pipe", "the double has no pipes");
  }

  close(fd: number): CallResult {
    this.log.take("close");
    const one = this.#descriptors.get(fd);
    if (one === undefined) throw new UnfaithfulCall("close", `descriptor ${fd} is not open`);
    this.#descriptors.delete(fd);
    one.close();
    return { value: 0, errno: 0 };
  }

  read(fd: number, buffer: Uint8Array): CallResult {
    return this.#on(fd, "read", (one) => one.read?.(buffer));
  }

  write(fd: number, bytes: Uint8Array): CallResult {
    return this.#on(fd, "write", (one) => one.write?.(bytes));
  }

  ioctl(fd: number, request: number, argument: Uint8Array): CallResult {
    checkRequest(request);
    return this.#on(fd, "ioctl", (one) => one.ioctl?.(request, argument));
  }

  ioctlPointing(fd: number, request: number, argument: Uint8Array, at: number, pointed: Uint8Array): CallResult {
    checkRequest(request);
    if (at !== 8)
      throw new UnfaithfulCall("ioctl", `a pointer at ${at}; pfioc_tokens and pfioc_states have theirs at 8`);
    return this.#on(fd, "ioctl", (one) => one.ioctlPointing?.(request, argument, pointed));
  }

  fcntl(fd: number, command: number, argument: number): CallResult {
    return this.#on(fd, "fcntl", (one) => {
      const name = ["F_SETFD", "F_SETFL", "F_GETFL"].find((known) => constant(known) === command);
      if (name === undefined) return undefined;
      this.log.take(`fcntl ${name}`);
      if (name === "F_GETFL") return 2 | (one.nonblocking ? constant("O_NONBLOCK") : 0);
      if (name === "F_SETFD") {
        if (argument !== constant("FD_CLOEXEC")) throw new UnfaithfulCall("fcntl F_SETFD", "a child would inherit it");
        one.closeOnExec = true;
      } else one.nonblocking = (argument & constant("O_NONBLOCK")) !== 0;
      return 0;
    });
  }

  getsockopt(fd: number, level: number, name: number, buffer: Uint8Array): SizedCallResult {
    let length = 0;
    const result = this.#on(fd, "getsockopt", (one) => {
      const answer = one.getsockopt?.(level, name, buffer);
      if (answer === undefined || "failed" in answer) return answer;
      length = answer.length;
      return 0;
    });
    return { ...result, length };
  }

  setsockopt(fd: number, level: number, name: number, value: Uint8Array): CallResult {
    return this.#on(fd, "setsockopt", (one) => one.setsockopt?.(level, name, value));
  }

  open(path: string, flags: number): CallResult {
    if (path !== "/dev/pf" || flags !== O_RDWR) throw new UnfaithfulCall("open", `${path} with flags ${flags}`);
    this.log.take("open /dev/pf");
    if (this.caller.uid !== 0) return failed(fail("EPERM"));
    return this.#open(new PfDevice(this.#kernel));
  }

  sysctl(mib: readonly number[], out: Uint8Array | undefined): SizedCallResult {
    const pid = argumentsPid(mib);
    if (pid !== undefined) return sized(argumentsSysctl(this.#kernel, pid, out));
    const isRoute = mib[0] === constant("CTL_NET") && mib[1] === constant("PF_ROUTE");
    if (!isRoute) throw new UnfaithfulCall("sysctl", `mib ${mib.join(".")}`);
    const answer = copyOut(routeSysctl(this.#kernel, mib), out);
    if (out === undefined) {
      const { machine } = this.#kernel;
      const { afterEstimate } = machine;
      machine.afterEstimate = undefined;
      afterEstimate?.();
    }
    return sized(answer);
  }

  sysctlByName(name: string, out: Uint8Array | undefined): SizedCallResult {
    return sized(namedSysctl(this.#kernel, name, out));
  }

  ifNameToIndex(name: string): CallResult {
    this.log.take("ifNameToIndex");
    const device = this.#kernel.machine.interfaceNamed(name);
    return device === undefined ? { ...failed(fail("ENXIO")), value: 0 } : { value: device.index, errno: 0 };
  }

  kqueue(): CallResult {
    this.log.take("kqueue");
    return this.#open(new KernelQueue(this.#kernel));
  }

  kevent(queue: number, changes: Uint8Array, events: Uint8Array, timeoutMs: number): CallResult {
    return this.#on(queue, "kevent", (one) => one.kevent?.(changes, events, timeoutMs));
  }

  procInfo(call: number, pid: number, flavor: number, argument: bigint, buffer: Uint8Array): CallResult {
    const answer = procInfo(this.#kernel, { call, pid, flavor, argument, buffer });
    return typeof answer === "number" ? { value: answer, errno: 0 } : failed(answer);
  }

  csops(pid: number, operation: number, buffer: Uint8Array): CallResult {
    const answer = csops(this.#kernel, pid, operation, buffer);
    return typeof answer === "number" ? { value: answer, errno: 0 } : failed(answer);
  }

  setrlimit(resource: number, limit: Uint8Array): CallResult {
    if (resource !== RLIMIT_CORE || limit.length !== 16) throw new UnfaithfulCall("setrlimit", `resource ${resource}`);
    this.log.take("setrlimit RLIMIT_CORE");
    return { value: 0, errno: 0 };
  }

  ptrace(request: number, pid: number): CallResult {
    if (request !== PT_DENY_ATTACH || pid !== 0) throw new UnfaithfulCall("ptrace", `request ${request} of ${pid}`);
    this.log.take("ptrace PT_DENY_ATTACH");
    return { value: 0, errno: 0 };
  }

  activateSockets(name: string): ActivatedSockets {
    this.log.take("launch_activate_socket");
    const { sockets } = this.caller;
    if (sockets === undefined) return { errno: constant("ESRCH"), fds: [] };
    const count = sockets[name];
    if (count === undefined) return { errno: constant("ENOENT"), fds: [] };
    if (this.#activated.has(name)) return { errno: constant("EALREADY"), fds: [] };
    this.#activated.add(name);
    return { errno: 0, fds: Array.from({ length: count }, () => this.#open(new LaunchdSocket()).value) };
  }

  /** A client of this user connects to a listening socket; the descriptor of the connection. */
  accept(uid: number): number {
    return this.#open(new AcceptedConnection(uid)).value;
  }

  getpid(): number {
    this.log.take("getpid");
    return this.caller.pid;
  }

  kill(pid: number, signal: number): CallResult {
    this.log.take("kill");
    const { machine } = this.#kernel;
    const target = machine.processes.all.get(pid);
    if (target === undefined) return failed(fail("ESRCH"));
    if (this.caller.uid !== 0 && this.caller.uid !== target.uid) return failed(fail("EPERM"));
    if (signal !== 0) machine.signals.push({ pid, signal });
    return { value: 0, errno: 0 };
  }

  #makeSocket(domain: number, type: number, protocol: number): Descriptor {
    const [dgram, raw] = [constant("SOCK_DGRAM"), constant("SOCK_RAW")];
    const families = [0, constant("AF_INET"), constant("AF_INET6")];
    if (domain === constant("PF_ROUTE") && type === raw && families.includes(protocol)) {
      this.log.take("socket PF_ROUTE");
      return new RouteSocket(this.#kernel, protocol);
    }
    if (domain === constant("AF_SYSTEM") && type === dgram && protocol === constant("SYSPROTO_CONTROL")) {
      this.log.take("socket AF_SYSTEM control");
      return new ControlSocket(this.#kernel);
    }
    const family = domain === constant("AF_INET") ? 4 : domain === constant("AF_INET6") ? 6 : undefined;
    if (family !== undefined && type === dgram && [0, 17].includes(protocol)) {
      this.log.take(family === 4 ? "socket AF_INET dgram" : "socket AF_INET6 dgram");
      return new InternetSocket(this.#kernel, family);
    }
    if (family !== undefined && type === constant("SOCK_STREAM") && protocol === constant("IPPROTO_TCP")) {
      this.log.take(family === 4 ? "socket AF_INET stream" : "socket AF_INET6 stream");
      return new StreamSocket(this.#kernel, family);
    }
    throw new UnfaithfulCall("socket", `domain ${domain} type ${type} protocol ${protocol}`);
  }

  #open(made: Descriptor): CallResult {
    if (this.#descriptors.size >= MOST_DESCRIPTORS) throw new UnfaithfulCall("socket", "descriptors leak");
    const fd = this.#nextDescriptor;
    this.#nextDescriptor += 1;
    this.#descriptors.set(fd, made);
    return { value: fd, errno: 0 };
  }

  #on(fd: number, call: string, run: (one: Descriptor) => number | Failure | undefined): CallResult {
    const one = this.#descriptors.get(fd);
    if (one === undefined) throw new UnfaithfulCall(call, `descriptor ${fd} is not open`);
    if (TALK.has(call) && one.kind !== "dgram" && !one.closeOnExec)
      throw new UnfaithfulCall(call, `a child would inherit the ${one.kind}`);
    const answer = run(one);
    if (answer === undefined) throw new UnfaithfulCall(call, `not on a descriptor of ${one.kind}`);
    return typeof answer === "number" ? { value: answer, errno: 0 } : failed(answer);
  }
}

function sized(answer: { readonly length: number } | Failure): SizedCallResult {
  return "failed" in answer ? { ...failed(answer), length: 0 } : { value: 0, errno: 0, length: answer.length };
}

function failed({ failed: name }: Failure): CallResult {
  return { value: -1, errno: constant(name) };
}

/** A request with its top bit set must arrive as an unsigned number, not sign-extended (darwin-notes 0). */
function checkRequest(request: number): void {
  if (request < 0 || request > 0xffff_ffff) throw new UnfaithfulCall("ioctl", `request ${request} is sign-extended`);
}
