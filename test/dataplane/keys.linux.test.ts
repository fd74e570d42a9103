import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { createConnection, type Socket } from "node:net";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { searchMemory } from "../hostile/secrets/process-memory.ts";
import { temporaryFolder } from "../support/folder.ts";
import { type UtunPair, utunPair } from "./darwin/utun-pair.ts";
import { publicKeyOf, until } from "./support/engines.ts";

const SCRIPT = fileURLToPath(new URL("../keeper/darwin/engine.script.ts", import.meta.url));
const obstacle = process.platform !== "linux" ? "needs Linux" : process.getuid?.() === 0 ? undefined : "needs root";
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");
const PEER = hex(publicKeyOf(77));

/** A key as X25519 takes it: no other form of it is made (RFC 7748 section 5). */
function newKey(): Uint8Array {
  const key = new Uint8Array(randomBytes(32));
  key[0] = (key[0] as number) & 248;
  key[31] = ((key[31] as number) & 127) | 64;
  return key;
}

describe.skipIf(obstacle !== undefined)(`keys in the memory of an engine${obstacle ? ` (${obstacle})` : ""}`, () => {
  let folder: string;
  let device: UtunPair;
  let engine: ChildProcess;

  beforeEach(() => {
    folder = temporaryFolder("t-keys");
    device = utunPair();
    const stdio = ["ignore" as const, "ignore" as const, "ignore" as const, device.fd];
    engine = spawn(process.execPath, [SCRIPT, join(folder, "s"), "t0"], { stdio });
  });
  afterEach(() => {
    engine?.kill("SIGKILL");
    device?.[Symbol.dispose]();
  });

  /** As the keeper does: one request a connection. */
  async function tell(...lines: readonly string[]): Promise<string> {
    const socket = await until("the engine's socket", connected);
    socket.end(`${lines.join("\n")}\n\n`);
    return text(socket);
  }

  /** The file is there before the engine listens: whoever comes between is refused (unix(7)). */
  async function connected(): Promise<Socket | undefined> {
    const socket = createConnection(join(folder, "s"));
    try {
      await once(socket, "connect");
      return socket;
    } catch {
      return undefined;
    }
  }
  const found = <Name extends string>(keys: Readonly<Record<Name, Uint8Array>>) => searchMemory(engine.pid ?? 0, keys);

  it("are there while they are held, and nowhere once they were replaced, refused or taken away", async () => {
    const [first, second, refused, psk, other] = [newKey(), newKey(), newKey(), newKey(), newKey()];
    const all = { first, second, refused, psk, other };
    const peer = [`public_key=${PEER}`, "endpoint=127.0.0.1:9"];
    expect(await tell("set=1", `private_key=${hex(first)}`, ...peer, `preshared_key=${hex(psk)}`)).toBe("errno=0\n\n");
    const { first: firstHeld, psk: pskHeld, second: secondHeld } = found(all);
    expect([firstHeld > 0, pskHeld > 0, secondHeld]).toEqual([true, true, 0]);
    expect(await tell("set=1", `private_key=${hex(refused)}`, "listen_port=nonsense")).toBe("errno=-22\n\n");
    expect(await tell("set=1", `private_key=${hex(second)}`, ...peer, `preshared_key=${hex(other)}`)).toBe(
      "errno=0\n\n",
    );
    expect(await tell("set=1", `public_key=${PEER}`, "remove=true")).toBe("errno=0\n\n");
    expect(await tell("set=1", `private_key=${"0".repeat(64)}`)).toBe("errno=0\n\n");
    expect(found(all)).toEqual({ first: 0, second: 0, refused: 0, psk: 0, other: 0 });
  });
});
