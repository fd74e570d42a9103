import { spawn } from "node:child_process";
import { expect, test } from "vitest";
import { UNNAMED } from "../../../model/firewall/policies.ts";
import { temporaryFolder } from "../../../support/folder.ts";
import { commandObstacle, makeNamespace, namespaceObstacle } from "../../../support/netns.ts";

const obstacle = namespaceObstacle() ?? commandObstacle("ip", "nft", "perl");
const LOADS = 12;
/** Another name server than the declared one, in the tunnel. */
const SERVER = "10.8.0.99";
const FLOOD = `use Socket; socket(my $s, AF_INET, SOCK_DGRAM, 0) or die $!; $> = 65534;
my $to = sockaddr_in(53, inet_aton("${SERVER}")); send($s, "?", 0, $to) while 1;`;

test.skipIf(obstacle !== undefined)(
  "S5.6: no packet of the moment of a load is remembered",
  { timeout: 60_000 },
  () => {
    using space = makeNamespace("forget");
    const ip = (text: string) => space.run(["ip", ...text.split(" ")]);
    ip("link add awg-office type veth peer name peer0");
    ip("link set peer0 up");
    ip("link set awg-office up");
    ip("address add 10.8.0.2/24 dev awg-office");
    ip(`neighbour add ${SERVER} lladdr 02:00:00:00:00:02 dev awg-office`);
    const flood = spawn("ip", ["netns", "exec", space.name, "perl", "-e", FLOOD], { stdio: "ignore" });
    try {
      const runDir = temporaryFolder("forget");
      for (let load = 0; load < LOADS; load += 1) {
        space.runScript("test/host/linux/nft/load-policy.script.ts", { runDir, policy: UNNAMED, commands: [] });
        const { stdout } = space.run(["nft", "list", "set", "inet", "awg", "judged-v4"]);
        expect(stdout).not.toContain(`udp . ${SERVER} . 53`);
      }
    } finally {
      flood.kill("SIGKILL");
    }
  },
);
