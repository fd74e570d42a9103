import type { ErrorKind } from "../../model/error.ts";
import { MachineEvents } from "./events.ts";
import { CrashError, type ForeignAct, faultError, type ScheduledFault } from "./faults.ts";
import { actForeign, isOnOurs } from "./foreign.ts";
import type { LiveMachine, LiveState } from "./live-machine.ts";
import { copyState, type MachineState, type SimulatedLink } from "./machine-state.ts";
import { printMachine } from "./print.ts";
import { RouteTables } from "./route-tables.ts";
import { receivePacket, type SendOutcome, type SimulatedPacket, sendPacket } from "./send.ts";

/**
 * A strict simulation of a Linux host in memory: it routes and filters packets, refuses what a kernel refuses, counts
 * every write, and injects failures, crashes and foreign changes where scheduled.
 */
export class SimulatedMachine implements LiveMachine {
  live: LiveState;
  routes: RouteTables;
  /** Events of changes by others. */
  readonly events = new MachineEvents();
  readonly #writes: string[] = [];
  readonly #fired: ScheduledFault[] = [];
  #waiting: ScheduledFault[] = [];
  #scheduledAt = 0;
  #failing: { readonly error: ErrorKind; readonly errno: string | undefined; left: number } | undefined;
  #diedAt: string | undefined;
  #afterWrite: ((name: string) => void) | undefined;

  constructor(state: MachineState) {
    const { routes, ...live } = copyState(state);
    this.live = live;
    this.routes = new RouteTables(routes);
  }

  /** Names of the writes so far, in order, like a trace of system calls. */
  get writes(): readonly string[] {
    return this.#writes;
  }

  /** The scheduled faults that have occurred. */
  get fired(): readonly ScheduledFault[] {
    return this.#fired;
  }

  /** Whether the process that uses the machine has died and was not restarted. */
  get isDead(): boolean {
    return this.#diedAt !== undefined;
  }

  /** Replaces the scheduled faults; their numbers count writes from now on. */
  schedule(faults: readonly ScheduledFault[]): void {
    this.#waiting = [...faults].sort((a, b) => a.at - b.at);
    this.#scheduledAt = this.#writes.length;
    this.#failing = undefined;
  }

  /** Calls back after each effective write; used to check for leaks between two writes. */
  watch(afterWrite: ((name: string) => void) | undefined): void {
    this.#afterWrite = afterWrite;
  }

  /**
   * One write, like a system call. Every change by a port, or by a store beside it, passes here. `subject` is named in
   * the error of a failed write.
   */
  perform<T>(name: string, effect: () => T, subject?: string): T {
    this.checkAlive(name);
    this.#writes.push(name);
    const due = this.#due();
    for (const { fault } of due) if (fault.kind === "foreign") this.act(fault.act);
    for (const { fault } of due) {
      if (fault.kind === "crash-before") this.#die(name);
      if (fault.kind === "fail") this.#failing = { error: fault.error, errno: fault.errno, left: fault.times };
    }
    if (this.#failing !== undefined && this.#failing.left > 0) {
      this.#failing.left -= 1;
      throw faultError(this.#failing.error, name, subject, this.#failing.errno);
    }
    const isIgnored = !name.startsWith("store: ") && due.some(({ fault }) => fault.kind === "ignored");
    const result = isIgnored ? (undefined as T) : effect();
    this.#afterWrite?.(name);
    for (const { fault } of due) {
      if (fault.kind === "crash-after") this.#die(name);
      if (fault.kind === "fail-late") throw faultError(fault.error, name, subject);
    }
    return result;
  }

  /** Throws when the calling process is dead. Reads call this too, so that nothing continues after a crash. */
  checkAlive(name: string): void {
    if (this.#diedAt !== undefined) throw new CrashError(`${name}, after it had died at ${this.#diedAt}`);
  }

  /** Starts a new process on the same host. */
  restart(): void {
    this.#diedAt = undefined;
    this.#failing = undefined;
  }

  /** Applies a change by another program; the packet watch runs after it too. */
  act(act: ForeignAct): void {
    const ours = isOnOurs(this, act) ? ({ isOurs: true } as const) : {};
    actForeign(this, act);
    this.#afterWrite?.(`foreign ${act.act}`);
    this.events.emit({ what: act.act, renumbered: act.act === "uplink-moves", ...ours });
  }

  /** The outcome of a packet that a local process sends now. Changes nothing. */
  send(packet: SimulatedPacket): SendOutcome {
    return sendPacket(this, packet);
  }

  /** The outcome of a packet that arrives on a device. Changes nothing. */
  receive(device: string, packet: SimulatedPacket): SendOutcome {
    return receivePacket(this, device, packet);
  }

  /** Advances the clock: reachable peers that answer complete their handshakes. */
  advance(milliseconds: number): void {
    this.live.nowMs += milliseconds;
    const seconds = Math.floor(this.live.nowMs / 1000);
    this.live.engines = this.live.engines.map((engine) => ({
      ...engine,
      peers: engine.peers.map((peer) =>
        this.live.answeringPeers.includes(peer.publicKey) &&
        [peer.endpoint, ...(peer.endpoints ?? [])].some((endpoint) => this.#reaches(endpoint, engine.fwmark))
          ? { ...peer, lastHandshakeSeconds: seconds }
          : peer,
      ),
    }));
  }

  link(device: string): SimulatedLink | undefined {
    return this.live.links.find((link) => link.device === device);
  }

  /** Removes a device with all that the kernel removes with it. */
  dropLink(device: string): void {
    this.live.links = this.live.links.filter((link) => link.device !== device);
    this.live.engines = this.live.engines.filter((engine) => engine.device !== device);
    this.routes.deleteWhere((route) => route.device === device);
    delete this.live.resolver.links[device];
    const settings = Object.entries(this.live.sysctls).filter(([name]) => !isSettingOf(name, device));
    this.live.sysctls = Object.fromEntries(settings);
  }

  /** The whole state as plain data. */
  snapshot(): MachineState {
    return copyState({ ...this.live, routes: this.routes.all() });
  }

  /** Replaces the state; writes, faults and the watch stay. */
  restore(state: MachineState): void {
    const { routes, ...live } = copyState(state);
    this.live = live;
    this.routes = new RouteTables(routes);
  }

  /** The state as stable text, one fact per line; equal texts mean equal states, except for counters and the clock. */
  print(): string {
    return printMachine({ ...this.live, routes: this.routes.all() });
  }

  #due(): ScheduledFault[] {
    const now = this.#writes.length - this.#scheduledAt;
    const due: ScheduledFault[] = [];
    for (let next = this.#waiting[0]; next !== undefined && next.at <= now; next = this.#waiting[0]) {
      due.push(next);
      this.#waiting.shift();
    }
    this.#fired.push(...due);
    return due;
  }

  #die(name: string): never {
    this.#diedAt = name;
    throw new CrashError(name);
  }

  #reaches(endpoint: string | undefined, mark: number): boolean {
    const match = endpoint === undefined ? null : /^\[?([0-9a-fA-F.:]+)\]?:(\d+)$/.exec(endpoint);
    if (match === null) return false;
    const destination = match[1] ?? "";
    const outcome = this.send({
      destination,
      protocol: 17,
      destinationPort: Number(match[2]),
      uid: this.live.serviceUid,
      mark,
    });
    return outcome.kind === "leaves" && outcome.physical;
  }
}

function isSettingOf(name: string, device: string): boolean {
  return name.startsWith(`net.ipv4.conf.${device}.`) || name.startsWith(`net.ipv6.conf.${device}.`);
}
