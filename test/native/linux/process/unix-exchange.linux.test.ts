import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer, type Socket } from "node:net";
import { join } from "node:path";
import { expect, test, vi } from "vitest";
import { AwgError } from "../../../../src/model/error.ts";
import { beginUnixExchange, exchangeOverUnixSocket } from "../../../../src/native/linux/process/unix-exchange.ffi.ts";
import { temporaryFolder } from "../../../support/folder.ts";

test("a question that is never answered is waited for as long as its asker says, whatever others took before it", async () => {
  const folder = temporaryFolder("mute");
  const path = join(folder, "mute.sock");
  const mute = createServer();
  await new Promise<void>((resolve) => mute.listen(path, resolve));
  try {
    const exchange = { path, request: Uint8Array.of(1), terminator: Uint8Array.of(10), maxAnswerBytes: 64 };
    using asked = beginUnixExchange({ ...exchange, timeoutMs: 3_600_000 });
    // With its own hour this would not end.
    let thrown: unknown;
    try {
      asked.receive(10);
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(AwgError);
    expect((thrown as AwgError).facts["errno"]).toBe("ETIMEDOUT");
  } finally {
    mute.close();
  }
});

test("a reply that ends after the time limit is read whole by the next call", async () => {
  const folder = temporaryFolder("slow");
  const path = join(folder, "slow.sock");
  const slow = createServer();
  const accepted = once(slow, "connection");
  await new Promise<void>((resolve) => slow.listen(path, resolve));
  try {
    const exchange = { path, request: Uint8Array.of(1), terminator: Uint8Array.of(10), maxAnswerBytes: 64 };
    using asked = beginUnixExchange({ ...exchange, timeoutMs: 3_600_000 });
    const [connection] = (await accepted) as [Socket];
    await new Promise((resolve) => connection.write("half ", resolve));
    expect(() => asked.receive(10)).toThrow(AwgError);
    await new Promise((resolve) => connection.write("and half\n", resolve));
    expect(new TextDecoder().decode(asked.receive(10))).toBe("half and half\n");
    connection.destroy();
  } finally {
    slow.close();
  }
});

test("an answer that comes byte by byte and has no end is waited for no longer than its asker says", async () => {
  const folder = temporaryFolder("dripping");
  const path = join(folder, "dripping.sock");
  // In a process of its own: who asks does nothing else meanwhile.
  const serve = `require("node:net").createServer((one) => {
    one.on("error", () => {});
    setInterval(() => one.write("a"), 20);
  }).listen(${JSON.stringify(path)}, () => process.stdout.write("listening"))`;
  const dripping = spawn(process.execPath, ["-e", serve], { stdio: ["ignore", "pipe", "inherit"] });
  try {
    await once(dripping.stdout, "data");
    const exchange = { path, request: Uint8Array.of(1), terminator: Uint8Array.of(10), maxAnswerBytes: 200 };
    let thrown: unknown;
    try {
      exchangeOverUnixSocket({ ...exchange, timeoutMs: 100 });
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(AwgError);
    expect((thrown as AwgError).facts["errno"]).toBe("ETIMEDOUT");
  } finally {
    dripping.kill();
  }
});

test("a reply that has arrived is read, however long its reader was not running", async () => {
  const folder = temporaryFolder("prompt");
  const path = join(folder, "prompt.sock");
  const prompt = createServer();
  const accepted = once(prompt, "connection");
  await new Promise<void>((resolve) => prompt.listen(path, resolve));
  try {
    const exchange = { path, request: Uint8Array.of(1), terminator: Uint8Array.of(10), maxAnswerBytes: 64 };
    using asked = beginUnixExchange({ ...exchange, timeoutMs: 10 });
    const [connection] = (await accepted) as [Socket];
    connection.resume();
    await new Promise((resolve) => connection.write("here it is\n", resolve));
    let nowNs = 0n;
    // Each look at the clock is a second after the one before.
    vi.spyOn(process.hrtime, "bigint").mockImplementation(() => (nowNs += 1_000_000_000n));
    expect(new TextDecoder().decode(asked.receive())).toBe("here it is\n");
    connection.destroy();
  } finally {
    vi.restoreAllMocks();
    prompt.close();
  }
});
