import { spawn } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { RELAY_ADDRESSES, relayPort } from "../../src/model/ownership.ts";
import { type RelaySettings, renderRelaySettings } from "../../src/model/relay/relay-settings.ts";
import { exchangeOverUnixSocket, unixListener } from "../../src/native/linux/process/unix-exchange.ffi.ts";
import type { RelayReport } from "../../src/relay/state-server.ts";
import { commandObstacle, namespaceObstacle } from "../support/netns.ts";
import { CLIENT, LOGIN, makeProxyWorld, PORTS, PROXY, type ProxyWorld, TARGET, untilTrue } from "./proxy-world.ts";

const obstacle =
  namespaceObstacle() ??
  commandObstacle("python3", "nft", "microsocks", "danted", "tinyproxy", "socat", "openssl", "curl", "ss");
const awg = join(import.meta.dirname, "..", "..", "src", "cli", "awg.ts");
const NOBODY = 65_534;
const PATH = 1;
const TRANSFER_BYTES = 8_000_000;
const FAMILIES = [4, 6] as const;

/** What awg's own filter and routes do for a path: its mark, the route to lo, and tproxy. */
const RULES = `table inet t {
  chain steer {
    type route hook output priority mangle
    meta skuid ${NOBODY} accept
    ip daddr ${TARGET[4]} meta mark set 0x01000000
    ip6 daddr ${TARGET[6]} meta mark set 0x01000000
  }
  chain give {
    type filter hook prerouting priority mangle
    iifname lo meta mark 0x01000000 meta nfproto ipv4 meta l4proto { tcp, udp } tproxy ip to ${RELAY_ADDRESSES[4]}:${relayPort(PATH)} accept
    iifname lo meta mark 0x01000000 meta nfproto ipv6 meta l4proto { tcp, udp } tproxy ip6 to [${RELAY_ADDRESSES[6]}]:${relayPort(PATH)} accept
    iifname lo fib daddr type unicast drop
  }
  chain leave {
    type filter hook postrouting priority 0
    oifname up0 ip daddr ${TARGET[4]} counter
    oifname up0 ip6 daddr ${TARGET[6]} counter
  }
}`;

/** The rule S3.5 without a user `awg`. */
const ROOT_ONLY = `table inet root-only {
  chain leave {
    type filter hook output priority 0
    ip daddr ${PROXY[4]} tcp dport ${PORTS.microsocks} meta skuid != 0 reject
  }
}`;

describe.skipIf(obstacle !== undefined)(
  `a relay on the real kernel${obstacle === undefined ? "" : `: ${obstacle}`}`,
  () => {
    let world: ProxyWorld;

    beforeAll(async () => {
      world = await makeProxyWorld("relay");
      const { client, proxies, folder } = world;
      const subject = ["-subj", "/CN=proxy.example", "-addext", "subjectAltName=DNS:proxy.example", "-days", "2"];
      const files = ["-keyout", join(folder, "key.pem"), "-out", join(folder, "cert.pem")];
      proxies.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", ...files, ...subject]);
      for (const which of ["microsocks", "dante", "tinyproxy", "tls"] as const) await world.startProxy(which);
      client.run(["nft", "-f", "-"], { input: RULES });
      for (const [family, source] of [
        ["-4", "127.0.0.1"],
        ["-6", "::1"],
      ] as const) {
        client.run(["ip", family, "rule", "add", "pref", "100", "fwmark", "0x01000000/0xff000000", "lookup", "100"]);
        client.run(["ip", family, "route", "add", "local", "default", "dev", "lo", "table", "100", "src", source]);
      }
    });

    afterAll(async () => {
      await world?.[Symbol.asyncDispose]();
    });

    /** Starts a relay and waits for its first probe. */
    async function relayTo(port: number, more: Partial<RelaySettings> = {}): Promise<Relay> {
      const statePath = join(world.folder, "state");
      const { password, ...settings }: RelaySettings = {
        identity: "p",
        protocol: "socks5",
        server: { address: PROXY[4], port },
        udp: false,
        user: { uid: NOBODY, gid: NOBODY },
        port: relayPort(PATH),
        statePath,
        ...more,
      };
      const child = world.start(
        world.client,
        [process.execPath, awg, "relay", "p"],
        renderRelaySettings(settings, password === undefined ? undefined : Buffer.from(password)),
      );
      let log = "";
      child.stderr?.on("data", (text) => {
        log += text;
      });
      const state = () => readState(statePath);
      await untilTrue(`a relay that probed (${log})`, () => isAnswering(state));
      return {
        pid: unixListener(statePath)?.pid ?? 0,
        state,
        log: () => log,
        [Symbol.asyncDispose]: async () => {
          const ended = new Promise((resolve) => child.once("exit", resolve));
          child.kill("SIGKILL");
          await ended;
        },
      };
    }

    /** Sends bytes to the hashing server, ends that direction, and compares its answer. */
    function checkHalfClose(family: 4 | 6): void {
      const code = `
import hashlib, os, socket
s = socket.create_connection(("${TARGET[family]}", 7001), 30)
data = os.urandom(${TRANSFER_BYTES})
s.sendall(data); s.shutdown(socket.SHUT_WR)
answer = b""
while part := s.recv(1000): answer += part
assert answer.decode() == hashlib.sha256(data).hexdigest(), answer`;
      world.client.run(["python3", "-c", code], { timeoutMs: 60_000 });
    }

    /** Sends bytes to the echoing server while it reads them back, and compares. */
    function checkEcho(family: 4 | 6): void {
      const code = `
import os, socket, threading
s = socket.create_connection(("${TARGET[family]}", 7003), 30)
data = os.urandom(${TRANSFER_BYTES})
threading.Thread(target=s.sendall, args=(data,), daemon=True).start()
answer = b""
while len(answer) < len(data) and (part := s.recv(65536)): answer += part
assert answer == data, len(answer)`;
      world.client.run(["python3", "-c", code], { timeoutMs: 60_000 });
    }

    function askUdp(family: 4 | 6, data: string): string {
      const code = `
import socket
s = socket.socket(socket.AF_INET${family === 4 ? "" : "6"}, socket.SOCK_DGRAM); s.settimeout(10)
s.connect(("${TARGET[family]}", 53)); s.send(b"${data}"); print(s.recv(65535).decode(), end="")`;
      return world.client.run(["python3", "-c", code], { timeoutMs: 20_000 }).stdout;
    }

    const TLS = (): Partial<RelaySettings> => ({
      protocol: "http",
      ...LOGIN,
      tls: { serverName: "proxy.example", ca: join(world.folder, "cert.pem") },
    });

    test.each([
      ["microsocks, with a login", PORTS.microsocks, () => ({ ...LOGIN })],
      ["dante", PORTS.dante, () => ({})],
      ["tinyproxy by CONNECT, with a login", PORTS.tinyproxy, () => ({ protocol: "http" as const, ...LOGIN })],
      ["tinyproxy over TLS", PORTS.tls, TLS],
    ])("carries TCP through %s in both families", async (_, port, more) => {
      await using relay = await relayTo(port, more());
      expect(relay.state()).toMatchObject({ state: "up", openConnections: 0, refused: 0 });
      for (const family of FAMILIES) checkEcho(family);
      await untilTrue("no open connection", () => relay.state().openConnections === 0);
      const both = 2 * TRANSFER_BYTES;
      expect(relay.state()).toMatchObject({ connections: 2, sentBytes: both, receivedBytes: both });
      expect(relay.state().localAddress).toBe(CLIENT[4]);
    });

    // microsocks and tinyproxy close both directions when one ends.
    test("keeps the other direction open when one ends", async () => {
      await using relay = await relayTo(PORTS.dante);
      for (const family of FAMILIES) checkHalfClose(family);
      await untilTrue("no open connection", () => relay.state().openConnections === 0);
      expect(relay.state()).toMatchObject({ connections: 2, receivedBytes: 128 });
    });

    test("carries UDP through dante in both families, also large and empty datagrams", async () => {
      await using relay = await relayTo(PORTS.dante, { udp: true });
      expect(relay.state()).toMatchObject({ state: "up", udp: true });
      for (const family of FAMILIES) {
        expect(askUdp(family, "question")).toBe("echo question");
        expect(askUdp(family, "x".repeat(1400))).toHaveLength(1405);
        expect(askUdp(family, "")).toBe("echo ");
      }
      expect(relay.state()).toMatchObject({ openSessions: 6, refused: 0 });
    });

    test("reports a proxy without UDP, a refused login, another certificate and a proxy that is gone", async () => {
      {
        await using relay = await relayTo(PORTS.microsocks, { udp: true, ...LOGIN });
        expect(relay.state()).toMatchObject({ state: "up", udp: false });
      }
      {
        await using relay = await relayTo(PORTS.microsocks, { username: "me", password: "wrong-password" });
        expect(relay.state()).toMatchObject({ state: "down", reason: "the proxy refused the name and password" });
        expect(relay.log()).not.toContain("wrong-password");
      }
      {
        const tls = { serverName: "other.example", ca: join(world.folder, "cert.pem") };
        await using relay = await relayTo(PORTS.tls, { ...TLS(), tls });
        expect(relay.state()).toMatchObject({ state: "down", reason: "the proxy's certificate is for another name" });
      }
      await using relay = await relayTo(9);
      expect(relay.state()).toMatchObject({ state: "down", reason: "the proxy refuses connections" });
    });

    test("has no root, no capability, and no password in its arguments or environment", async () => {
      await using relay = await relayTo(PORTS.microsocks, LOGIN);
      const status = readFileSync(`/proc/${relay.pid}/status`, "utf8");
      expect(status).toMatch(/^Uid:\t65534\t65534\t65534\t65534$/m);
      expect(status).toMatch(/^Groups:\s*$/m);
      for (const set of ["CapInh", "CapPrm", "CapEff", "CapAmb"])
        expect(status).toMatch(new RegExp(`^${set}:\\t0+$`, "m"));
      expect(status).toMatch(/^NoNewPrivs:\t1$/m);
      for (const file of ["cmdline", "environ"]) {
        expect(readFileSync(`/proc/${relay.pid}/${file}`, "latin1")).not.toContain(LOGIN.password);
      }
    });

    test("without a user awg it has no capability in any thread, and only its sockets are those of root", async () => {
      world.client.run(["nft", "-f", "-"], { input: ROOT_ONLY });
      try {
        await using relay = await relayTo(PORTS.microsocks, { ...LOGIN, user: { uid: 0, gid: 0 } });
        expect(relay.state()).toMatchObject({ state: "up" });
        checkEcho(4);
        const tasks = `/proc/${relay.pid}/task`;
        const main = readFileSync(`/proc/${relay.pid}/status`, "utf8");
        expect(main).toMatch(/^NoNewPrivs:\t1$/m);
        expect(main).toMatch(/^Uid:\t65534\t65534\t65534\t0$/m);
        for (const task of readdirSync(tasks)) {
          const status = readFileSync(join(tasks, task, "status"), "utf8");
          expect(status).toMatch(/^Uid:\t65534\t65534\t65534\t/m);
          expect(status).toMatch(/^Gid:\t65534\t65534\t65534\t65534$/m);
          for (const set of ["CapInh", "CapPrm", "CapEff", "CapAmb"])
            expect(status).toMatch(new RegExp(`^${set}:\\t0+$`, "m"));
        }
      } finally {
        world.client.run(["nft", "delete", "table", "inet", "root-only"]);
      }
    });

    test("a program that does not read holds up the server, not the relay's memory", async () => {
      await using relay = await relayTo(PORTS.microsocks, LOGIN);
      const code = `
import socket, time
held = [socket.create_connection(("${TARGET[4]}", 7002), 10) for _ in range(20)]
print("held", flush=True); time.sleep(60)`;
      const before = residentKilobytes(relay.pid);
      const child = spawn("ip", ["netns", "exec", world.client.name, "python3", "-c", code]);
      try {
        await untilTrue("20 connections", () => relay.state().openConnections === 20);
        await new Promise((resolve) => setTimeout(resolve, 4000));
        expect(relay.state().receivedBytes).toBeGreaterThan(20 * 65_536);
        // 64 KiB in each direction and socket, and what the collector leaves.
        expect(residentKilobytes(relay.pid) - before).toBeLessThan(40_000);
      } finally {
        child.kill("SIGKILL");
      }
      await untilTrue("no open connection", () => relay.state().openConnections === 0);
    });

    test("refuses a connection to its own listener, and resets what the proxy cannot reach", async () => {
      await using relay = await relayTo(PORTS.microsocks, LOGIN);
      const connect = (address: string, port: number) =>
        world.client.run(
          ["python3", "-c", `import socket; s = socket.create_connection(("${address}", ${port}), 10); s.recv(1)`],
          {
            mayFail: true,
          },
        ).stderr;
      expect(connect(RELAY_ADDRESSES[4], relayPort(PATH))).toContain("ConnectionResetError");
      expect(connect(TARGET[4], 4)).toContain("ConnectionResetError");
      expect(relay.state()).toMatchObject({ refused: 2, connections: 1, state: "up" });
    });

    test("without a relay no program on this host answers for another host", () => {
      const code = `
import socket, threading
here = socket.create_server(("0.0.0.0", 7003)); threading.Thread(target=here.accept, daemon=True).start()
try:
    socket.create_connection(("${TARGET[4]}", 7003), 3); print("connected")
except OSError as error: print(type(error).__name__)`;
      expect(world.client.run(["python3", "-c", code], { timeoutMs: 30_000 }).stdout).toBe("TimeoutError\n");
    });

    test("in all of this no packet to the target left by the uplink", () => {
      const rules = world.client.run(["nft", "list", "chain", "inet", "t", "leave"]).stdout;
      expect(rules.match(/packets 0 bytes 0/g)).toHaveLength(2);
    });
  },
);

interface Relay extends AsyncDisposable {
  readonly pid: number;
  state(): RelayReport;
  log(): string;
}

function readState(path: string): RelayReport {
  const answer = exchangeOverUnixSocket({
    path,
    request: new Uint8Array(),
    terminator: Uint8Array.of(10),
    maxAnswerBytes: 4096,
    timeoutMs: 5000,
  });
  return JSON.parse(new TextDecoder().decode(answer));
}

function isAnswering(state: () => RelayReport): boolean {
  try {
    return state().state !== "unknown";
  } catch {
    return false;
  }
}

function residentKilobytes(pid: number): number {
  return Number(/VmRSS:\s+([0-9]+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]);
}
