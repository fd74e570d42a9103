import { constant, StructView, sizeOf } from "../abi.ts";
import { UnfaithfulCall } from "../accepted.ts";
import { type Failure, fail, type Kernel } from "../descriptor.ts";
import { fill, words } from "./filled.ts";
import { socketList } from "./socket-list.ts";

/** The length told, or the errno. */
type Answer = { readonly length: number } | Failure;

/** sysctl {CTL_KERN, KERN_PROCARGS2, pid}: argc, the program's path, NULs, and each argument. */
export function argumentsSysctl({ machine, caller, log }: Kernel, pid: number, out: Uint8Array | undefined): Answer {
  log.take("sysctl KERN_PROCARGS2");
  if (out === undefined) throw new UnfaithfulCall("sysctl KERN_PROCARGS2", "without a buffer");
  const process = machine.processes.all.get(pid);
  if (process === undefined || (caller.uid !== 0 && caller.uid !== process.uid)) return fail("EINVAL");
  const text = [process.path ?? "", "\0\0", ...process.args].join("\0");
  const bytes = Uint8Array.from([...words([process.args.length]), ...new TextEncoder().encode(`${text}\0`)]);
  return { length: fill(out, bytes) };
}

/** sysctlbyname: lists of sockets, which anybody may read, when the machine slept, which boot it is, and who filters content. */
export function namedSysctl(kernel: Kernel, name: string, out: Uint8Array | undefined): Answer {
  const { machine, log } = kernel;
  log.take(`sysctlbyname ${name}`);
  if (name === "kern.sleeptime" || name === "kern.waketime") {
    if (out?.length !== sizeOf("timeval")) throw new UnfaithfulCall(name, `${out?.length} bytes for a timeval`);
    const ms = name === "kern.sleeptime" ? machine.sleep.sleptAtMs : machine.sleep.wokeAtMs;
    const view = new StructView("timeval", out);
    view.set("tv_sec", Math.floor(ms / 1000));
    view.set("tv_usec", (ms % 1000) * 1000);
    return { length: out.length };
  }
  if (name === "kern.wake_abs_time" || name === "kern.useractive_abs_time") {
    if (out?.length !== 8) throw new UnfaithfulCall(name, `${out?.length} bytes for a quad`);
    const ticks = name === "kern.wake_abs_time" ? machine.sleep.wokeAtTicks : machine.sleep.userActiveAtTicks;
    new DataView(out.buffer, out.byteOffset).setBigUint64(0, ticks, true);
    return { length: out.length };
  }
  if (name === "kern.bootsessionuuid") {
    if (out === undefined || out.length < 37) throw new UnfaithfulCall(name, `${out?.length} bytes for a UUID and NUL`);
    return { length: fill(out, new TextEncoder().encode(`${machine.bootSession}\0`)) };
  }
  if (name === "net.cfil.active_count") {
    if (out?.length !== 4) throw new UnfaithfulCall(name, `${out?.length} bytes for a number of 4`);
    return { length: fill(out, words([machine.contentFilters])) };
  }
  const { processes } = machine;
  if (processes.socketListFails !== undefined) return fail(processes.socketListFails);
  const bytes = socketList(processes, name === "net.inet.tcp.pcblist_n" ? "tcp" : "udp");
  if (out === undefined) return { length: bytes.length };
  if (processes.growing > 0 || out.length < bytes.length) {
    processes.growing -= 1;
    return fail("ENOMEM");
  }
  return { length: fill(out, bytes) };
}

/** The process that KERN_PROCARGS2 is asked of; undefined for another sysctl. */
export function argumentsPid(mib: readonly number[]): number | undefined {
  const isArguments = mib.length === 3 && mib[0] === constant("CTL_KERN") && mib[1] === constant("KERN_PROCARGS2");
  return isArguments ? mib[2] : undefined;
}
