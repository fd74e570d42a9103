import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { PlaneEvent, PlaneObservation } from "../../src/dataplane/contract.ts";
import { temporaryFolder } from "../support/folder.ts";
import { commandObstacle, namespaceObstacle, tunObstacle } from "../support/netns.ts";
import { KEYS, publicOf } from "./interop/talk-with-rival.ts";
import { type Lab, makeLab } from "./lab.ts";

const obstacle = namespaceObstacle() ?? tunObstacle() ?? commandObstacle("ip", "ping", "tc");
const noStrace = commandObstacle("strace");
const LONGEST = { timeout: 30_000 };
const HERE = "192.0.2.1";

/** Linux's answers, not a double's: what of them a machine can be brought to give. docs/platforms.md says what it cannot. */
describe.skipIf(obstacle !== undefined)(`a kernel that refuses (${obstacle ?? "veth, tc, TUN"})`, () => {
  let lab: Lab;
  beforeAll(() => {
    lab = makeLab("refusals");
    // So that large datagrams of programs may be cut: nobody is told to send smaller ones.
    for (const { namespace } of [lab.a, lab.b]) namespace.run(["sysctl", "-qw", "net.ipv4.ip_no_pmtu_disc=1"]);
  });
  afterAll(() => lab?.[Symbol.dispose]());

  const inA = (...argv: string[]) => lab.a.namespace.run(argv);
  const tc = (verb: string, ...words: string[]) => ["tc", "qdisc", verb, "dev", "cable", "root", ...words];
  const ping = (wait: number) =>
    lab.a.namespace.run(["ping", "-q", "-c", "1", "-w", String(wait), "10.77.0.2"], { mayFail: true }).status;
  const tunnel = async () => {
    const [first] = ((await lab.a.tell("observe")) as PlaneObservation).tunnels;
    return first?.counters ?? {};
  };
  const refusals = async (kind: PlaneEvent["kind"]) =>
    ((await lab.a.tell("events")) as PlaneEvent[]).flatMap((event) =>
      event.kind === kind && "errno" in event ? [event.errno] : [],
    );

  describe("the engine", () => {
    beforeEach(async () => {
      await lab.b.tell("open", {
        ...{ tun: "tun-b", addresses: ["10.77.0.2/24"], mtu: 1420, privateKey: KEYS.b, port: 51_002 },
        peers: [{ key: publicOf(KEYS.a) }],
      });
      await lab.a.tell("open", {
        ...{ tun: "tun-a", addresses: ["10.77.0.1/24"], mtu: 1420, privateKey: KEYS.a, port: 51_001 },
        peers: [{ key: publicOf(KEYS.b), endpoint: ["192.0.2.2", 51_002] }],
      });
      expect(ping(30)).toBe(0);
    });

    it("reports a device that is down (EIO), works again when it is up, and ends when it is deleted (EBADFD)", async () => {
      inA("ip", "link", "set", "tun-a", "down");
      lab.b.namespace.run(["ping", "-q", "-c", "2", "-i", "0.2", "-W", "1", "10.77.0.1"], { mayFail: true });
      await expect.poll(() => refusals("device-refused"), LONGEST).toContain("EIO");
      expect(await refusals("device-gone")).toEqual([]);
      inA("ip", "link", "set", "tun-a", "up");
      expect(ping(30)).toBe(0);
      inA("ip", "link", "delete", "tun-a");
      await expect.poll(() => refusals("device-gone"), LONGEST).toEqual(["EBADFD"]);
    });

    it.skipIf(noStrace !== undefined)(
      `cuts what the kernel will not when the path MTU shrank (${noStrace ?? "EMSGSIZE"}), and nothing is lost`,
      async () => {
        const folder = temporaryFolder("t-refusals");
        const witness = join(folder, "strace");
        const pid = String(lab.a.process.pid);
        const strace = spawn("strace", ["-f", "-e", "trace=sendmmsg", "-e", "status=failed", "-o", witness, "-p", pid]);
        const ended = once(strace, "exit");
        try {
          await once(strace.stderr, "data");
          await lab.b.tell("echo", { host: "10.77.0.2", port: 7007 });
          const sizes = Array.from({ length: 60 }, (_, index) => 1390 - index);
          // The way is looked at once a second: until then a message of two datagrams is larger than what the kernel cuts.
          const refused = () => / = -1 EMSGSIZE /.test(readFileSync(witness, "utf8"));
          for (let turn = 0; turn < 20 && !refused(); turn += 1) {
            const mtu = turn % 2 === 0 ? "1200" : "1500";
            inA("ip", "route", "replace", "192.0.2.0/24", "dev", "cable", "src", HERE, "mtu", "lock", mtu);
            expect(await lab.a.tell("ask", { host: "10.77.0.2", port: 7007, sizes })).toEqual(sizes);
          }
          expect(readFileSync(witness, "utf8")).toMatch(/ = -1 EMSGSIZE /);
          expect(await refusals("send-refused")).toEqual([]);
          expect(await tunnel()).toMatchObject({ udpSendDropped: 0 });
        } finally {
          strace.kill("SIGTERM");
          await ended;
          inA("ip", "route", "replace", "192.0.2.0/24", "dev", "cable", "src", HERE);
        }
      },
    );

    it("waits while the socket is full (EAGAIN), loses nothing of what it took, and goes on", async () => {
      inA(...tc("add", "tbf", "rate", "8kbit", "burst", "2k", "limit", "100m"));
      try {
        const flood = ["ping", "-q", "-l", "65000", "-s", "1300", "-w", "60", "10.77.0.2"];
        const child = spawn("ip", ["netns", "exec", lab.a.namespace.name, ...flood], { stdio: "ignore" });
        const ended = once(child, "exit");
        try {
          await expect.poll(waits, { timeout: 60_000, interval: 500 }).toBe(true);
        } finally {
          child.kill("SIGKILL");
          await ended;
        }
      } finally {
        inA(...tc("del"));
      }
      expect(ping(30)).toBe(0);
      expect(await tunnel()).toMatchObject({ udpSendDropped: 0 });
      expect(await refusals("send-refused")).toEqual([]);
    });

    it("goes on when a full queue behind the socket drops packets, which only the kernel counts", async () => {
      inA(...tc("add", "tbf", "rate", "64kbit", "burst", "2k", "limit", "3000"));
      lab.a.namespace.run(["ping", "-q", "-f", "-s", "1300", "-c", "200", "-w", "2", "10.77.0.2"], { mayFail: true });
      const { stdout } = lab.a.namespace.run(["tc", "-s", "qdisc", "show", "dev", "cable"]);
      expect(Number(/dropped (\d+)/.exec(stdout)?.[1])).toBeGreaterThan(0);
      inA(...tc("del"));
      expect(ping(30)).toBe(0);
      expect(await refusals("send-refused")).toEqual([]);
    });
  });

  describe("a send batch over a socket of other options", () => {
    const send = (given: object): unknown => {
      const argv = [process.execPath, "test/dataplane/scripts/refusals.script.ts", JSON.stringify(given)];
      return JSON.parse(lab.a.namespace.run(argv).stdout);
    };

    it("reports EMSGSIZE where fragmentation is forbidden (IP_PMTUDISC_DO), and sends later packets", () => {
      const mtu = (bytes: string) => ["ip", "link", "set", "cable", "mtu", bytes];
      expect(
        send({ options: [[0, 10, 2]], rounds: 1, datagrams: 3, bytes: 1400, narrow: mtu("1300"), wide: mtu("1500") }),
      ).toEqual({ refused: ["EMSGSIZE"], wasBlocked: false, sent: 0, dropped: 3, last: 1 });
    });

    it("reports ENOBUFS with IP_RECVERR, and sends later packets", () => {
      const narrow = tc("add", "tbf", "rate", "64kbit", "burst", "2k", "limit", "3000");
      const said = send({ options: [[0, 11, 1]], rounds: 1, datagrams: 100, bytes: 1400, narrow, wide: tc("del") });
      expect(said).toMatchObject({ refused: ["ENOBUFS"], wasBlocked: false, last: 1 });
      const { sent, dropped } = said as { readonly sent: number; readonly dropped: number };
      expect([sent > 0, dropped > 0, sent + dropped]).toEqual([true, true, 100]);
    });

    it("keeps what finds no room (SO_SNDBUF), and sends all of it when there is some", () => {
      const narrow = tc("add", "tbf", "rate", "64kbit", "burst", "2k", "limit", "100m");
      expect(send({ options: [[1, 7, 8000]], rounds: 1, datagrams: 50, bytes: 1400, narrow, wide: tc("del") })).toEqual(
        { refused: [], wasBlocked: true, sent: 50, dropped: 0, last: 1 },
      );
    });
  });

  /** Whether what is sent into the device now is not read. */
  async function waits(): Promise<boolean> {
    const before = (await tunnel())["tunReadPackets"];
    ping(1);
    return (await tunnel())["tunReadPackets"] === before;
  }
});
