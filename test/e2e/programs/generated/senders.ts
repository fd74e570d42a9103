import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { chmodSync, copyFileSync, mkdirSync, readFileSync, realpathSync, rmdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { MOST_ANCESTORS } from "../../../../src/model/program/classifier.ts";
import { hasProgram, run, waitFor } from "../../../lab/world/command.ts";
import { python } from "../../../lab/world/tethered.ts";
import type { World } from "../../../lab/world/world.ts";
import { temporaryFolder } from "../../../support/folder.ts";
import { SENDERS, type Sender } from "./cases.ts";
import { type Order, RESULT_BYTES, recordsOf, staticProgram } from "./static-program.ts";

/** Each takes "PROTOCOL SOURCE_PORT ADDRESS PORT" per line and answers "end" to a line "end". */
const PERL = `
use Socket qw(:all);
$| = 1;
while (my $line = <STDIN>) {
  my ($protocol, $from, $address, $port) = split " ", $line;
  if ($protocol eq "end") { print "end\\n"; next; }
  my $six = $address =~ /:/;
  my $at = sub { $six ? pack_sockaddr_in6($_[1], inet_pton(AF_INET6, $_[0])) : pack_sockaddr_in($_[1], inet_pton(AF_INET, $_[0])) };
  my $tcp = $protocol eq "tcp";
  socket(my $s, $six ? AF_INET6 : AF_INET, $tcp ? SOCK_STREAM : SOCK_DGRAM, 0) or die $!;
  fcntl($s, 4, 2048);
  bind($s, $at->($six ? "::" : "0.0.0.0", $from)) or die $!;
  $tcp ? connect($s, $at->($address, $port)) : send($s, "x", 0, $at->($address, $port));
  close($s);
}
`;
const PYTHON = `
import socket, sys
for line in sys.stdin:
    words = line.split()
    if words[0] == "end":
        print("end", flush=True)
        continue
    protocol, source, address, port = words
    six = ":" in address
    tcp = protocol == "tcp"
    s = socket.socket(socket.AF_INET6 if six else socket.AF_INET, socket.SOCK_STREAM if tcp else socket.SOCK_DGRAM)
    s.setblocking(False)
    s.bind(("::" if six else "0.0.0.0", int(source)))
    try:
        s.connect((address, int(port))) if tcp else s.sendto(b"x", (address, int(port)))
    except OSError:
        pass
    s.close()
`;
const NODE = `
const { createSocket } = require("node:dgram");
const { connect } = require("node:net");
let open = [];
const send = ([protocol, from, address, port]) => new Promise((done) => {
  const six = address.includes(":");
  if (protocol === "tcp") {
    const socket = connect({ host: address, port: Number(port), localPort: Number(from), localAddress: six ? "::" : "0.0.0.0" });
    const end = () => { socket.destroy(); done(); };
    socket.on("error", end).on("connect", end);
    setTimeout(end, 200);
    return;
  }
  const socket = createSocket(six ? "udp6" : "udp4");
  const end = () => { try { socket.close(); } catch {} done(); };
  socket.on("error", end);
  socket.bind(Number(from), () => socket.send("x", Number(port), address, end));
});
require("node:readline").createInterface({ input: process.stdin }).on("line", (line) => {
  const words = line.split(" ");
  if (words[0] !== "end") return void open.push(send(words));
  Promise.all(open).then(() => { open = []; console.log("end"); });
});
`;
const CHILDREN_AT_ONCE_MS = 30_000;

/** Senders that this host can run. */
export function usableSenders(): readonly Sender[] {
  return SENDERS.filter(({ kind }) => {
    if (kind === "static") return process.arch === "x64";
    return kind === "node" || hasProgram(kind === "python" ? python : kind);
  });
}

/** Copies of real programs in folders of their own, and processes of them in the client's namespace. */
export class ProgramCopies implements AsyncDisposable {
  readonly folder = realpathSync(temporaryFolder("copies"));
  /** The control group of this test, below the root of cgroup v2. */
  readonly group = `awg-cases-${process.pid}`;
  readonly #world: World;
  readonly #groups: string;

  constructor(world: World) {
    this.#world = world;
    this.#groups = join(groupsRoot(), this.group);
    chmodSync(this.folder, 0o755);
    for (const one of usableSenders()) this.#copy(one);
    for (const name of ["outer", "outer/inner"]) mkdirSync(join(this.#groups, name), { recursive: true });
  }

  path({ file }: Sender): string {
    return join(this.folder, file);
  }

  /** Starts the program; it waits for orders. */
  async start(sender: Sender): Promise<SendingProgram> {
    const { uid, cgroup, kind } = sender;
    // ip-netns(8) hides the control groups of the host, so the process joins its group first.
    const enter = cgroup === undefined ? "" : `echo $$ > ${this.#groups}/${cgroup}/cgroup.procs && `;
    const become = ["setpriv", "--reuid", `${uid}`, "--regid", `${uid}`, "--clear-groups", this.path(sender)];
    const inside = ["ip", "netns", "exec", this.#world.namespace("client"), ...become, ...argumentsOf(kind)];
    const env = { PATH: process.env["PATH"] ?? "", ...(kind === "python" ? { PYTHONHOME: "/usr" } : {}) };
    const shells = new Array<readonly string[]>(missingAncestors()).fill(["sh", "-c", '"$@"; exit $?', "sh"]).flat();
    const [command = "", ...words] = [...shells, "sh", "-c", `${enter}exec "$@"`, "sh", ...inside];
    const child = spawn(command, words, { env });
    const started = () => {
      const pid = lastDescendant(child.pid ?? 0);
      return readExecutable(pid) === this.path(sender) ? pid : undefined;
    };
    return new SendingProgram(sender, child, await waitFor(`${sender.file} to start`, started));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const name of ["outer/inner", "outer", ""]) {
      await waitFor("the control group to be empty", () => removed(join(this.#groups, name)));
    }
    await run(["rm", "-rf", this.folder]);
  }

  #copy(sender: Sender): void {
    const path = this.path(sender);
    for (let folder = dirname(path); folder !== this.folder; folder = dirname(folder)) {
      mkdirSync(folder, { recursive: true });
    }
    if (sender.kind === "static") writeFileSync(path, staticProgram());
    else copyFileSync(realpathSync(sourceOf(sender.kind)), path);
    chmodSync(path, 0o755);
  }
}

/** A running copy that sends what it is told. */
export class SendingProgram {
  readonly sender: Sender;
  readonly pid: number;
  readonly #child: ChildProcessWithoutNullStreams;
  #text = "";
  #bytes = 0;
  #complaint = "";

  constructor(sender: Sender, child: ChildProcessWithoutNullStreams, pid: number) {
    this.sender = sender;
    this.#child = child;
    this.pid = pid;
    child.stdin.on("error", () => undefined);
    child.stdout.on("data", (data: Buffer) => {
      this.#bytes += data.length;
      this.#text += data.toString("latin1");
    });
    child.stderr.on("data", (data: Buffer) => {
      this.#complaint = (this.#complaint + data.toString()).slice(-2000);
    });
  }

  /** Whether it ends after its first orders. */
  get isOnce(): boolean {
    return this.sender.kind === "curl" || this.sender.kind === "dig";
  }

  /** Sends all of them and returns when each was handed to the kernel. */
  async send(orders: readonly Order[]): Promise<void> {
    const { kind } = this.sender;
    if (kind === "static") {
      const end = this.#bytes + orders.length * RESULT_BYTES;
      for (const order of orders) this.#child.stdin.write(recordsOf(order));
      return this.#until(() => this.#bytes >= end);
    }
    if (kind === "curl" || kind === "dig") {
      this.#child.stdin.end(orders.map(kind === "curl" ? curlLine : digLine).join(kind === "curl" ? "next\n" : ""));
      return this.#until(() => this.#child.exitCode !== null);
    }
    this.#text = "";
    const lines = orders.map(({ protocol, from, address, port }) => `${protocol} ${from} ${address} ${port}\n`);
    this.#child.stdin.write(`${lines.join("")}end\n`);
    return this.#until(() => this.#text.includes("end"));
  }

  async end(): Promise<void> {
    this.#child.stdin.end();
    if (this.#child.exitCode === null) process.kill(this.pid, "SIGKILL");
    await waitFor(`${this.sender.file} to end`, () => this.#child.exitCode !== null || this.#child.signalCode !== null);
  }

  async #until(isDone: () => boolean): Promise<void> {
    try {
      await waitFor(`${this.sender.file} to send`, isDone, CHILDREN_AT_ONCE_MS);
    } catch (cause) {
      throw new Error(`${(cause as Error).message}: ${this.#complaint}`, { cause });
    }
  }
}

function argumentsOf(kind: Sender["kind"]): string[] {
  return {
    perl: ["-e", PERL],
    python: ["-c", PYTHON],
    node: ["-e", NODE],
    static: [],
    curl: ["--silent", "--parallel", "--parallel-immediate", "--config", "-"],
    dig: ["+tries=1", "+timeout=1", "+noedns", "-f", "-"],
  }[kind];
}

function curlLine({ from, address, port }: Order): string {
  const host = address.includes(":") ? `[${address}]` : address;
  return `url = "http://${host}:${port}/"\nlocal-port = ${from}\nmax-time = 0.5\nnoproxy = "*"\noutput = "/dev/null"\n`;
}

function digLine({ from, address, port }: Order): string {
  const any = address.includes(":") ? "::" : "0.0.0.0";
  return `@${address} -p ${port} -b ${any}#${from} +tries=1 +timeout=1 awg.example\n`;
}

function sourceOf(kind: Sender["kind"]): string {
  if (kind === "node") return process.execPath;
  return kind === "python" ? python : `/usr/bin/${kind}`;
}

/**
 * Where the first processes of a host hide their files, nobody can say whether they are in a rule: as many shells as keep
 * them out of the ancestors that the classifier looks at.
 */
function missingAncestors(): number {
  let { pid } = process;
  for (let depth = 0; depth < MOST_ANCESTORS && pid > 0; depth += 1) {
    if (readExecutable(pid) === undefined) return MOST_ANCESTORS - depth;
    pid = Number(/^PPid:\s*(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]);
  }
  return 0;
}

function lastDescendant(pid: number): number {
  try {
    const child = Number(readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim().split(" ")[0]);
    return child > 0 ? lastDescendant(child) : pid;
  } catch {
    return pid;
  }
}

function readExecutable(pid: number | undefined): string | undefined {
  try {
    return realpathSync(`/proc/${pid}/exe`);
  } catch {
    return undefined;
  }
}

function groupsRoot(): string {
  const line = readFileSync("/proc/mounts", "utf8")
    .split("\n")
    .find((one) => one.split(" ")[2] === "cgroup2");
  const root = line?.split(" ")[1];
  if (root === undefined) throw new Error("cgroup v2 is not mounted");
  return root;
}

function removed(folder: string): boolean {
  try {
    rmdirSync(folder);
    return true;
  } catch {
    return false;
  }
}
