import type { FakeSignature } from "./code-signing.ts";

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
  /** Absent: it was never signed, as programs of Intel Macs may be. */
  readonly signature?: FakeSignature;
}

export interface FakeSocket {
  readonly protocol: "tcp" | "udp";
  readonly local: readonly [string, number];
  readonly remote: readonly [string, number];
  readonly uid: number;
  readonly lastPid: number;
  readonly behalfPid?: number;
  readonly name: bigint;
  /** An IPv6 socket that takes no IPv4 (IPV6_V6ONLY). */
  readonly isV6Only?: boolean;
}

/** What a kernel queue hears of a process. */
export type ProcessNote = "NOTE_EXIT" | "NOTE_EXEC";

/** The processes of the double's machine and their sockets. */
export class FakeProcessList {
  readonly all = new Map<number, FakeProcess>();
  readonly sockets: FakeSocket[] = [];
  /** Bytes of xsocket_n: 76 up to macOS 12, 104 since 13. */
  socketRecordBytes = 104;
  /** Reads of the list of sockets that still say ENOMEM. */
  growing = 0;
  /** The errno of each read of the list of sockets, by its name; none as a rule. */
  socketListFails: string | undefined;
  /** Called before each look at a process, to change it in between. */
  onLook: (pid: number, call: string) => void = () => {};
  /** Kernel queues, told of each process's exec and exit. */
  readonly watchers = new Set<(pid: number, note: ProcessNote) => void>();

  constructor() {
    this.add({ pid: 1, parentPid: 0, uid: 0, name: "launchd", path: "/sbin/launchd", args: ["/sbin/launchd"] });
  }

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
    this.all.set(pid, made);
    return made;
  }

  /** A process ends; a queue that watches it hears so. */
  end(pid: number): void {
    if (this.all.delete(pid)) this.#tell(pid, "NOTE_EXIT");
  }

  /** A process runs another program. */
  exec(pid: number): void {
    this.#tell(pid, "NOTE_EXEC");
  }

  #tell(pid: number, note: ProcessNote): void {
    for (const watcher of [...this.watchers]) watcher(pid, note);
  }
}
