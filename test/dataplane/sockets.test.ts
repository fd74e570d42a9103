import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { SocketSettings } from "../../src/dataplane/contract.ts";
import { RebindableSockets } from "../../src/dataplane/loop/rebindable-sockets.ts";
import { NO_SOCKETS, type TunnelSockets } from "../../src/dataplane/loop/sockets.ts";
import { AwgError } from "../../src/model/error.ts";
import type { PacketSocket, PacketSocketOptions } from "../../src/native/packet-system.ts";
import { linuxBeneath } from "./darwin/linux-beneath.ts";
import { innerPacket } from "./darwin/utun-pair.ts";
import { at, type Engine, peerOf, START_MS, settingsOf, startEngines, until } from "./support/engines.ts";

const isLinux = process.platform === "linux";
const LOOPBACK = { index: 1, mtuBytes: 65_536 };
/** No machine has an interface of this number; a socket that is tied to it takes the port from those tied to none. */
const NOWHERE = 999_999;

describe.skipIf(!isLinux)(`a tunnel with refused new sockets${isLinux ? "" : " (needs Linux)"}`, () => {
  let near: Engine;
  let far: Engine;
  beforeAll(async () => {
    [near, far] = await startEngines();
  }, START_MS);
  afterAll(async () => {
    await near?.[Symbol.asyncDispose]();
    await far?.[Symbol.asyncDispose]();
  }, START_MS);

  it("goes on at its port, and takes its former settings again", async () => {
    const [mine, theirs] = [near.device(), far.device()];
    const { listenPort: port } = await far.plane.addTunnel({
      ...settingsOf(2, [peerOf(1)]),
      name: "b",
      tunFd: theirs.fd,
    });
    const first = await near.plane.addTunnel({ ...settingsOf(1, [peerOf(2, at(port))]), name: "a", tunFd: mine.fd });
    const socket: SocketSettings = { listenPort: first.listenPort, mark: 0 };
    const former = settingsOf(1, [peerOf(2, at(port))], { socket: { ...socket, boundTo: { four: LOOPBACK } } });
    await near.plane.configure("a", former);
    const through = async (number: number) => {
      mine.give(innerPacket(4, number, 200));
      await until("a packet", () => theirs.take());
    };
    await through(1);
    using _another = linuxBeneath().packets.openSocket({ family: 4, port: first.listenPort, boundTo: NOWHERE });
    const refused = near.plane.configure("a", { ...former, socket });
    await expect(refused).rejects.toMatchObject({ facts: { errno: "EADDRINUSE" } });
    expect((await near.plane.observe()).tunnels[0]).toMatchObject({ listenPort: first.listenPort });
    await through(2);
    await near.plane.configure("a", former);
    await through(3);
    expect((await near.plane.rebind("a")).listenPort).toBe(first.listenPort);
    await through(4);
    expect(near.events.map(({ kind }) => kind)).not.toContain("sockets-lost");
  });
});

describe("the sockets of a tunnel", () => {
  /** Ports of a machine, where another may take one as soon as it is free. */
  function machine() {
    const taken = new Set<number>();
    const asked: PacketSocketOptions[] = [];
    let refuse: (options: PacketSocketOptions) => string | undefined = () => undefined;
    const openSocket = (options: PacketSocketOptions): PacketSocket => {
      asked.push(options);
      const port = options.port === 0 ? 50_000 + asked.length : options.port;
      const key = port * 10 + options.family;
      const errno = refuse(options) ?? (taken.has(key) ? "EADDRINUSE" : undefined);
      if (errno !== undefined) throw new AwgError("host", "refused", { facts: { errno } });
      taken.add(key);
      const dispose = () => void taken.delete(key);
      return { fd: key, port, segments: true, coalesces: true, [Symbol.dispose]: dispose };
    };
    return { taken, openSocket, refuseWhen: (when: typeof refuse) => (refuse = when) };
  }
  const fixed: SocketSettings = { listenPort: 51_820, mark: 0 };
  const errnoOf = (act: () => void) => {
    try {
      act();
      return "none";
    } catch (error) {
      return error instanceof AwgError ? error.facts["errno"] : error;
    }
  };

  function held(settings = fixed) {
    const world = machine();
    const used: TunnelSockets[] = [];
    const reported: string[] = [];
    const sockets = new RebindableSockets(settings, world, {
      use: (now) => void used.push(now),
      report: (kind, errno) => void reported.push(errno === undefined ? kind : `${kind} ${errno}`),
    });
    return { world, used, reported, sockets };
  }

  it("are opened again as they were when the new ones are refused", () => {
    const { world, reported, sockets } = held();
    world.refuseWhen(({ mark }) => (mark === 7 ? "EPERM" : undefined));
    expect(errnoOf(() => sockets.change({ ...fixed, mark: 7 }, 0))).toBe("EPERM");
    expect([sockets.current.port, world.taken.size, reported]).toEqual([51_820, 2, []]);
  });

  it("are missing while another program has the port; that is reported, and retried each second and with new settings", () => {
    const { world, used, reported, sockets } = held();
    world.refuseWhen(() => "EADDRINUSE");
    expect(errnoOf(() => sockets.change({ ...fixed, mark: 7 }, 1000))).toBe("EADDRINUSE");
    expect([sockets.current, used.at(-1), reported]).toEqual([NO_SOCKETS, NO_SOCKETS, ["sockets-lost EADDRINUSE"]]);
    expect(errnoOf(() => sockets.change(fixed, 1100))).toBe("EADDRINUSE");
    sockets.retry(1500);
    sockets.retry(2000);
    expect(sockets.current).toBe(NO_SOCKETS);
    world.refuseWhen(() => undefined);
    sockets.retry(2500);
    expect(sockets.current).toBe(NO_SOCKETS);
    sockets.retry(3000);
    expect([sockets.current.port, reported.at(-1)]).toEqual([51_820, "sockets-back"]);
    expect(reported).toHaveLength(2);
  });

  it("come back with the settings they had before, once the port is free", () => {
    const { world, reported, sockets } = held();
    world.refuseWhen(() => "EADDRINUSE");
    expect(errnoOf(() => sockets.rebind(0))).toBe("EADDRINUSE");
    world.refuseWhen(() => undefined);
    sockets.change(fixed, 10);
    expect([sockets.current.port, reported]).toEqual([51_820, ["sockets-lost EADDRINUSE", "sockets-back"]]);
    expect(world.taken.size).toBe(2);
  });

  it("keep the port that the kernel chose through a rebind and a loss, and leave nothing open", () => {
    const { world, sockets } = held({ listenPort: 0, mark: 0 });
    const { port } = sockets.current;
    sockets.rebind(0);
    expect(sockets.current.port).toBe(port);
    world.refuseWhen(() => "EMFILE");
    expect(errnoOf(() => sockets.rebind(0))).toBe("EMFILE");
    world.refuseWhen(() => undefined);
    sockets.retry(1000);
    expect(sockets.current.port).toBe(port);
    sockets.change({ listenPort: 0, mark: 0 }, 1000);
    expect(sockets.current.port).toBe(port);
    sockets[Symbol.dispose]();
    expect(world.taken.size).toBe(0);
  });

  it("of another port are opened before the old ones are closed", () => {
    const { world, sockets } = held();
    world.refuseWhen(({ port }) => (port === 7 ? "EACCES" : undefined));
    expect(errnoOf(() => sockets.change({ listenPort: 7, mark: 0 }, 0))).toBe("EACCES");
    expect([sockets.current.port, world.taken.size]).toEqual([51_820, 2]);
    sockets.change({ listenPort: 8, mark: 0 }, 0);
    expect([sockets.current.port, world.taken.size]).toEqual([8, 2]);
  });
});
