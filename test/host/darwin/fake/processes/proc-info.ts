import { constant, StructView, sizeOf } from "../abi.ts";
import { UnfaithfulCall } from "../accepted.ts";
import { type Failure, fail, type Kernel } from "../descriptor.ts";
import { fill, words } from "./filled.ts";
import type { FakeProcess } from "./process-list.ts";

/** What system call 336 is asked: its call, the process, the flavor, its argument, and where the answer goes. */
export interface ProcInfoCall {
  readonly call: number;
  readonly pid: number;
  readonly flavor: number;
  readonly argument: bigint;
  readonly buffer: Uint8Array;
}

const FLAVORS = [
  "PROC_PIDT_SHORTBSDINFO",
  "PROC_PIDUNIQIDENTIFIERINFO",
  "PROC_PIDTBSDINFO",
  "PROC_PIDPATHINFO",
  "PROC_PIDLISTFDS",
] as const;
type Flavor = (typeof FLAVORS)[number];

/** Flavors that anybody may ask of anybody's process (darwin-notes 7). */
const FOR_ANYBODY: ReadonlySet<Flavor> = new Set([
  "PROC_PIDT_SHORTBSDINFO",
  "PROC_PIDUNIQIDENTIFIERINFO",
  "PROC_PIDPATHINFO",
]);

/** __proc_info of bsd/kern/proc_info.c: the list of processes, what one is, and what one of its descriptors is. */
export function procInfo(kernel: Kernel, asked: ProcInfoCall): number | Failure {
  const { call, pid, flavor, argument, buffer } = asked;
  const { log, machine, caller } = kernel;
  if (call === constant("PROC_INFO_CALL_LISTPIDS")) {
    log.take("proc_listpids");
    if (pid !== constant("PROC_ALL_PIDS") || flavor !== 0)
      throw new UnfaithfulCall("proc_listpids", `${pid} ${flavor}`);
    return fill(buffer, words([0, ...machine.processes.all.keys()]));
  }
  const isSocket = call === constant("PROC_INFO_CALL_PIDFDINFO");
  if (!isSocket && call !== constant("PROC_INFO_CALL_PIDINFO")) throw new UnfaithfulCall("proc_info", `call ${call}`);
  const name = isSocket ? "PROC_PIDFDSOCKETINFO" : FLAVORS.find((one) => constant(one) === flavor);
  if (name === undefined || constant(name) !== flavor) throw new UnfaithfulCall("proc_info", `flavor ${flavor}`);
  log.take(name);
  machine.processes.onLook(pid, name);
  const process = machine.processes.all.get(pid);
  if (process === undefined) return fail("ESRCH");
  const isOpen = caller.uid === 0 || caller.uid === process.uid;
  if (name === "PROC_PIDFDSOCKETINFO") return isOpen ? socketInfo(process, argument, buffer) : fail("EPERM");
  if (argument !== 0n) throw new UnfaithfulCall(name, `argument ${argument}`);
  if (!isOpen && !FOR_ANYBODY.has(name)) return fail("EPERM");
  return pidInfo(process, name, buffer);
}

function pidInfo(process: FakeProcess, flavor: Flavor, buffer: Uint8Array): number | Failure {
  switch (flavor) {
    case "PROC_PIDT_SHORTBSDINFO":
      return written(flavor, "proc_bsdshortinfo", buffer, (view) => {
        view.set("pbsi_pid", process.pid);
        view.set("pbsi_ppid", process.parentPid);
        view.set("pbsi_uid", process.uid);
        view.set("pbsi_ruid", 77);
        view.bytes("pbsi_comm").set(new TextEncoder().encode(process.name).subarray(0, 15));
      });
    case "PROC_PIDUNIQIDENTIFIERINFO":
      return written(flavor, "proc_uniqidentifierinfo", buffer, (view) => {
        view.set("p_uniqueid", process.uniqueId);
        view.set("p_puniqueid", 99);
      });
    case "PROC_PIDTBSDINFO":
      return written(flavor, "proc_bsdinfo", buffer, (view) => {
        view.set("pbi_pid", process.pid);
        view.set("pbi_start_tvsec", Math.floor(process.startMs / 1000));
        view.set("pbi_start_tvusec", (process.startMs % 1000) * 1000);
      });
    case "PROC_PIDPATHINFO":
      if (buffer.length > constant("PROC_PIDPATHINFO_MAXSIZE")) return fail("EOVERFLOW");
      if (buffer.length < constant("PROC_PIDPATHINFO_MAXSIZE"))
        throw new UnfaithfulCall(flavor, `${buffer.length} bytes: a path may have 4096`);
      if (process.path === undefined) return fail("ENOENT");
      buffer.set(new TextEncoder().encode(`${process.path}\0`));
      return 0;
    case "PROC_PIDLISTFDS": {
      const files = [[0, 1], ...Object.keys(process.sockets ?? {}).map((fd) => [Number(fd), 2])];
      return fill(buffer, words(files.flat()));
    }
  }
}

function socketInfo(process: FakeProcess, fd: bigint, buffer: Uint8Array): number | Failure {
  const socket = process.sockets?.[Number(fd)];
  if (socket === undefined) return fail("EBADF");
  return written("PROC_PIDFDSOCKETINFO", "socket_fdinfo", buffer, (view) => view.set("psi.soi_so", socket));
}

/** The kernel refuses a smaller buffer with ENOMEM; one of another size is a layout that does not match. */
function written(flavor: string, struct: string, buffer: Uint8Array, set: (view: StructView) => void): number {
  if (buffer.length !== sizeOf(struct)) throw new UnfaithfulCall(flavor, `${buffer.length} bytes for ${struct}`);
  set(new StructView(struct, buffer));
  return buffer.length;
}
