import { spawn } from "node:child_process";
import { once } from "node:events";
import { linuxProcesses } from "../../../../src/host/linux/processes/linux-processes.ts";
import type { SocketTuple } from "../../../../src/host/ports/processes.ts";

/**
 * Opens sockets of all kinds, tells their ports, and obeys: "fork" shares the first with a child, "close" closes all.
 * Names: t4, t6, mapped (IPv4 to a socket of IPv6), u4 (connected), any (bound only), listen.
 */
const HOLDER = `
import os, socket, sys, json, signal
def pair(family, address, listener_family=None, bind=None):
    server = socket.socket(listener_family or family); server.bind((bind or address, 0)); server.listen(1)
    client = socket.socket(family); client.connect((address, server.getsockname()[1])); kept = server.accept()[0]
    return client, server, kept
t4 = pair(socket.AF_INET, "127.0.0.1"); t6 = pair(socket.AF_INET6, "::1")
mapped = pair(socket.AF_INET, "127.0.0.1", socket.AF_INET6, "::")
sink = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); sink.bind(("127.0.0.1", 0))
u4 = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); u4.connect(sink.getsockname())
open6 = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM); open6.bind(("::", 0))
reported = {"t4": [t4[0].getsockname()[:2], t4[0].getpeername()[:2]], "t6": [t6[0].getsockname()[:2], t6[0].getpeername()[:2]],
  "accepted": [mapped[2].getsockname()[:2], mapped[2].getpeername()[:2]], "u4": [u4.getsockname(), u4.getpeername()],
  "bound": [sink.getsockname(), None], "open6": [open6.getsockname()[:2], None], "listening": [t4[1].getsockname(), None]}
print(json.dumps(reported), flush=True)
for line in sys.stdin:
    if line == "fork\\n":
        child = os.fork()
        if child == 0: signal.pause()
        print(child, flush=True)
    if line == "close\\n":
        os.kill(child, 9); os.waitpid(child, 0); t4[0].close(); print("closed", flush=True)
`;

const holder = spawn("python3", ["-c", HOLDER], { stdio: ["pipe", "pipe", "inherit"] });
const lines: string[] = [];
const waiting: ((line: string) => void)[] = [];
let rest = "";
holder.stdout.setEncoding("utf8").on("data", (text: string) => {
  const parts = (rest + text).split("\n");
  rest = parts.pop() ?? "";
  for (const line of parts) (waiting.shift() ?? ((said: string) => lines.push(said)))(line);
});
const said = (): Promise<string> =>
  lines.length > 0 ? Promise.resolve(lines.shift() ?? "") : new Promise((done) => waiting.push(done));

type Ends = readonly [readonly [string, number], readonly [string, number] | null];
const reported = JSON.parse(await said()) as Readonly<Record<string, Ends>>;
const tuple = (name: string): SocketTuple => {
  const [local, remote] = reported[name] ?? [["", 0], null];
  const plain = (address: string) => address.replace("::ffff:", "");
  return {
    protocol: ["u4", "bound", "open6"].includes(name) ? "udp" : "tcp",
    local: { address: plain(local[0]), port: local[1] },
    ...(remote === null ? {} : { remote: { address: plain(remote[0]), port: remote[1] } }),
  };
};

let nowMs = 0;
const port = linuxProcesses({ nowMs: () => nowMs });
const owners = (name: string) => port.ownerOf(tuple(name))?.holders.map(({ pid }) => pid);
const found = Object.fromEntries(Object.keys(reported).map((name) => [name, owners(name)]));
const all = port.sockets().sockets;
const listed = Object.fromEntries(
  Object.keys(reported).map((name) => {
    const { protocol, local, remote } = tuple(name);
    const same = all.filter(
      (socket) =>
        socket.protocol === protocol &&
        socket.local.port === local.port &&
        socket.local.address === local.address &&
        socket.remote?.port === remote?.port,
    );
    return [name, same.flatMap(({ holders }) => holders.map(({ pid }) => pid))];
  }),
);
const absent = port.ownerOf({ ...tuple("t4"), remote: { address: "127.0.0.1", port: 1 } }) === undefined;
holder.stdin.write("fork\n");
const child = Number(await said());
const shared = port.sockets().sockets.find(({ local }) => local.port === tuple("t4").local.port)?.holders.length;
holder.stdin.write("close\n");
await said();
const kept = owners("t4");
nowMs = 300;
const afterwards = port.ownerOf(tuple("t4")) ?? "none";
const [first] = port.ownerOf(tuple("t6"))?.holders ?? [];
holder.stdin.end();
holder.kill("SIGKILL");
await once(holder, "close");
process.stdout.write(
  JSON.stringify({
    holder: holder.pid,
    found,
    listed,
    absent,
    isShared: shared === 2 && child > 0,
    kept,
    afterwards,
    stillAlive: first !== undefined && port.isAlive(first),
  }),
);
process.exit(0);
