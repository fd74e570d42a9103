import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { text } from "node:stream/consumers";
import { linuxFirewall } from "../../../../../src/host/linux/nft/linux-firewall.ts";
import { localNftOwner } from "../../../../../src/host/linux/nft/load/nft-owner.ts";
import type { FirewallPolicy } from "../../../../../src/model/firewall/policy.ts";
import { openNetfilterSocket } from "../../../../../src/native/linux/nftables/nft-netlink.ffi.ts";

/** Sends datagrams to an address until SIGTERM, then prints how many: as user nobody, with a pause in seconds after each. */
const SENDER = `use Socket; $| = 1; my ($address, $pause) = @ARGV; my $sent = 0; my $ends = 0;
$SIG{TERM} = sub { $ends = 1 };
socket(my $s, AF_INET, SOCK_DGRAM, 0) or die $!; $> = 65534;
my $to = sockaddr_in(9, inet_aton($address));
while (!$ends) { send($s, "?", 0, $to); $sent++; select(undef, undef, undef, $pause) if $pause }
print $sent;`;

/**
 * Run inside a namespace: loads the policies in turn, so many times, while programs send to these addresses without a pause, and
 * one to `allowed`.
 */
interface Request {
  readonly runDir: string;
  readonly policies: readonly FirewallPolicy[];
  readonly loads: number;
  readonly refused: { readonly addresses: readonly string[]; readonly peer: string };
  readonly allowed: { readonly address: string; readonly peer: string };
}

const { runDir, policies, loads, refused, allowed }: Request = JSON.parse(await text(process.stdin));
using socket = openNetfilterSocket();
const capabilities = () => ({ egressHook: true, ownedTables: true });
const firewall = linuxFirewall({ runDir, owner: localNftOwner(socket), capabilities });
await firewall.load(policies[0] ?? null);
const before = { refused: received(refused.peer), allowed: received(allowed.peer) };
const floods = refused.addresses.map((address) => sender(address, 0));
const steady = sender(allowed.address, 0.000_2);
let leakingLoads = 0;
for (let load = 1, known = before.refused; load <= loads; load += 1) {
  await firewall.load(policies[load % policies.length] ?? null);
  const now = received(refused.peer);
  if (now > known) leakingLoads += 1;
  known = now;
}
await Promise.all(floods.map(endOf));
const sent = await endOf(steady);
const { damage } = await firewall.read();
const leaked = received(refused.peer) - before.refused;
const lost = sent - (received(allowed.peer) - before.allowed);
process.stdout.write(JSON.stringify({ leakingLoads, leaked, lost, sent, damage }));

function received(device: string): number {
  return Number(readFileSync(`/sys/class/net/${device}/statistics/rx_packets`, "utf8"));
}

function sender(address: string, pauseSeconds: number) {
  return spawn("perl", ["-e", SENDER, address, String(pauseSeconds)], { stdio: ["ignore", "pipe", "inherit"] });
}

async function endOf(program: ReturnType<typeof sender>): Promise<number> {
  const said = text(program.stdout);
  program.kill();
  await once(program, "exit");
  return Number(await said);
}
