import { expect, test } from "vitest";
import type { PathRef } from "../../../../../src/model/firewall/policy.ts";
import { ENGINE_MARK } from "../../../../../src/model/ownership.ts";
import { DIRECT, OFFICE, policyOf } from "../../../../model/firewall/policies.ts";
import { temporaryFolder } from "../../../../support/folder.ts";
import { commandObstacle, makeNamespace, namespaceObstacle } from "../../../../support/netns.ts";

const obstacle = namespaceObstacle() ?? commandObstacle("ip", "nft", "perl");
const SCRIPT = "test/host/linux/nft/load-policy.script.ts";
const SO_MARK = 36;
const ports = { plain: 4001, marked: 4002, direct: 4003 };

/** One datagram to a port, with a mark unless it is 0. */
const SENDER = `use Socket; my ($port, $mark) = @ARGV; socket(my $s, AF_INET, SOCK_DGRAM, 0) or die $!;
setsockopt($s, SOL_SOCKET, ${SO_MARK}, pack("L", $mark)) or die $! if $mark;
send($s, "?", 0, sockaddr_in($port, inet_aton("192.0.2.1"))) or die $!;`;
const sending = (port: number, mark = 0) => ["perl", "-e", SENDER, `${port}`, `${mark}`];

test.skipIf(obstacle !== undefined)(
  "S9.1, S12.25: of packets that wait for a neighbour, a load lets out those with a mark of awg, and no other",
  () => {
    using space = makeNamespace("waiting");
    const neighbour = (lladdr: string) => `ip neigh ${lladdr} 192.0.2.1 dev up0`.split(" ");
    const resolved = "ip neigh replace 192.0.2.1 lladdr 02:00:00:00:00:01 dev up0 nud reachable".split(" ");
    const load = (from: PathRef | undefined, before: readonly (readonly string[])[]) => {
      const policyTo = (path: PathRef) => policyOf({ flows: { rules: [], default: path } });
      const runDir = temporaryFolder("waiting");
      const first = from === undefined ? {} : { policy: policyTo(from) };
      space.runScript(SCRIPT, { runDir, ...first, commands: before, next: policyTo(OFFICE) });
      space.run(resolved);
    };
    space.run(["sysctl", "-qw", "net.ipv6.conf.default.disable_ipv6=1"]);
    for (const line of ["link add up0 type veth peer name peer0", "link set peer0 up", "link set up0 up"])
      space.run(["ip", ...line.split(" ")]);
    space.run(["ip", "address", "add", "192.0.2.2/24", "dev", "up0"]);
    // Longer than a loaded host needs to start the program.
    space.run(["sysctl", "-qw", "net.ipv4.neigh.up0.mcast_solicit=60"]);
    const counted = Object.values(ports).map((port) => `udp dport ${port} counter`);
    const chain = `chain in { type filter hook ingress device "peer0" priority 0; ${counted.join("; ")}\n}`;
    space.run(["nft", "-f", "-"], { input: `table netdev seen {\n${chain}\n}\n` });
    const seen = () => {
      const { stdout } = space.run(["nft", "list", "table", "netdev", "seen"]);
      const packets = (port: number) => Number(new RegExp(`dport ${port} counter packets (\\d+)`).exec(stdout)?.[1]);
      return Object.fromEntries(Object.entries(ports).map(([name, port]) => [name, packets(port)]));
    };

    space.run(sending(ports.plain));
    space.run(sending(ports.marked, ENGINE_MARK));
    load(undefined, []);
    expect(seen()).toEqual({ plain: 0, marked: 1, direct: 0 });

    space.run(neighbour("delete"));
    load(DIRECT, [sending(ports.direct)]);
    expect(seen()).toEqual({ plain: 0, marked: 1, direct: 1 });
  },
);
