import { constant, StructView } from "../abi.ts";
import { UnfaithfulCall } from "../accepted.ts";
import { type Descriptor, type Failure, fail, type Kernel } from "../descriptor.ts";
import type { FakeRoute, RouteSocketEvent } from "../machine.ts";
import { addressMessage, interfaceMessage, routeMessage } from "./route-messages.ts";
import { parseRouteRequest, performRoute, type RouteRequest } from "./route-write.ts";

/** RAWRCVQ: what fits before SO_RCVBUF is raised. */
const DEFAULT_BUFFER_BYTES = 8192;
/** What a watcher needs, since overflow is silent (darwin-notes 3). */
const LEAST_BUFFER_BYTES = 256 * 1024;

/** socket(PF_ROUTE, SOCK_RAW, family or 0): writes change the table, reads hear what anybody changed. */
export class RouteSocket implements Descriptor {
  readonly kind = "PF_ROUTE";
  nonblocking = false;
  closeOnExec = false;
  readonly #kernel: Kernel;
  readonly #family: number;
  readonly #queue: Uint8Array[] = [];
  #capacity = DEFAULT_BUFFER_BYTES;
  #hearsItself = true;
  /** Whether routes were changed through it. */
  #changes = false;
  #isShutDown = false;
  readonly #listener = (event: RouteSocketEvent): void => this.#hear(event);

  constructor(kernel: Kernel, family: number) {
    this.#kernel = kernel;
    this.#family = family;
    kernel.machine.listeners.add(this.#listener);
  }

  write(bytes: Uint8Array): number | Failure {
    const request = parseRouteRequest(bytes);
    if (typeof request === "number") return failure(request);
    this.#kernel.log.take(`write ${request.type}`);
    const { machine, caller } = this.#kernel;
    this.#changes ||= request.type !== "RTM_GET";
    if (request.type !== "RTM_GET" && caller.uid !== 0) return fail("EPERM");
    const done = performRoute(machine, request);
    const errno = typeof done === "number" ? done : 0;
    this.#echo(request, bytes, done, errno);
    return errno === 0 ? bytes.length : failure(errno);
  }

  read(buffer: Uint8Array): number | Failure {
    this.#kernel.log.take("read PF_ROUTE");
    if (this.#isShutDown) return fail("ENOTCONN");
    const message = this.#queue.shift();
    if (message === undefined) {
      if (this.nonblocking) return fail("EAGAIN");
      throw new UnfaithfulCall("read PF_ROUTE", "nothing to read on a blocking socket: it would wait for ever");
    }
    buffer.set(message.subarray(0, buffer.length));
    return Math.min(message.length, buffer.length);
  }

  setsockopt(level: number, name: number, value: Uint8Array): number | Failure {
    if (level !== constant("SOL_SOCKET")) throw new UnfaithfulCall("setsockopt PF_ROUTE", `level ${level}`);
    if (value.length !== 4) return fail("EINVAL");
    const number = new DataView(value.buffer, value.byteOffset).getInt32(0, true);
    if (name === constant("SO_RCVBUF")) {
      this.#kernel.log.take("setsockopt SO_RCVBUF");
      if (number < LEAST_BUFFER_BYTES) throw new UnfaithfulCall("setsockopt SO_RCVBUF", `${number} bytes are too few`);
      this.#capacity = number;
    } else if (name === constant("SO_USELOOPBACK")) {
      this.#kernel.log.take("setsockopt SO_USELOOPBACK");
      this.#hearsItself = number !== 0;
    } else throw new UnfaithfulCall("setsockopt PF_ROUTE", `option ${name}`);
    return 0;
  }

  close(): void {
    this.#kernel.machine.listeners.delete(this.#listener);
    if (this.#changes && this.#hearsItself && this.#queue.length > 0)
      throw new UnfaithfulCall("close PF_ROUTE", "it heard its own changes and nobody read them: SO_USELOOPBACK is on");
  }

  /** Success is told with the route as it stands and RTF_DONE; an error with the message as it was written. */
  #echo(request: RouteRequest, written: Uint8Array, done: FakeRoute | number, errno: number): void {
    const { machine, caller } = this.#kernel;
    let bytes: Uint8Array;
    if (typeof done === "number") {
      bytes = Uint8Array.from(written);
      const view = new StructView("rt_msghdr", bytes);
      view.set("rtm_errno", errno);
      view.set("rtm_pid", caller.pid);
    } else {
      const flags = done.flags | constant("RTF_DONE");
      const withInterface = request.addresses.has("IFP");
      const header = { type: request.type, pid: caller.pid, seq: request.seq, errno: 0, flags, withInterface };
      bytes = routeMessage(machine, done, header, false);
    }
    const family = request.addresses.get("DST")?.[1] === constant("AF_INET6") ? 6 : 4;
    const muted = this.#hearsItself ? undefined : this.#listener;
    for (const listener of [...machine.listeners]) if (listener !== muted) listener({ kind: "bytes", family, bytes });
  }

  #hear(event: RouteSocketEvent): void {
    const { machine } = this.#kernel;
    if (event.kind === "shut down") this.#isShutDown = true;
    else if (event.kind === "bytes") this.#pushFor(event.family, event.bytes);
    else if (event.kind === "route") {
      const { type, route, pid, seq, errno } = event;
      const header = { type, pid, seq, errno, flags: route.flags, withInterface: false };
      this.#pushFor(route.prefix.family, routeMessage(machine, route, header, false));
    } else {
      const device = machine.interfaceAt(event.interfaceIndex);
      if (device === undefined) return;
      if (event.kind === "interface") this.#push(interfaceMessage(device));
      else {
        const type = event.added ? "RTM_NEWADDR" : "RTM_DELADDR";
        this.#pushFor(event.address.prefix.family, addressMessage(type, device, event.address, false));
      }
    }
  }

  #pushFor(family: number, bytes: Uint8Array): void {
    const wanted = this.#family === 0 || this.#family === constant(family === 4 ? "AF_INET" : "AF_INET6");
    if (wanted) this.#push(bytes);
  }

  /** A full buffer loses the message without a word (darwin-notes 3, Overflow is silent). */
  #push(bytes: Uint8Array): void {
    const held = this.#queue.reduce((sum, one) => sum + one.length, 0);
    if (held + bytes.length <= this.#capacity) this.#queue.push(bytes);
  }
}

function failure(errno: number): Failure {
  for (const name of ["EINVAL", "EEXIST", "ESRCH", "ENETUNREACH", "EPROTONOSUPPORT", "EPERM"]) {
    if (constant(name) === errno) return fail(name);
  }
  throw new Error(`errno ${errno}`);
}
