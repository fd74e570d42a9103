import { createServer as createHttp } from "node:http";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { parseProbeTarget } from "../../../../src/config/field/probe-target.ts";
import { darwinProbes } from "../../../../src/host/darwin/probes.ts";
import type { ProbePort } from "../../../../src/host/ports/probes.ts";
import type { ProbeResult, ProbeType } from "../../../../src/model/resources/probe.ts";
import { linuxSockets } from "./linux-sockets.ts";

const obstacle = process.platform === "linux" ? undefined : "the calls are carried out by Linux's C library";
const rawObstacle = process.geteuid?.() === 0 ? undefined : "raw sockets need root";

describe.skipIf(obstacle !== undefined)(`probes of a Mac, over Linux's sockets (${obstacle ?? "here"})`, () => {
  let world: ReturnType<typeof linuxSockets>;
  let port: ProbePort;
  const servers: Server[] = [];
  const callers = new Set<Socket>();
  let [web, silent, closed] = [0, 0, 0];

  beforeAll(async () => {
    const http = createHttp(({ url = "/" }, response) => {
      if (url !== "/never") response.writeHead(Number(url.slice(1)) || 200).end("yes");
    });
    web = await listening(http);
    silent = await listening(createServer(() => undefined));
    const gone = createServer();
    closed = await listening(gone);
    await new Promise((done) => gone.close(done));
  });
  afterAll(() => {
    for (const server of servers) server.close();
    for (const caller of callers) caller.destroy();
  });
  beforeEach(() => {
    world = linuxSockets();
    const held = async () => new Map([["awg-home", "lo"]]).set("awg-gone", "utun99");
    port = darwinProbes({ system: world.system, held });
  });

  async function listening(server: Server): Promise<number> {
    servers.push(server);
    server.on("connection", (caller) => callers.add(caller));
    await new Promise<void>((ready) => server.listen(0, "127.0.0.1", ready));
    return (server.address() as AddressInfo).port;
  }
  function probe(type: ProbeType, text: string, more: object = {}): Promise<ProbeResult> {
    const target = parseProbeTarget(type, text);
    if (target === undefined) throw new Error(`no target: ${text}`);
    return port.run({ name: "p", type, target, required: false, everySeconds: 60, timeoutSeconds: 10, ...more });
  }

  test("a connection comes about, or is refused; no descriptor stays open", async () => {
    expect(await probe("tcp", `127.0.0.1:${web}`)).toMatchObject({ passed: true });
    expect(await probe("tcp", `127.0.0.1:${closed}`)).toEqual({
      passed: false,
      detail: "connecting failed: connection refused (ECONNREFUSED)",
    });
    expect([...world.open]).toEqual([]);
  });

  test("a GET is answered with 2xx, with another status, or not in time", async () => {
    expect(await probe("http", `http://127.0.0.1:${web}/`)).toMatchObject({ passed: true });
    expect(await probe("http", `http://127.0.0.1:${web}/302`)).toMatchObject({ detail: "answered with HTTP 302" });
    for (const url of [`http://127.0.0.1:${web}/never`, `http://127.0.0.1:${silent}/`])
      expect(await probe("http", url, { timeoutSeconds: 0.2 })).toMatchObject({ detail: "no answer in 0.2 s" });
  });

  test("by a tunnel: the socket is bound to its utun; without one the probe fails and says so", async () => {
    const to = `127.0.0.1:${web}`;
    expect(await probe("tcp", to, { device: "awg-home" })).toMatchObject({ passed: true });
    for (const device of ["awg-gone", "awg-unknown"]) {
      const detail = `${device} has no interface now`;
      expect(await probe("tcp", to, { device })).toMatchObject({ passed: false, detail });
    }
    expect([...world.open]).toEqual([]);
  });

  test.skipIf(rawObstacle !== undefined)(`an echo request is answered (${rawObstacle ?? "as root"})`, async () => {
    expect(await probe("ping", "127.0.0.1")).toMatchObject({ passed: true });
    expect(await probe("ping", "127.0.0.1", { device: "awg-home" })).toMatchObject({ passed: true });
    expect([...world.open]).toEqual([]);
  });
});
