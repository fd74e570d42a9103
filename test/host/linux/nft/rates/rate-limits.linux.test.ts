import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { DIRECT, policyOf } from "../../../../model/firewall/policies.ts";
import { temporaryFolder } from "../../../../support/folder.ts";
import { commandObstacle, makeNamespace, namespaceObstacle, type TestNamespace } from "../../../../support/netns.ts";

const obstacle = namespaceObstacle() ?? commandObstacle("ip", "python3");
const FAR = "203.0.113.2";
const [SLOW, FREE] = [7001, 7002];
/** Bits a second. */
const [DOWN, UP] = [16e6, 8e6];

/** A server that sends or reads endlessly, as its client asks; and in the child the client, which prints bits a second. */
const MEASURE = `
import json, os, socket, subprocess, sys, threading, time
address, ports, space = json.loads(sys.argv[1])
CLIENT = '''
import socket, sys, time
s = socket.create_connection((sys.argv[1], int(sys.argv[2])), 10)
s.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 65536)
s.sendall(sys.argv[3].encode())
move = (lambda: s.send(bytes(16384))) if sys.argv[3] == "u" else (lambda: len(s.recv(65536)))
moved = 0
begun = time.monotonic()
while (now := time.monotonic() - begun) < 4.5:
    count = move()
    # The bucket of one second is empty by then.
    if now > 1.5:
        moved += count
print(moved * 8 / 3)
'''
def serve(server):
    while True:
        threading.Thread(target=carry, args=server.accept()[:1], daemon=True).start()
def carry(connection):
    try:
        upload = connection.recv(1) == b"u"
        while connection.recv(65536) if upload else connection.send(bytes(65536)):
            pass
    except OSError:
        pass
for port in ports:
    threading.Thread(target=serve, args=(socket.create_server(("", port)),), daemon=True).start()
asked = [(port, way) for port in ports for way in "du"]
clients = [subprocess.Popen(["ip", "netns", "exec", space, sys.executable, "-c", CLIENT, address, str(port), way],
    stdout=subprocess.PIPE, text=True) for port, way in asked]
print(json.dumps({f"{port}{way}": float(client.communicate()[0]) for (port, way), client in zip(asked, clients)}))`;

describe.skipIf(obstacle !== undefined)(`S4.16: the rates of rules (${obstacle ?? "8 and 16 mbit"})`, () => {
  let here: TestNamespace;
  let far: TestNamespace;

  beforeAll(() => {
    here = makeNamespace("rates-here");
    far = makeNamespace("rates-far");
    here.run(["ip", "link", "add", "eth0", "type", "veth", "peer", "name", "eth0", "netns", far.name]);
    here.run(["ip", "address", "add", "203.0.113.1/24", "dev", "eth0"]);
    far.run(["ip", "address", "add", `${FAR}/24`, "dev", "eth0"]);
    for (const space of [here, far]) space.run(["ip", "link", "set", "eth0", "up"]);
  });

  afterAll(() => {
    here?.[Symbol.dispose]();
    far?.[Symbol.dispose]();
  });

  test("a rule's flows keep within a quarter of its rates, while others are free", { timeout: 120_000 }, () => {
    const ofPort = (port: number) => ({ protocol: 6, ports: [{ from: port, to: port }] });
    const rules = [
      { origin: "rules/0", match: ofPort(FREE), path: DIRECT },
      { origin: "rules/1", match: { protocol: 6 }, path: DIRECT, limit: { download: DOWN, upload: UP } },
    ];
    const policy = policyOf({ flows: { rules, default: DIRECT } });
    const loaded = here.runScript("test/host/linux/nft/load-policy.script.ts", {
      runDir: temporaryFolder("rates"),
      policy,
    });
    expect(loaded).toMatchObject({ damage: [] });
    const question = JSON.stringify([FAR, [SLOW, FREE], here.name]);
    const { stdout } = far.run(["python3", "-c", MEASURE, question], { timeoutMs: 60_000 });
    const rates: Readonly<Record<string, number>> = JSON.parse(stdout);
    expect(rates[`${SLOW}d`]).toBeGreaterThan(0.75 * DOWN);
    expect(rates[`${SLOW}d`]).toBeLessThan(1.25 * DOWN);
    expect(rates[`${SLOW}u`]).toBeGreaterThan(0.75 * UP);
    expect(rates[`${SLOW}u`]).toBeLessThan(1.25 * UP);
    for (const way of ["d", "u"]) expect(rates[`${FREE}${way}`]).toBeGreaterThan(3 * DOWN);
  });
});
