import { once } from "node:events";
import { createConnection, type Server } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { DeviceSettings, PeerChange, TunnelObservation } from "../../../src/dataplane/contract.ts";
import type { DataPlane } from "../../../src/dataplane/data-plane.ts";
import { serveUapi } from "../../../src/dataplane/uapi/uapi-server.ts";
import { UapiSession } from "../../../src/dataplane/uapi/uapi-session.ts";
import { AwgError } from "../../../src/model/error.ts";
import { listenOnUnixSocket } from "../../../src/native/linux/process/unix-exchange.ffi.ts";
import { temporaryFolder } from "../../support/folder.ts";

const KEY = "cc".repeat(32);
const PEER = "aa".repeat(32);

function textOf(change: PeerChange): string {
  if (change.kind === "set") return change.movesBack ? "set moves" : "set";
  return change.kind === "prefixes" ? `prefixes +${change.add.length} -${change.remove.length}` : change.kind;
}

/** Remembers what it is told; refuses port 7 as the kernel refuses one that is taken. */
class PlaneDouble {
  settings: DeviceSettings | undefined;
  readonly calls: string[] = [];
  readonly changes: PeerChange[] = [];

  async addTunnel(settings: DeviceSettings): Promise<TunnelObservation> {
    return this.#take("add", settings);
  }
  async configure(_name: string, settings: DeviceSettings): Promise<TunnelObservation> {
    return this.#take("configure", settings);
  }
  async changePeers(_name: string, changes: readonly PeerChange[]): Promise<void> {
    this.calls.push(...changes.map(textOf));
    this.changes.push(...changes);
  }
  async remove(): Promise<boolean> {
    this.calls.push("remove");
    return true;
  }
  async observe(): Promise<{ tunnels: TunnelObservation[] }> {
    // The packet thread answers later than a client can hang up.
    await sleep(20);
    return { tunnels: this.settings === undefined ? [] : [this.#observation()] };
  }

  #take(what: string, settings: DeviceSettings): TunnelObservation {
    this.calls.push(what);
    if (settings.socket.listenPort === 7) throw new AwgError("host", "taken", { facts: { errno: "EADDRINUSE" } });
    this.settings = settings;
    return this.#observation();
  }

  #observation(): TunnelObservation {
    const peers = (this.settings?.peers ?? []).map((peer) => ({
      publicKey: peer.publicKey,
      allowedIPs: peer.allowedIPs,
      endpoint: { address: Uint8Array.of(203, 0, 113, 9), port: 9, scope: 0 },
      receivedBytes: 5,
      sentBytes: 6,
      lastHandshake: { seconds: 7, nanoseconds: 8 },
      handshakeAttempts: 0,
      droppedQueued: 0,
    }));
    return { name: "t0", listenPort: 4242, peers } as unknown as TunnelObservation;
  }
}

let folder: string;
let server: Server;
let plane: PlaneDouble;
let reports: string[];
let hostReads: number;

beforeEach(async () => {
  folder = temporaryFolder("t-uapi");
  plane = new PlaneDouble();
  reports = [];
  hostReads = 0;
  const session = new UapiSession({
    device: "t0",
    tunFd: 9,
    plane: plane as unknown as DataPlane,
    hostSettings: () => {
      hostReads += 1;
      return { mtuBytes: 1420 };
    },
    report: (line) => reports.push(line),
  });
  server = await serveUapi({ fd: listenOnUnixSocket(join(folder, "s")) }, session);
});
afterEach(() => {
  server.close();
});

/** Sends pieces one after the other and gives what came until so many answers are whole. */
function exchange(pieces: readonly string[], answers = 1): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const socket = createConnection(join(folder, "s"));
  let text = "";
  socket.on("data", (chunk) => {
    text += chunk.toString();
    if (text.split("\n\n").length > answers) socket.end(() => resolve(text));
  });
  socket.on("error", reject);
  socket.on("close", () => resolve(text));
  void (async () => {
    for (const piece of pieces) {
      socket.write(piece);
      await new Promise((done) => setTimeout(done, 10));
    }
  })();
  return promise;
}

const connections = () =>
  new Promise<number>((resolve, reject) => {
    server.getConnections((error, count) => (error === null ? resolve(count) : reject(error)));
  });

describe("the UAPI server", () => {
  test("get returns the settings and the observations", async () => {
    await exchange([`set=1\nprivate_key=${KEY}\npublic_key=${PEER}\nendpoint=192.0.2.1:1\nallowed_ip=10.0.0.0/8\n\n`]);
    const answer = await exchange(["get=1\n\n"]);
    for (const line of ["listen_port=4242", "awg_engine=embedded", `public_key=${PEER}`, "endpoint=203.0.113.9:9"]) {
      expect(answer.split("\n")).toContain(line);
    }
    expect(answer).toMatch(/last_handshake_time_sec=7\n.*tx_bytes=6\nrx_bytes=5\n/s);
    expect(answer.endsWith("errno=0\n\n")).toBe(true);
  });

  test("a request may come in pieces, cut anywhere, and several in one", async () => {
    const text = `set=1\nprivate_key=${KEY}\n\nget=1\n\n`;
    for (const cut of [1, 6, text.indexOf("\n\n") + 1, text.indexOf("\n\n") + 2, text.length - 1]) {
      const answer = await exchange([text.slice(0, cut), text.slice(cut)], 2);
      expect(answer).toMatch(/^errno=0\n\nprivate_key=[\s\S]*errno=0\n\n$/);
    }
  });

  test.each([
    ["one request", `get=1\n\n`, 1],
    ["two", `set=1\nprivate_key=${KEY}\n\nget=1\n\n`, 2],
    ["one and the beginning of another", `get=1\n\nset=1\nprivate_key=`, 1],
    ["none", "", 0],
    ["half a request", "set=1\nprivate_key=", 0],
  ])(
    "a client that says at once that it has no more to say, as nc and socat do, gets what it asked: %s",
    async (_name, text, answers) => {
      const socket = createConnection({ path: join(folder, "s"), allowHalfOpen: true });
      let answer = "";
      socket.on("data", (chunk) => {
        answer += chunk.toString();
      });
      const ended = once(socket, "end");
      socket.end(text);
      await ended;
      expect(answer.split("errno=0\n\n")).toHaveLength(answers + 1);
      await vi.waitFor(async () => {
        expect(await connections()).toBe(0);
      });
    },
  );

  test.each([
    ["an unknown request", "hello\n\n", -71],
    ["an unknown key", "set=1\nfrobnicate=1\n\n", -22],
    ["parameters that cannot be, though no key is there yet", "set=1\njc=4\njmin=80\njmax=40\n\n", -22],
    ["a port that is taken", `set=1\nprivate_key=${KEY}\nlisten_port=7\n\n`, -98],
  ])("%s is answered with its error, and nothing of it is kept", async (_name, text, errno) => {
    expect(await exchange([text])).toBe(`errno=${errno}\n\n`);
    expect(await exchange(["get=1\n\n"])).not.toContain("private_key");
    expect(reports.join()).not.toContain(KEY);
  });

  test("a silent client delays no other", async () => {
    const silent = createConnection(join(folder, "s"));
    silent.write("set=1\nprivate_key=");
    expect(await exchange(["get=1\n\n"])).toContain("errno=0");
    silent.destroy();
  });

  test("a keepalive that is switched on and off in one set makes a session, once, and none stays", async () => {
    const peer = `public_key=${PEER}\nupdate_only=true\n`;
    await exchange([`set=1\nprivate_key=${KEY}\npublic_key=${PEER}\nendpoint=192.0.2.1:1\n\n`]);
    const blink = `set=1\n${peer}persistent_keepalive_interval=25\n${peer}persistent_keepalive_interval=0\n\n`;
    expect(await exchange([blink])).toBe("errno=0\n\n");
    expect(plane.calls).toEqual(["add", "connect"]);
  });

  test("switching on a keepalive creates a session at once, and setting an endpoint again moves the peer back", async () => {
    await exchange([
      `set=1\nprivate_key=${KEY}\npublic_key=${PEER}\nendpoint=192.0.2.1:1\npersistent_keepalive_interval=5\n\n`,
    ]);
    expect(plane.calls).toEqual(["add", "connect"]);
    await exchange([`set=1\npublic_key=${PEER}\nupdate_only=true\nendpoint=192.0.2.1:1\n\n`]);
    expect(plane.calls.slice(2)).toEqual(["set moves"]);
    await exchange([`set=1\npublic_key=${PEER}\npersistent_keepalive_interval=0\n\n`]);
    expect(plane.calls.slice(3)).toEqual(["set"]);
    await exchange([`set=1\npublic_key=${PEER}\npersistent_keepalive_interval=5\n\n`]);
    expect(plane.calls.slice(4)).toEqual(["set", "connect"]);
    await exchange([`set=1\nprivate_key=${"0".repeat(64)}\n\n`]);
    expect(plane.calls.at(-1)).toBe("remove");
  });

  test("a set of one peer touches one of 1,000, and its prefixes only if they change", async () => {
    const keys = Array.from({ length: 1000 }, (_, number) => `bb${number.toString(16).padStart(62, "0")}`);
    const peers = keys.map((key, number) => `public_key=${key}\nallowed_ip=10.0.${number >> 8}.${number & 255}/32\n`);
    await exchange([`set=1\nprivate_key=${KEY}\n${peers.join("")}\n`]);
    await exchange([`set=1\npublic_key=${keys[7]}\nupdate_only=true\nendpoint=192.0.2.1:1\n\n`]);
    await exchange([`set=1\npublic_key=${keys[8]}\nallowed_ip=10.0.0.7/32\n\n`]);
    await exchange([`set=1\npublic_key=${keys[9]}\nremove=true\n\n`]);
    const removal = ["prefixes +0 -1", "remove"];
    expect(plane.calls).toEqual(["add", "set moves", "prefixes +1 -0", ...removal]);
    plane.calls.length = 0;
    await exchange([`set=1\nlisten_port=5\n\n`]);
    expect(plane.calls).toEqual(["configure"]);
    expect(plane.settings).not.toHaveProperty("peers");
  });

  test("a set that changes nothing of its peers does not reach the packet thread", async () => {
    const peer = `public_key=${PEER}\npreshared_key=${KEY}\nreplace_allowed_ips=true\nallowed_ip=10.0.0.0/8\n`;
    await exchange([`set=1\nprivate_key=${KEY}\n${peer}\n`]);
    await exchange([`set=1\nreplace_peers=true\n${peer}\n`]);
    await exchange([`set=1\nprivate_key=${KEY}\n${peer}\n`]);
    expect(plane.calls).toEqual(["add", "configure"]);
  });

  test("the host's settings are read for a change of the device, not for one of a peer", async () => {
    await exchange([`set=1\nprivate_key=${KEY}\npublic_key=${PEER}\n\n`]);
    expect(hostReads).toBe(1);
    await exchange([`set=1\npublic_key=${PEER}\nallowed_ip=10.0.0.0/8\n\n`]);
    await exchange([`set=1\nreplace_peers=true\n\n`]);
    expect(hostReads).toBe(1);
    await exchange(["set=1\nfwmark=7\n\n"]);
    await exchange(["set=1\njc=4\njmin=8\njmax=80\n\n"]);
    expect(hostReads).toBe(3);
  });

  test("a refused set changes no peer and no prefix", async () => {
    await exchange([`set=1\nprivate_key=${KEY}\npublic_key=${PEER}\nallowed_ip=10.0.0.0/8\n\n`]);
    const refused = `set=1\nlisten_port=7\nreplace_peers=true\npublic_key=${"bb".repeat(32)}\nallowed_ip=10.0.0.0/8\n\n`;
    expect(await exchange([refused])).toBe("errno=-98\n\n");
    const answer = await exchange(["get=1\n\n"]);
    expect(answer.match(/public_key=.*|allowed_ip=.*/g)).toEqual([`public_key=${PEER}`, "allowed_ip=10.0.0.0/8"]);
  });
});
