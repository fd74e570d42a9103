import { copyFileSync, existsSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { run, tryRun, waitFor } from "../../lab/world/command.ts";
import { place } from "../../lab/world/place.ts";
import type { World } from "../../lab/world/world.ts";

/** A copy of it is a program of one file that opens sockets; no compiler is needed. */
export const PERL = "/usr/bin/perl";
/** Where the programs send to: one port for each program, so that its packets can be counted. */
export const PORTS = { granted: 7001, tunnelled: 7002 } as const;
export type Name = keyof typeof PORTS;

/** Packets of each program that the internet got, on the wire and out of the tunnel. */
export type Counted = Readonly<Record<Name, { readonly direct: number; readonly tunnel: number }>>;

/** Processes started by one command, which has a time limit. */
const MOST_AT_ONCE = 100;

/** One UDP datagram and one SYN, by processes that were never seen before. */
const SEND = `
use Socket;
my $to = sockaddr_in(PORT, inet_aton("${place.v4.echo}"));
socket(my $u, AF_INET, SOCK_DGRAM, 17) or die;
send($u, "x", 0, $to);
socket(my $t, AF_INET, SOCK_STREAM, 6) or die;
fcntl($t, 4, 2048);
connect($t, $to);
`;

/**
 * Opens sockets by this many processes, and uses them once a file exists: a UDP socket (twice), a TCP socket, and a UDP socket that was
 * connected at once.
 */
const USE_LATER = `
use Socket;
my ($go, $count, $port) = @ARGV;
my $to = sockaddr_in($port, inet_aton("${place.v4.echo}"));
pipe(my $opened, my $ready);
for (1..$count) {
  next if fork;
  socket(my $u, AF_INET, SOCK_DGRAM, 17) or die;
  socket(my $t, AF_INET, SOCK_STREAM, 6) or die;
  socket(my $c, AF_INET, SOCK_DGRAM, 17) or die;
  connect($c, $to);
  syswrite $ready, "x";
  select(undef, undef, undef, 0.05) until -e $go;
  send($u, "x", 0, $to) for 1..2;
  fcntl($t, 4, 2048);
  connect($t, $to);
  send($c, "x", 0);
  exit;
}
sysread $opened, my $one, 1 for 1..$count;
open my $file, ">", "$go.$port" or die;
close $file;
1 while wait > 0;
`;

/** Connects to the echo and asks it every second; says after the appearance of a file whether it still answers. */
const CONNECT = `
use Socket;
my ($go) = @ARGV;
socket(my $t, AF_INET, SOCK_STREAM, 6) or die;
connect($t, sockaddr_in(80, inet_aton("${place.v4.echo}"))) or die $!;
$SIG{ALRM} = sub { print "nothing"; exit };
$SIG{PIPE} = "IGNORE";
for (my $turn = 0; ; $turn++) {
  my $is_last = -e $go;
  alarm 60;
  syswrite $t, "awg";
  sysread($t, my $answer, 3);
  if ($answer ne "awg") { print "closed"; exit; }
  if ($is_last) { print "answered"; exit; }
  if ($turn == 0) { open my $file, ">", "$go.open" or die; close $file; }
  select(undef, undef, undef, 1);
}
`;

/** Sockets that wait to be used. */
export interface WaitingSockets {
  readonly use: () => Promise<void>;
}

/** Two copies of one program in the client's world, and counters at the other end of the wire. */
export class ProgramWorld {
  readonly world: World;

  constructor(world: World) {
    this.world = world;
    for (const name of Object.keys(PORTS) as Name[]) this.copy(this.path(name));
  }

  path(name: Name): string {
    return join(this.world.folder, "programs", name, "tool");
  }

  copy(path: string): void {
    mkdirSync(dirname(path), { recursive: true });
    copyFileSync(PERL, path);
  }

  /** Sends by this many fresh processes of a program. */
  async send(name: Name, processes: number, program = this.path(name)): Promise<void> {
    const script = SEND.replace("PORT", String(PORTS[name]));
    for (let left = processes; left > 0; left -= MOST_AT_ONCE) {
      const loop = `for _ in $(seq ${Math.min(left, MOST_AT_ONCE)}); do ${program} -e '${script}' || exit 1; done`;
      await this.world.inside("client", ["sh", "-c", loop]);
    }
  }

  /** Opens three sockets in each of this many processes, to be used later. */
  async open(name: Name, processes: number): Promise<WaitingSockets> {
    const go = join(this.world.folder, `go-${name}`);
    const argv = [this.path(name), "-e", USE_LATER, go, String(processes), String(PORTS[name])];
    const ended = this.world.inside("client", argv);
    await waitFor("the sockets", async () => existsSync(`${go}.${PORTS[name]}`) || undefined, 60_000);
    return {
      use: async () => {
        writeFileSync(go, "");
        await ended;
      },
    };
  }

  /** Opens a TCP connection that is used until it is asked whether it still answers, at most for this time. */
  async connect(name: Name, timeoutMs: number): Promise<{ readonly ask: () => Promise<string> }> {
    const go = join(this.world.folder, `connected-${name}`);
    const inside = ["ip", "netns", "exec", this.world.namespace("client")];
    const ended = tryRun([...inside, this.path(name), "-e", CONNECT, go], "", timeoutMs);
    await waitFor("the connection", async () => existsSync(`${go}.open`) || undefined, 60_000);
    return {
      ask: async () => {
        writeFileSync(go, "");
        return (await ended).stdout;
      },
    };
  }

  /** Where the client's classifier is pinned. */
  pins(): Promise<string> {
    return this.world.inside("client", [process.execPath, join(import.meta.dirname, "pins.script.ts")]);
  }

  /** Counts from zero what arrives at the internet. */
  async count(): Promise<void> {
    const rules = (Object.keys(PORTS) as Name[]).flatMap((name) =>
      (["udp dport", "tcp flags syn tcp dport"] as const).flatMap((match) => [
        `    iifname "lan" ${match} ${PORTS[name]} counter name ${name}_direct`,
        `    iifname "vpn0" ${match} ${PORTS[name]} counter name ${name}_tunnel`,
      ]),
    );
    const counters = (Object.keys(PORTS) as Name[]).flatMap((name) => [
      `  counter ${name}_direct {}`,
      `  counter ${name}_tunnel {}`,
    ]);
    const chain = ["  chain seen {", "    type filter hook prerouting priority -400; policy accept;", ...rules, "  }"];
    const table = [
      "table ip programs {}",
      "delete table ip programs",
      "table ip programs {",
      ...counters,
      ...chain,
      "}",
    ];
    await this.world.inside("internet", ["nft", "-f", "-"], table.join("\n"));
  }

  async counted(): Promise<Counted> {
    const text = await run([
      "ip",
      "netns",
      "exec",
      this.world.namespace("internet"),
      "nft",
      "list",
      "table",
      "ip",
      "programs",
    ]);
    const packets = (counter: string) =>
      Number(new RegExp(`counter ${counter} \\{\\s*packets (\\d+)`).exec(text)?.[1] ?? Number.NaN);
    const of = (name: Name) => ({ direct: packets(`${name}_direct`), tunnel: packets(`${name}_tunnel`) });
    return { granted: of("granted"), tunnelled: of("tunnelled") };
  }
}
