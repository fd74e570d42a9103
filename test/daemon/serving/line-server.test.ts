import { statSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, expect, test } from "vitest";
import { serveLines } from "../../../src/daemon/serving/line-server.ts";
import { LogLevels } from "../../../src/daemon/serving/log-levels.ts";
import { Published } from "../../../src/daemon/serving/published.ts";
import { temporaryFolder } from "../../support/folder.ts";

const folder = temporaryFolder("line-server");
let count = 0;
const opened: Socket[] = [];
afterEach(() => {
  for (const socket of opened.splice(0)) socket.destroy();
});

/** A server that admits everybody as this user, over what a daemon published. */
async function serve(uid = 1000, status: () => Promise<unknown> = async () => ({ generation: 1 })) {
  count += 1;
  const path = join(folder, `s${count}`);
  const published = new Published(0, status, new LogLevels("debug"));
  const server = await serveLines({
    sockets: [{ path }],
    admit: () => ({ uid, groups: [] }),
    converse: (send) => published.converse(send, "viewer"),
  });
  return { path, published, server };
}

function open(path: string): { socket: Socket; lines: Record<string, unknown>[]; closed: Promise<void> } {
  const socket = connect(path);
  opened.push(socket);
  const lines: Record<string, unknown>[] = [];
  let rest = "";
  socket.setEncoding("utf8").on("data", (text: string) => {
    const parts = `${rest}${text}`.split("\n");
    rest = parts.pop() ?? "";
    lines.push(...parts.map((line) => JSON.parse(line) as Record<string, unknown>));
  });
  const closed = new Promise<void>((resolve) => socket.on("error", () => {}).once("close", () => resolve()));
  return { socket, lines, closed };
}

async function until(holds: () => boolean): Promise<void> {
  for (let look = 0; look < 500; look += 1) {
    if (holds()) return;
    await sleep(10);
  }
  throw new Error("it did not come about");
}

test("answers state and status, and says what is wrong with a question", async () => {
  const { path, published, server } = await serve();
  await using _server = server;
  published.note({ type: "inSync" });
  const { socket, lines } = open(path);
  socket.write('{"id":7,"ask":"state"}\n{"id":8,"ask":"status"}\n{"id":9,"ask":"apply"}\nnonsense\n');
  await until(() => lines.length === 4);
  expect(lines.find(({ id }) => id === 7)).toMatchObject({ answer: { pid: process.pid, doing: { phase: "in-sync" } } });
  expect(lines.find(({ id }) => id === 8)).toEqual({ id: 8, answer: { generation: 1 } });
  expect(lines.filter(({ error }) => error !== undefined).map(({ error }) => error)).toEqual([
    "ask one of state, status, watch, log-level",
    "a question is one line of JSON",
  ]);
});

test("a watch begins with a snapshot, brings each event, and continues without a gap", async () => {
  const { path, published, server } = await serve();
  await using _server = server;
  const first = open(path);
  first.socket.write('{"id":1,"ask":"watch"}\n');
  await until(() => first.lines.some((line) => "caughtUp" in line));
  expect(first.lines[0]).toMatchObject({ id: 1, snapshot: { status: { generation: 1 } } });
  published.note({ type: "woken", reasons: ["routes"] });
  await until(() => first.lines.some(({ event }) => (event as { type?: string } | undefined)?.type === "woken"));
  const place = String(first.lines.at(-1)?.["place"]);
  first.socket.destroy();
  published.note({ type: "applied", keys: ["link/office"] });
  const second = open(path);
  second.socket.write(`${JSON.stringify({ id: 2, ask: "watch", after: place })}\n`);
  await until(() => second.lines.some((line) => "caughtUp" in line));
  expect(second.lines.filter(({ event }) => event !== undefined).map(({ event }) => event)).toMatchObject([
    { type: "applied", keys: ["link/office"] },
  ]);
  expect(second.lines.some((line) => "snapshot" in line)).toBe(false);
});

test("one user cannot take the places of another, nor hold one in silence", { timeout: 20_000 }, async () => {
  const { path, server } = await serve();
  await using _server = server;
  const silent = Array.from({ length: 33 }, () => open(path));
  await silent[32]?.closed;
  expect(silent.slice(0, 32).every(({ socket }) => !socket.destroyed)).toBe(true);
  await Promise.all(silent.map(({ closed }) => closed));
  const next = open(path);
  next.socket.write('{"id":1,"ask":"state"}\n');
  await until(() => next.lines.length === 1);
});

test("a client that does not read is cut, and so is one that sends too long a question", async () => {
  const { path, published, server } = await serve();
  await using _server = server;
  const slow = open(path);
  slow.socket.write('{"id":1,"ask":"watch"}\n');
  await until(() => slow.lines.some((line) => "caughtUp" in line));
  slow.socket.pause();
  const text = "x".repeat(60_000);
  for (let sent = 0; sent < 100; sent += 1) published.note({ type: "problem", text });
  slow.socket.resume();
  await slow.closed;
  const long = open(path);
  long.socket.write("x".repeat(70_000));
  await long.closed;
});

test("the questions of a user who asks too many wait", async () => {
  const { path, server } = await serve();
  await using _server = server;
  const greedy = open(path);
  const began = performance.now();
  greedy.socket.write('{"id":1,"ask":"state"}\n'.repeat(300));
  await until(() => greedy.lines.length === 300);
  // 200 at once, and then 200 a second.
  expect(performance.now() - began).toBeGreaterThan(450);
});

test("a client that waits behind its user's other questions is not taken for silent", async () => {
  const { path, server } = await serve();
  await using _server = server;
  const clients = Array.from({ length: 32 }, () => open(path));
  for (const { socket } of clients) socket.write('{"id":1,"ask":"state"}\n'.repeat(100));
  await sleep(2_500);
  expect(clients.filter(({ socket, lines }) => socket.destroyed && lines.length < 100)).toEqual([]);
});

test("a refused client is closed after a moment, so that a loop of it costs little", async () => {
  const { path, server } = await serve();
  await using _server = server;
  for (let place = 0; place < 32; place += 1) open(path);
  await sleep(20);
  const began = performance.now();
  await open(path).closed;
  expect(performance.now() - began).toBeGreaterThan(200);
});

test("others may not connect to a socket without a group, and new files are as before", async () => {
  const before = process.umask();
  const { path, server } = await serve();
  await using _server = server;
  expect(statSync(path).mode & 0o777).toBe(0o600);
  expect(process.umask()).toBe(before);
});

test("who is not admitted gets nothing", async () => {
  const path = join(folder, "closed");
  await using _server = await serveLines({
    sockets: [{ path }],
    admit: () => undefined,
    converse: () => {
      throw new Error("it was let in");
    },
  });
  const { socket, lines, closed } = open(path);
  socket.write('{"id":1,"ask":"state"}\n');
  await closed;
  expect(lines).toEqual([]);
});
