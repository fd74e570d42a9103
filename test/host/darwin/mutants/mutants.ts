import type { Command, RunCommand } from "../../../../src/host/darwin/command.ts";
import type { LibSystem } from "../../../../src/native/darwin/libsystem.ts";
import { constant, ioctlNumber } from "../fake/abi.ts";

/** One wrong byte, or one wrong word, between awg and macOS. */
export interface Mutant {
  readonly name: string;
  /** Section of the notes that it breaks. */
  readonly breaks: string;
  readonly system?: (real: LibSystem) => LibSystem;
  readonly run?: (real: RunCommand) => RunCommand;
}

const HEADER = 92;
const GATEWAY = HEADER + 16;
const LINK_MASK = GATEWAY + 20;

/** The real calls, whichever there are, with some of them replaced. */
function bent(real: LibSystem, over: Partial<LibSystem>): LibSystem {
  return new Proxy(real, {
    get(target, name) {
      const call = over[name as keyof LibSystem] ?? Reflect.get(target, name, target);
      return typeof call === "function" ? call.bind(target) : call;
    },
  });
}

/** Changes what is written to the routing socket when it is a message of this type. */
function message(type: string, change: (bytes: Uint8Array) => Uint8Array): NonNullable<Mutant["system"]> {
  return (real) =>
    bent(real, {
      write: (fd, bytes) => real.write(fd, bytes[3] === constant(type) ? change(Uint8Array.from(bytes)) : bytes),
    });
}

/** Changes the argument of one ioctl; what is answered reaches awg as ever. */
function request(name: string, change: (argument: Uint8Array) => Uint8Array): NonNullable<Mutant["system"]> {
  return (real) =>
    bent(real, {
      ioctl: (fd, number, argument) => {
        if (number !== ioctlNumber(name)) return real.ioctl(fd, number, argument);
        const changed = change(Uint8Array.from(argument));
        const result = real.ioctl(fd, number, changed);
        argument.set(changed.subarray(0, argument.length));
        return result;
      },
    });
}

/** Changes the address that a control socket is connected to. */
function address(change: (bytes: Uint8Array) => Uint8Array): NonNullable<Mutant["system"]> {
  return (real) => bent(real, { connect: (fd, bytes) => real.connect(fd, change(Uint8Array.from(bytes))) });
}

/** Changes what system call 336 is asked, for one call and flavor. */
function asked(
  call: string,
  flavor: string,
  change: (values: Parameters<LibSystem["procInfo"]>) => Parameters<LibSystem["procInfo"]>,
): NonNullable<Mutant["system"]> {
  return (real) =>
    bent(real, {
      procInfo: (...values) => {
        const isMeant = values[0] === constant(call) && (flavor === "" || values[2] === constant(flavor));
        return real.procInfo(...(isMeant ? change(values) : values));
      },
    });
}

/** Changes the record that registers a process with a kernel queue. */
function watch(change: (bytes: Uint8Array) => Uint8Array): NonNullable<Mutant["system"]> {
  return (real) =>
    bent(real, {
      kevent: (fd, changes, events, ms) =>
        real.kevent(fd, changes.length === 0 ? changes : change(Uint8Array.from(changes)), events, ms),
    });
}

/** Changes the words of one program's run. */
function words(path: string, change: (command: Command) => Command): NonNullable<Mutant["run"]> {
  return (real) => (command) => real(command.path === path ? change(command) : command);
}

function put(at: number, ...values: readonly number[]): (bytes: Uint8Array) => Uint8Array {
  return (bytes) => {
    bytes.set(values, at);
    return bytes;
  };
}

function toggle(at: number, bits: number): (bytes: Uint8Array) => Uint8Array {
  return (bytes) => {
    bytes[at] = (bytes[at] ?? 0) ^ bits;
    return bytes;
  };
}

const ROUTES: readonly Mutant[] = [
  { name: "rtm_msglen one too long", breaks: "3", system: message("RTM_ADD", toggle(0, 1)) },
  { name: "rtm_version of FreeBSD's older kernel", breaks: "3", system: message("RTM_ADD", put(2, 4)) },
  { name: "destination's sa_len one short", breaks: "3", system: message("RTM_ADD", put(HEADER, 15)) },
  { name: "destination without sa_len", breaks: "3", system: message("RTM_ADD", put(HEADER, 0)) },
  { name: "destination of Linux's family", breaks: "3", system: message("RTM_ADD", put(HEADER + 1, 10)) },
  { name: "netmask cut short", breaks: "3", system: message("RTM_ADD", put(LINK_MASK, 5)) },
  { name: "netmask of length 0", breaks: "3", system: message("RTM_ADD", put(LINK_MASK, 0)) },
  { name: "RTF_GATEWAY with a link as gateway", breaks: "3", system: message("RTM_ADD", toggle(8, 0x2)) },
  { name: "link gateway without its index", breaks: "3", system: message("RTM_ADD", put(GATEWAY + 2, 0, 0)) },
  { name: "RTF_IFSCOPE without index", breaks: "3", system: message("RTM_ADD", toggle(11, 0x1)) },
  { name: "rubbish in sin_zero", breaks: "3", system: message("RTM_ADD", put(HEADER + 12, 1)) },
  { name: "sequence 0", breaks: "3", system: message("RTM_ADD", put(20, 0, 0, 0, 0)) },
  { name: "four bytes behind the last address", breaks: "3", system: message("RTM_ADD", grown) },
  {
    name: "a half deleted as the default",
    breaks: "3",
    system: message("RTM_DELETE", (bytes) => put(HEADER + 16 + 4, 0)(put(HEADER + 4, 0)(bytes))),
  },
  { name: "our mark left out", breaks: "3", system: message("RTM_ADD", toggle(10, 0x4)) },
  {
    name: "the routing socket opened as a datagram socket",
    breaks: "3",
    system: (real) =>
      bent(real, { socket: (domain, type, protocol) => real.socket(domain, domain === 17 ? 2 : type, protocol) }),
  },
  {
    name: "NET_RT_IFLIST instead of NET_RT_IFLIST2",
    breaks: "2",
    system: (real) => bent(real, { sysctl: (mib, out) => real.sysctl(mib[4] === 6 ? mib.with(4, 3) : mib, out) }),
  },
];

const LINKS: readonly Mutant[] = [
  { name: "unit without its plus one: utun0 is taken", breaks: "1", system: address(put(8, 1)) },
  { name: "sc_len 0", breaks: "1", system: address(put(0, 0)) },
  { name: "ss_sysaddr 0", breaks: "1", system: address(put(2, 0, 0)) },
  { name: "a control's number nobody told", breaks: "1", system: address(put(4, 99)) },
  { name: "sockaddr_ctl cut to 16 bytes", breaks: "1", system: address((bytes) => bytes.subarray(0, 16)) },
  { name: "ctl_info of 96 bytes", breaks: "1", system: request("CTLIOCGINFO", (bytes) => bytes.subarray(0, 96)) },
  { name: "the control's name misspelt", breaks: "1", system: request("CTLIOCGINFO", put(4, 0x43)) },
  {
    name: "no room for the NUL of the interface's name",
    breaks: "1",
    system: (real) =>
      bent(real, { getsockopt: (fd, level, name, into) => real.getsockopt(fd, level, name, into.subarray(0, 5)) }),
  },
  {
    name: "requests sign-extended",
    breaks: "0",
    system: (real) => bent(real, { ioctl: (fd, number, argument) => real.ioctl(fd, number | 0, argument) }),
  },
  {
    name: "descriptors that children inherit",
    breaks: "1",
    system: (real) => bent(real, { fcntl: (fd, command, value) => real.fcntl(fd, command, command === 2 ? 0 : value) }),
  },
  { name: "the MTU four bytes late", breaks: "2", system: request("SIOCSIFMTU", (bytes) => moved(bytes, 16, 20, 4)) },
  { name: "the MTU in network order", breaks: "2", system: request("SIOCSIFMTU", (bytes) => turned(bytes, 16, 4)) },
  { name: "IPv4 address without the other end", breaks: "2", system: request("SIOCAIFADDR", put(32, 0)) },
  { name: "IPv4 mask of length 0", breaks: "2", system: request("SIOCAIFADDR", put(48, 0)) },
  { name: "IPv4 mask with a hole", breaks: "2", system: request("SIOCAIFADDR", put(52, 0xf0, 0xff)) },
  {
    name: "IPv6 other end on a /64",
    breaks: "2",
    system: request("SIOCAIFADDR_IN6", (bytes) => copied(bytes, 16, 44, 28)),
  },
  { name: "IPv6 address without its flags", breaks: "2", system: request("SIOCAIFADDR_IN6", put(100, 0, 0)) },
  { name: "IPv6 address that expires at once", breaks: "2", system: request("SIOCAIFADDR_IN6", put(120, 0, 0, 0, 0)) },
  {
    name: "in6_aliasreq at natural size less its padding",
    breaks: "2",
    system: request("SIOCAIFADDR_IN6", (bytes) => bytes.subarray(0, 124)),
  },
  {
    name: "IPv6 requests on an IPv4 socket",
    breaks: "2",
    system: (real) => bent(real, { socket: (domain, ...rest) => real.socket(domain === 30 ? 2 : domain, ...rest) }),
  },
  {
    name: "IP_BOUND_IF on an IPv6 socket",
    breaks: "4",
    system: (real) =>
      bent(real, {
        setsockopt: (fd, level, name, value) =>
          name === 125 ? real.setsockopt(fd, 0, 25, value) : real.setsockopt(fd, level, name, value),
      }),
  },
  {
    name: "sockets left open",
    breaks: "1",
    system: (real) => bent(real, { close: () => ({ value: 0, errno: 0 }) }),
  },
];

const FILTER: readonly Mutant[] = [
  {
    name: "the token released twice",
    breaks: "6",
    system: (real) =>
      bent(real, {
        ioctl: (fd, number, argument) => {
          if (number === ioctlNumber("DIOCSTOPREF")) real.ioctl(fd, number, Uint8Array.from(argument));
          return real.ioctl(fd, number, argument);
        },
      }),
  },
  { name: "the token in network order", breaks: "6", system: request("DIOCSTOPREF", (bytes) => turned(bytes, 0, 8)) },
  {
    name: "DIOCSTOP, which drops everybody's tokens",
    breaks: "6",
    system: (real) =>
      bent(real, {
        ioctl: (fd, number, argument) =>
          real.ioctl(fd, number === ioctlNumber("DIOCSTOPREF") ? ioctlNumber("DIOCSTOP") : number, argument),
      }),
  },
  {
    name: "the size of the tokens' buffer left out",
    breaks: "6",
    system: (real) =>
      bent(real, {
        ioctlPointing: (fd, number, argument, at, pointed) => {
          argument.fill(0, 0, 4);
          return real.ioctlPointing(fd, number, argument, at, pointed);
        },
      }),
  },
  { name: "states of Linux's IPv6 family", breaks: "6", system: request("DIOCKILLSTATES", put(0, 10)) },
  { name: "states of everybody", breaks: "6", system: request("DIOCKILLSTATES", (bytes) => bytes.fill(0, 1)) },
  {
    name: "a state's port in host order",
    breaks: "6",
    system: request("DIOCKILLSTATES", (bytes) => turned(bytes, 72 + 48, 2)),
  },
  { name: "rules loaded without an anchor", breaks: "6", run: words("/sbin/pfctl", (one) => without(one, "-a", 2)) },
  {
    name: "rules loaded through the optimizer",
    breaks: "6",
    run: words("/sbin/pfctl", (one) => without(one, "-o", 2)),
  },
  {
    name: "the main ruleset loaded again",
    breaks: "6",
    run: words("/sbin/pfctl", (one) => (one.args.includes("-f") ? { ...one, args: ["-f", "/etc/pf.conf"] } : one)),
  },
  {
    name: "a canary to another port",
    breaks: "4",
    system: (real) =>
      bent(real, { connect: (fd, address) => real.connect(fd, address.length === 16 ? put(3, 7)(address) : address) }),
  },
  {
    name: "a canary with Linux's number for the hops",
    breaks: "0",
    system: (real) =>
      bent(real, {
        setsockopt: (fd, level, name, value) => real.setsockopt(fd, level, level === 0 && name === 4 ? 2 : name, value),
      }),
  },
  {
    name: "rules without the newline at their end",
    breaks: "pf 2",
    run: words("/sbin/pfctl", (one) => (one.input === undefined ? one : { ...one, input: one.input.trimEnd() })),
  },
];

const RESOLVER: readonly Mutant[] = [
  {
    name: "a script of scutil without quit",
    breaks: "5",
    run: words("/usr/sbin/scutil", (one) => ({ ...one, input: (one.input ?? "").replace("quit\n", "") })),
  },
  {
    name: "the key that configd merges into, overwritten",
    breaks: "5",
    run: words("/usr/sbin/scutil", (one) => ({
      ...one,
      input: (one.input ?? "").replaceAll(/(set|remove) State:\S+/g, "$1 State:/Network/Global/DNS"),
    })),
  },
  {
    name: "no match domain: not the resolver of all names",
    breaks: "5",
    run: words("/usr/sbin/scutil", (one) => ({
      ...one,
      input: (one.input ?? "").replace(/d\.add SupplementalMatchDomains.*\n/, ""),
    })),
  },
];

const PROCESSES: readonly Mutant[] = [
  {
    name: "the path asked for with 1024 bytes",
    breaks: "7",
    system: asked(
      "PROC_INFO_CALL_PIDINFO",
      "PROC_PIDPATHINFO",
      (values) => values.with(4, new Uint8Array(1024)) as typeof values,
    ),
  },
  {
    name: "PROC_PIDTBSDINFO in place of the flavor for everybody",
    breaks: "7",
    system: asked(
      "PROC_INFO_CALL_PIDINFO",
      "PROC_PIDT_SHORTBSDINFO",
      (values) => values.with(2, constant("PROC_PIDTBSDINFO")) as typeof values,
    ),
  },
  {
    name: "the number nobody else gets, cut to 48 bytes",
    breaks: "7",
    system: asked(
      "PROC_INFO_CALL_PIDINFO",
      "PROC_PIDUNIQIDENTIFIERINFO",
      (values) => values.with(4, values[4].subarray(0, 48)) as typeof values,
    ),
  },
  {
    name: "an argument where none belongs",
    breaks: "7",
    system: asked("PROC_INFO_CALL_PIDINFO", "PROC_PIDTBSDINFO", (values) => values.with(3, 1n) as typeof values),
  },
  {
    name: "processes listed by parent",
    breaks: "7",
    system: asked(
      "PROC_INFO_CALL_LISTPIDS",
      "",
      (values) => values.with(1, constant("PROC_PPID_ONLY")) as typeof values,
    ),
  },
  {
    name: "the socket of another descriptor",
    breaks: "7",
    system: asked("PROC_INFO_CALL_PIDFDINFO", "", (values) => values.with(3, values[3] + 1n) as typeof values),
  },
  {
    name: "socket_fdinfo eight bytes short",
    breaks: "7",
    system: asked("PROC_INFO_CALL_PIDFDINFO", "", (values) => values.with(4, values[4].subarray(8)) as typeof values),
  },
  { name: "a watch with NOTE_TRACK", breaks: "7", system: watch(toggle(12, 1)) },
  { name: "a watch by EVFILT_SIGNAL", breaks: "7", system: watch(put(8, 0xfa)) },
  { name: "a kevent of 24 bytes", breaks: "7", system: watch((bytes) => bytes.subarray(0, 24)) },
  {
    name: "a queue waited for by the second",
    breaks: "7",
    system: (real) => bent(real, { kevent: (fd, changes, events) => real.kevent(fd, changes, events, 1000) }),
  },
  {
    name: "the list of sockets of macOS 10.14",
    breaks: "7",
    system: (real) =>
      bent(real, { sysctlByName: (name, out) => real.sysctlByName(name.replace("pcblist_n", "pcblist"), out) }),
  },
  {
    name: "a timeval of 8 bytes",
    breaks: "9",
    system: (real) =>
      bent(real, {
        sysctlByName: (name, out) => real.sysctlByName(name, name === "kern.waketime" ? out?.subarray(0, 8) : out),
      }),
  },
  {
    name: "ticks of 4 bytes",
    breaks: "9",
    system: (real) =>
      bent(real, {
        sysctlByName: (name, out) => real.sysctlByName(name, name.endsWith("_abs_time") ? out?.subarray(0, 4) : out),
      }),
  },
];

const WATCHING: readonly Mutant[] = [
  {
    name: "a watcher with 64 KiB of room",
    breaks: "3",
    system: (real) =>
      bent(real, {
        setsockopt: (fd, level, name, value) =>
          real.setsockopt(fd, level, name, name === constant("SO_RCVBUF") ? Uint8Array.of(0, 0, 1, 0) : value),
      }),
  },
  {
    name: "a watcher that waits",
    breaks: "3",
    system: (real) =>
      bent(real, {
        fcntl: (fd, command, argument) =>
          command === constant("F_SETFL") ? { value: 0, errno: 0 } : real.fcntl(fd, command, argument),
      }),
  },
  { name: "a look-up without sa_len", breaks: "3", system: message("RTM_GET", put(HEADER, 0)) },
  { name: "a look-up with sequence 0", breaks: "3", system: message("RTM_GET", put(20, 0, 0, 0, 0)) },
  { name: "a look-up in a scope without index", breaks: "3", system: message("RTM_GET", toggle(11, 0x1)) },
  { name: "a look-up of Linux's family", breaks: "3", system: message("RTM_GET", put(HEADER + 1, 10)) },
];

const SERVICES: readonly Mutant[] = [
  {
    name: "a service loaded the old way",
    breaks: "8",
    run: words("/bin/launchctl", (one) =>
      one.args[0] === "bootstrap" ? { ...one, args: ["load", one.args[2] ?? ""] } : one,
    ),
  },
  {
    name: "a service ended by its file",
    breaks: "8",
    run: words("/bin/launchctl", (one) =>
      one.args[0] === "bootout" ? { ...one, args: ["bootout", "system", "/Library/LaunchDaemons/x.plist"] } : one,
    ),
  },
  {
    name: "an answer of launchctl's read in another domain",
    breaks: "8",
    run: words("/bin/launchctl", (one) =>
      one.args[0] === "print" ? { ...one, args: ["print", (one.args[1] ?? "").replace("system/", "user/")] } : one,
    ),
  },
];

const same = <Value>(value: Value): Value => value;

/** Every way of bending, with nothing bent: awg must not notice, or a mutant would die of the bending itself. */
export const UNBENT: readonly Mutant[] = [
  { name: "calls", breaks: "0", system: (real) => bent(real, {}) },
  {
    name: "a replaced call",
    breaks: "0",
    system: (real) => bent(real, { close: (fd) => real.close(fd) }),
  },
  ...["RTM_ADD", "RTM_DELETE", "RTM_GET"].map((type) => ({ name: type, breaks: "3", system: message(type, same) })),
  ...["CTLIOCGINFO", "SIOCSIFMTU", "SIOCAIFADDR", "SIOCAIFADDR_IN6", "DIOCSTOPREF", "DIOCKILLSTATES"].map((name) => ({
    name,
    breaks: "2",
    system: request(name, same),
  })),
  { name: "addresses", breaks: "1", system: address(same) },
  ...["PROC_INFO_CALL_PIDINFO", "PROC_INFO_CALL_LISTPIDS", "PROC_INFO_CALL_PIDFDINFO"].map((call) => ({
    name: call,
    breaks: "7",
    system: asked(call, "", same),
  })),
  { name: "watches", breaks: "7", system: watch(same) },
  ...["/sbin/pfctl", "/usr/sbin/scutil", "/bin/launchctl"].map((path) => ({
    name: path,
    breaks: "0",
    run: words(path, same),
  })),
];

export const MUTANTS: readonly Mutant[] = [
  ...[...ROUTES, ...LINKS, ...FILTER, ...RESOLVER],
  ...[...PROCESSES, ...WATCHING, ...SERVICES],
];

function grown(bytes: Uint8Array): Uint8Array {
  const longer = new Uint8Array(bytes.length + 4);
  longer.set(bytes);
  longer[0] = longer.length;
  return longer;
}

function turned(bytes: Uint8Array, at: number, size: number): Uint8Array {
  bytes.subarray(at, at + size).reverse();
  return bytes;
}

function copied(bytes: Uint8Array, from: number, to: number, size: number): Uint8Array {
  bytes.copyWithin(to, from, from + size);
  return bytes;
}

function moved(bytes: Uint8Array, from: number, to: number, size: number): Uint8Array {
  return copied(bytes, from, to, size).fill(0, from, from + size);
}

/** Without a word and the one after it, where rules are loaded. */
function without(command: Command, word: string, count: number): Command {
  const at = command.args.indexOf(word);
  const isLoad = command.args.includes("-f");
  return at < 0 || !isLoad ? command : { ...command, args: command.args.toSpliced(at, count) };
}
