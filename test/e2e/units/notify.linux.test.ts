import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { useBuiltProgram } from "../../support/built-program.ts";
import { commandObstacle, namespaceObstacle, tunObstacle } from "../../support/netns.ts";
import { DaemonInNamespace } from "../live/daemon-in-namespace.ts";

const obstacle = namespaceObstacle() ?? tunObstacle() ?? commandObstacle("ip", "nft", "python3");

/** Plays the service manager: binds the socket, starts the daemon with it, prints what it sends with the sender's pid. */
const MANAGER = `
import os, signal, socket, struct, sys
path, words = sys.argv[1], sys.argv[2:]
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
s.bind("\\0" + path[1:] if path[0] == "@" else path)
env = dict(os.environ, NOTIFY_SOCKET=path, WATCHDOG_USEC="1500000")
pid = os.posix_spawn(words[0], words, env)
signal.signal(signal.SIGTERM, lambda *_: os.kill(pid, signal.SIGTERM))
while True:
    text, control, _, _ = s.recvmsg(4096, 256)
    sender = struct.unpack("iii", control[0][2])[0]
    print("received", text.decode(), "from the daemon" if sender == pid else "from another", flush=True)
    if text == b"STOPPING=1":
        os.waitpid(pid, 0)
        sys.exit()
`;

describe.skipIf(obstacle !== undefined)(
  `the daemon reports to its service manager${obstacle === undefined ? "" : ` (${obstacle})`}`,
  () => {
    const program = useBuiltProgram();
    let world: DaemonInNamespace;

    beforeAll(() => {
      world = new DaemonInNamespace("notify", program());
    });
    afterAll(() => world.end(), 60_000);

    test.each(["@awg-test-PID", "FOLDER/notify"])(
      "by %s: ready, alive while its loop goes on, stopping; no child has the socket's name",
      async (pattern) => {
        const path = pattern.replace("PID", String(process.pid)).replace("FOLDER", world.folder);
        const daemon = world.argv("daemon", "--foreground", "-f", world.config);
        const { child, said } = await world.start(
          ["python3", "-c", MANAGER, path, ...daemon],
          "received WATCHDOG=1 from the daemon",
        );
        expect(said).toContain("received READY=1 from the daemon");
        const names = world.host.run(
          ["sh", "-c", `cat /proc/[0-9]*/environ | tr '\\0' '\\n' | grep -c "^NOTIFY_SOCKET=${path}"`],
          {
            mayFail: true,
          },
        );
        // The kernel shows the environment that a process was started with: the daemon's alone has it.
        expect(names.stdout.trim()).toBe("1");
        let rest = "";
        child.stdout?.on("data", (part: string) => {
          rest += part;
        });
        child.kill("SIGTERM");
        await new Promise((resolve) => child.once("close", resolve));
        expect(rest).toContain("received STOPPING=1 from the daemon");
        expect(said + rest).not.toContain("from another");
      },
      90_000,
    );
  },
);
