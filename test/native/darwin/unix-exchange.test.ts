import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { DARWIN_ERRNO } from "../../../src/native/darwin/errno.ts";
import { openLibSystem } from "../../../src/native/darwin/libsystem.ffi.ts";
import type { CallResult, LibSystem } from "../../../src/native/darwin/libsystem.ts";
import { darwinUnixExchanges } from "../../../src/native/darwin/unix-exchange.ts";
import { errnoName } from "../../../src/native/linux/errno.ts";
import { temporaryFolder } from "../../support/folder.ts";

const isLinux = process.platform === "linux";
/** Numbers of bsd/sys/socket.h and bsd/sys/un.h, and Linux's for the same. */
const OPTIONS: Readonly<Record<string, number>> = { "65535/4102": 20, "65535/4101": 21 };
const SUN_PATH = 104;

/** A server in a thread of its own, since each call of the exchange is waited for. */
const SERVER = `
  const { createServer } = require("node:net");
  const { parentPort, workerData } = require("node:worker_threads");
  const sockets = new Set();
  const server = createServer((socket) => {
    sockets.add(socket);
    let text = "";
    socket.on("error", () => {});
    socket.on("data", (chunk) => {
      text += chunk;
      if (!text.endsWith("\\n\\n")) return;
      if (text.startsWith("hang up")) socket.end();
      else if (text.startsWith("large")) { socket.write("x".repeat(600000)); setTimeout(() => socket.write("\\n\\n"), 5); }
      else if (!text.startsWith("silence")) socket.write("heard " + text);
    });
  });
  server.listen(workerData, () => parentPort.postMessage("ready"));
  parentPort.on("message", () => { for (const one of sockets) one.destroy(); server.close(() => parentPort.close()); });
`;

let folder: string;
let worker: Worker;
let path: string;

/** What Darwin's calls ask for, carried out by this Linux; anything else is an error of the test. */
function mac(): { readonly system: LibSystem; readonly open: Set<number>; readonly timeouts: number[] } {
  const libc = openLibSystem(null);
  const open = new Set<number>();
  const timeouts: number[] = [];
  const system: LibSystem = {
    ...libc,
    socket: (domain, type, protocol) => {
      expect([domain, type, protocol]).toEqual([1, 1, 0]);
      const made = libc.socket(domain, type, protocol);
      open.add(made.value);
      return made;
    },
    close: (fd) => {
      open.delete(fd);
      return libc.close(fd);
    },
    connect: (fd, address) => {
      expect([address.length, address[0], address[1]]).toEqual([106, 106, 1]);
      expect(address[2 + SUN_PATH - 1]).toBe(0);
      const end = address.indexOf(0, 2);
      return translated(libc.connect(fd, Uint8Array.from([1, 0, ...address.subarray(2, end + 1)])));
    },
    setsockopt: (fd, level, name, value) => {
      expect(value).toHaveLength(16);
      const view = new DataView(value.buffer, value.byteOffset);
      timeouts.push(Number(view.getBigInt64(0, true)) * 1000 + view.getInt32(8, true) / 1000);
      const option = OPTIONS[`${level}/${name}`];
      if (option === undefined) throw new Error(`setsockopt of level ${level} and name ${name}`);
      return libc.setsockopt(fd, 1, option, value);
    },
    getsockopt: (_fd, level, name, buffer) => {
      expect([level, name, buffer.length]).toEqual([0, 1, 76]);
      new DataView(buffer.buffer).setUint32(4, 501, true);
      return { value: 0, errno: 0, length: 76 };
    },
    fcntl: (fd, command, argument) => {
      expect([command, argument]).toEqual([2, 1]);
      return libc.fcntl(fd, command, argument);
    },
    read: (fd, buffer) => translated(libc.read(fd, buffer)),
    write: (fd, bytes) => translated(libc.write(fd, bytes)),
  };
  return { system, open, timeouts };
}

function translated({ value, errno }: CallResult): CallResult {
  if (value !== -1) return { value, errno };
  const found = Object.entries(DARWIN_ERRNO).find(([, [name]]) => name === errnoName(errno));
  if (found === undefined) throw new Error(`Darwin's number of ${errnoName(errno)} is not known here`);
  return { value, errno: Number(found[0]) };
}

function ask(system: LibSystem, request: string, more: { readonly path?: string; readonly timeoutMs?: number } = {}) {
  const answer = darwinUnixExchanges(system).exchange({
    path,
    request: new TextEncoder().encode(request),
    terminator: Uint8Array.of(10, 10),
    maxAnswerBytes: 1024 * 1024,
    timeoutMs: 10_000,
    ...more,
  });
  return new TextDecoder().decode(answer);
}

describe.skipIf(!isLinux)(`UAPI over unix sockets of macOS${isLinux ? "" : " (Linux's C library is below)"}`, () => {
  beforeAll(async () => {
    folder = temporaryFolder("un");
    path = join(folder, "utun7.sock");
    worker = new Worker(SERVER, { eval: true, workerData: path });
    await new Promise((ready, failed) => worker.once("message", ready).once("error", failed));
  });
  afterAll(async () => {
    const gone = new Promise((done) => worker.once("exit", done));
    worker.postMessage("end");
    await gone;
  });

  it("ask and read the whole answer, bounded in time, and leave no socket open", () => {
    const { system, open, timeouts } = mac();
    expect(ask(system, "get=1\n\n", { timeoutMs: 10_250 })).toBe("heard get=1\n\n");
    expect(timeouts).toEqual([10_250, 10_250]);
    expect(ask(system, "large\n\n")).toHaveLength(600_002);
    expect(open.size).toBe(0);
  });

  it("look who listens before anything is said", () => {
    const { system, open } = mac();
    const peers: number[] = [];
    const refuse = ({ uid }: { readonly uid: number }) => {
      peers.push(uid);
      throw new Error("not to be told");
    };
    const exchange = {
      path,
      request: Uint8Array.of(1),
      terminator: Uint8Array.of(10),
      maxAnswerBytes: 9,
      timeoutMs: 1,
    };
    expect(() => darwinUnixExchanges(system).exchange({ ...exchange, checkPeer: refuse })).toThrow("not to be told");
    expect([peers, open.size]).toEqual([[501], 0]);
  });

  it("name the error: no listener, connection closed, silence, path too long", () => {
    const { system, open } = mac();
    const facts = (errno: string) => expect.objectContaining({ facts: { errno } });
    expect(() => ask(system, "x", { path: join(folder, "none.sock") })).toThrowError(facts("ENOENT"));
    expect(() => ask(system, "hang up\n\n")).toThrowError(facts("ECONNRESET"));
    expect(() => ask(system, "silence\n\n", { timeoutMs: 20 })).toThrowError(facts("EAGAIN"));
    expect(() => ask(system, "x", { path: `/${"n".repeat(104)}` })).toThrowError(/too long: a unix socket takes 103/);
    expect(open.size).toBe(0);
  });

  it("report whether a program listens", () => {
    const { system } = mac();
    const { isLive } = darwinUnixExchanges(system);
    expect([isLive(path), isLive(join(folder, "none.sock")), isLive(join(path, "below"))]).toEqual([
      true,
      false,
      false,
    ]);
  });
});
