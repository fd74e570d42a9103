import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer, type Socket } from "node:net";
import { join } from "node:path";
import { expect, test } from "vitest";
import { readPeerGroups } from "../../../../src/native/linux/process/unix-socket.ffi.ts";
import { temporaryFolder } from "../../../support/folder.ts";
import { commandObstacle } from "../../../support/netns.ts";

const GROUPS = Array.from({ length: 300 }, (_, index) => 30_000 + index);
const obstacle = process.getuid?.() === 0 ? commandObstacle("setpriv") : "needs root";

test.skipIf(obstacle !== undefined)(`the groups of a peer in very many are read${obstacle ?? ""}`, async () => {
  const path = join(temporaryFolder("groups"), "socket");
  const server = createServer().listen(path);
  const accepted = once(server, "connection");
  const words = [`--groups=${GROUPS.join(",")}`, process.execPath, "-e", `require("node:net").connect("${path}")`];
  const peer = spawn("setpriv", words, { stdio: "ignore" });
  try {
    const [socket] = (await accepted) as [Socket & { readonly _handle: { readonly fd: number } }];
    expect(readPeerGroups(socket._handle.fd)).toEqual(GROUPS);
    socket.destroy();
  } finally {
    peer.kill();
    server.close();
  }
});
