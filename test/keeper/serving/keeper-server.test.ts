import { spawnSync } from "node:child_process";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type KeeperServer, serveKeeper } from "../../../src/keeper/serving/keeper-server.ts";
import { type KeeperRequest, renderKeeperRequest } from "../../../src/model/keeper-protocol.ts";
import { temporaryFolder } from "../../support/folder.ts";

const SEND_AND_GO = `const socket = require("node:net").connect(process.argv[1]);
socket.write(process.argv[2], () => socket.destroy());`;

const closing = (device: string): KeeperRequest => ({ request: "closeDevice", device });

let folder: string;
let path: string;
let server: KeeperServer;
let done: string[];
/** What the work on the first device waits for. */
let finish: () => void;

beforeEach(async () => {
  folder = temporaryFolder("t-served");
  path = join(folder, "socket");
  done = [];
  const finished = new Promise<void>((resolve) => {
    finish = resolve;
  });
  const answer = async (request: KeeperRequest) => {
    const device = "device" in request ? request.device : "";
    done.push(device);
    if (device === "long") await finished;
    return { version: 1, pid: process.pid, devices: [], tables: [] } as const;
  };
  server = await serveKeeper(path, answer, () => 0);
});
afterEach(async () => {
  await server.close();
});

function ask(request: KeeperRequest): { readonly socket: Socket; readonly answer: Promise<string> } {
  const socket = connect(path);
  socket.write(renderKeeperRequest(request));
  const answer = new Promise<string>((resolve) => socket.once("data", (bytes: Buffer) => resolve(String(bytes))));
  return { socket, answer };
}

describe("law 1: what was asked by who has gone is not done", () => {
  test("while the keeper was stopped: the sender gave up and reported that nothing was changed", async () => {
    // Nothing else happens in this process meanwhile, as in one that was stopped.
    const { status } = spawnSync(process.execPath, ["-e", SEND_AND_GO, path, renderKeeperRequest(closing("late"))]);
    expect(status).toBe(0);
    const { socket, answer } = ask(closing("asked"));
    expect(await answer).toContain('"ok":true');
    socket.end();
    expect(done).toEqual(["asked"]);
  });

  test("while the keeper did something else", async () => {
    const long = ask(closing("long"));
    await expect.poll(() => done).toEqual(["long"]);
    const gone = ask(closing("late"));
    await expect.poll(() => server.clients).toBe(2);
    gone.socket.destroy();
    await expect.poll(() => server.clients).toBe(1);
    const last = ask(closing("asked"));
    finish();
    expect(await last.answer).toContain('"ok":true');
    for (const { socket } of [long, last]) socket.end();
    expect(done).toEqual(["long", "asked"]);
  });
});

describe("law 1: a keeper that ends", () => {
  test("does not wait for a client that keeps its end open", async () => {
    const stopped = connect({ path, allowHalfOpen: true });
    await expect.poll(() => server.clients).toBe(1);
    await server.close();
    stopped.destroy();
  });

  test("finishes the current request and starts none without a waiting client", async () => {
    const long = ask(closing("long"));
    await expect.poll(() => done).toEqual(["long"]);
    const later = connect(path);
    later.write(renderKeeperRequest(closing("later")));
    await expect.poll(() => server.clients).toBe(2);
    const closed = server.close();
    finish();
    expect(await long.answer).toContain('"ok":true');
    await closed;
    for (const socket of [long.socket, later]) socket.destroy();
    expect(done).toEqual(["long"]);
  });
});
