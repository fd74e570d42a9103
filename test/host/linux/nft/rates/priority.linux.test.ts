import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { DIRECT, policyOf } from "../../../../model/firewall/policies.ts";
import { temporaryFolder } from "../../../../support/folder.ts";
import { commandObstacle, makeNamespace, namespaceObstacle, type TestNamespace } from "../../../../support/netns.ts";

const obstacle = namespaceObstacle() ?? commandObstacle("ip", "tc", "python3");
const FAR = "203.0.113.2";
const [HIGH, NORMAL, LOW, FLOOD] = [7001, 7002, 7003, 7004];
const WAIT_MS = 400;

/** Fills the uplink's queue without end, and prints the median time of seven answers for each port, in milliseconds. */
const MEASURE = `
import json, socket, statistics, subprocess, sys, time
address, space, flood, ports, wait = json.loads(sys.argv[1])
ECHO = '''
import select, socket, sys
sockets = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in sys.argv[1:]]
for one, port in zip(sockets, sys.argv[1:]):
    one.bind(("", int(port)))
print("ready", flush=True)
while True:
    for one in select.select(sockets, [], [])[0]:
        one.sendto(*one.recvfrom(100))
'''
FILL = '''
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
while True:
    s.sendto(bytes(1200), (sys.argv[1], int(sys.argv[2])))
'''
echo = subprocess.Popen(["ip", "netns", "exec", space, sys.executable, "-c", ECHO, *map(str, ports)], stdout=subprocess.PIPE)
echo.stdout.readline()
fill = subprocess.Popen([sys.executable, "-c", FILL, address, str(flood)])
time.sleep(1)
def median(port):
    times = []
    for index in range(7):
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.settimeout(wait / 1000)
        began = time.monotonic(); s.sendto(b"x", (address, port))
        try: s.recv(9)
        except OSError: pass
        times.append((time.monotonic() - began) * 1000)
    return statistics.median(times)
try:
    print(json.dumps({str(port): median(port) for port in ports}))
finally:
    fill.kill(); echo.kill()`;

describe.skipIf(obstacle !== undefined)(`S4.16: the priority of rules (${obstacle ?? "a full uplink"})`, () => {
  let here: TestNamespace;
  let far: TestNamespace;

  beforeAll(() => {
    here = makeNamespace("prio-here");
    far = makeNamespace("prio-far");
    here.run(["ip", "link", "add", "eth0", "type", "veth", "peer", "name", "eth0", "netns", far.name]);
    here.run(["ip", "address", "add", "203.0.113.1/24", "dev", "eth0"]);
    far.run(["ip", "address", "add", `${FAR}/24`, "dev", "eth0"]);
    for (const space of [here, far]) space.run(["ip", "link", "set", "eth0", "up"]);
    const tc = ["tc", "qdisc", "add", "dev", "eth0"];
    here.run([...tc, "root", "handle", "1:", "tbf", "rate", "4mbit", "burst", "16k", "limit", "400k"]);
    here.run([...tc, "parent", "1:1", "pfifo_fast"]);
  });

  afterAll(() => {
    here?.[Symbol.dispose]();
    far?.[Symbol.dispose]();
  });

  test("packets of high priority pass a full queue, and those of low priority wait for all others", {
    timeout: 60_000,
  }, () => {
    const udp = (port: number) => ({ protocol: 17, ports: [{ from: port, to: port }] });
    const rules = [
      { origin: "rules/0", match: udp(HIGH), path: DIRECT, limit: { priority: "high" as const } },
      { origin: "rules/1", match: udp(LOW), path: DIRECT, limit: { priority: "low" as const } },
    ];
    const policy = policyOf({ flows: { rules, default: DIRECT } });
    const loaded = here.runScript("test/host/linux/nft/load-policy.script.ts", {
      runDir: temporaryFolder("priority"),
      policy,
    });
    expect(loaded).toMatchObject({ damage: [] });
    const question = JSON.stringify([FAR, far.name, FLOOD, [HIGH, NORMAL, LOW], WAIT_MS]);
    const { stdout } = here.run(["python3", "-c", MEASURE, question], { timeoutMs: 30_000 });
    const times: Readonly<Record<string, number>> = JSON.parse(stdout);
    expect(times[HIGH]).toBeLessThan((times[NORMAL] ?? 0) / 4);
    expect(times[LOW]).toBeGreaterThan(WAIT_MS - 1);
  });
});
