import { existsSync, readFileSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { darwinLinks } from "../../../src/host/darwin/links/darwin-links.ts";
import { type KeeperHolder, keeperHolder } from "../../../src/host/darwin/links/keeper-holder.ts";
import { runUtunKeeper } from "../../../src/keeper/darwin/run-utun-keeper.ts";
import { keeperPaths } from "../../../src/model/keeper-protocol.ts";
import { FakeLibSystem } from "../../host/darwin/fake/fake-libsystem.ts";
import { type FakeMachine, macBook } from "../../host/darwin/fake/machine.ts";
import { temporaryFolder } from "../../support/folder.ts";

const OFFICE = {
  device: "awg-office",
  type: "tun",
  addresses: ["10.8.0.2/32"],
  mtuBytes: 1420,
  tunnel: "office",
} as const;
const ends: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const end of ends.splice(0)) await end();
});

interface World {
  readonly machine: FakeMachine;
  readonly keeper: FakeLibSystem;
  readonly holder: KeeperHolder;
  readonly folder: string;
  readonly end: () => Promise<void>;
}

/** A keeper in this process over a double of macOS, and a client that reaches it through a real unix socket. */
async function world(peer: { readonly keeperSees?: number; readonly clientSees?: number } = {}): Promise<World> {
  const folder = temporaryFolder("utun");
  const machine = macBook();
  const keeper = new FakeLibSystem(machine, { pid: 77, uid: 0 });
  const stop = new AbortController();
  const nameFolder = join(folder, "names");
  const done = runUtunKeeper({
    system: keeper,
    runDir: folder,
    nameFolder,
    ended: stop.signal,
    report: () => {},
    peerUid: () => peer.keeperSees ?? 0,
  });
  const paths = keeperPaths(folder, 0);
  const holder = keeperHolder({
    paths,
    nameFolder,
    command: ["/nothing/to/start"],
    peerUid: () => peer.clientSees ?? 0,
  });
  const end = async () => {
    stop.abort();
    await done;
  };
  ends.push(async () => {
    await end();
    rmSync(folder, { recursive: true, force: true });
  });
  await until(() => existsSync(paths.socket));
  return { machine, keeper, holder, folder, end };
}

async function until(holds: () => boolean): Promise<void> {
  const deadline = Date.now() + 30_000;
  while (!holds()) {
    if (Date.now() > deadline) throw new Error("waited 30 s in vain");
    await new Promise((resume) => setTimeout(resume, 5));
  }
}

describe("the keeper of a Mac (over the double of libSystem)", () => {
  it("holds an interface for a client that goes, and writes its name for wg", async () => {
    const { holder, machine, folder, keeper } = await world();
    expect(await holder.hold("awg-office")).toBe("utun1");
    expect(await holder.hold("awg-office")).toBe("utun1");
    expect(await holder.hold("awg-home")).toBe("utun2");
    expect(readFileSync(join(folder, "names", "office.name"), "utf8")).toBe("utun1\n");
    expect(await holder.held()).toEqual(
      new Map([
        ["awg-office", "utun1"],
        ["awg-home", "utun2"],
      ]),
    );
    expect(keeper.openDescriptors).toHaveLength(2);
    await holder.release("awg-office");
    await holder.release("awg-office");
    expect(machine.interfaceNamed("utun1")).toBeUndefined();
    expect(existsSync(join(folder, "names", "office.name"))).toBe(false);
    expect(await holder.held()).toEqual(new Map([["awg-home", "utun2"]]));
  });

  it("one of a stated number is that one; of a number that another has, it says so and what to do", async () => {
    const { holder, machine, folder } = await world();
    expect(await holder.hold("awg-office", 9)).toBe("utun9");
    expect(readFileSync(join(folder, "names", "office.name"), "utf8")).toBe("utun9\n");
    await holder.hold("awg-home");
    expect(await holder.stated()).toEqual(new Set(["awg-office"]));
    machine.addInterface("utun12", 1, 0x8051, 1380);
    await expect(holder.hold("awg-other", 12)).rejects.toMatchObject({
      kind: "conflict",
      message: "making utun12 failed: another program has that interface (EBUSY)",
      remedy: expect.stringContaining("another interface number"),
    });
    await expect(holder.hold("awg-other", 1.5)).rejects.toMatchObject({ kind: "host" });
    await holder.release("awg-office");
    expect([machine.interfaceNamed("utun9"), await holder.stated()]).toEqual([undefined, new Set()]);
  });

  it("carries a whole link: another process sets addresses and mtu on what the keeper holds", async () => {
    const { holder, machine } = await world();
    const links = darwinLinks({ system: new FakeLibSystem(machine), holder });
    await links.ensure(OFFICE);
    expect((await links.read()).find(({ device }) => device === "awg-office")).toMatchObject({
      mtuBytes: 1420,
      addresses: ["10.8.0.2/32"],
      tunnel: "office",
    });
    await links.remove("awg-office");
    expect((await links.read()).some(({ tunnel }) => tunnel !== undefined)).toBe(false);
  });

  it("its end removes its interfaces, and another program's utun of the same unit is not used as ours", async () => {
    const { holder, machine, end } = await world();
    await holder.hold("awg-office");
    await end();
    expect(machine.interfaceNamed("utun1")).toBeUndefined();
    machine.addInterface("utun1", 1, 0x8051, 1380);
    expect(await holder.held()).toEqual(new Map());
  });

  it("keeps what it is armed with across its end", async () => {
    const { holder, folder } = await world();
    const deadlineMs = Number.MAX_SAFE_INTEGER;
    await holder.request({ request: "armWatchdog", watch: { deadlineMs, command: ["/usr/bin/true"] } });
    expect(await holder.status()).toMatchObject({ watchdog: { deadlineMs } });
    expect(existsSync(join(folder, "keeper-0", "watchdog"))).toBe(true);
    await holder.request({ request: "disarmWatchdog" });
    expect(await holder.status()).not.toHaveProperty("watchdog");
  });

  it("says of what only Linux has that it cannot", async () => {
    const { holder } = await world();
    const asked = holder.request({ request: "nftTransaction", changes: [] });
    await expect(asked).rejects.toMatchObject({ kind: "unsupported" });
  });

  it("accepts requests from root and its own user only", async () => {
    const { holder, folder } = await world({ keeperSees: 4_000_000 });
    expect(await holder.status()).toBeUndefined();
    const socket = connect(keeperPaths(folder, 0).socket);
    const closed = new Promise<boolean>((resolve) => socket.on("close", () => resolve(true)));
    socket.on("error", () => {});
    socket.write('{"version":1,"request":"status"}\n');
    expect(await closed).toBe(true);
  });

  it("is not trusted when another user serves its socket", async () => {
    const { holder } = await world({ clientSees: 4_000_000 });
    await expect(holder.status()).rejects.toMatchObject({ kind: "permission" });
  });

  it("a second one ends at once", async () => {
    const { folder, keeper } = await world();
    await runUtunKeeper({ system: keeper, runDir: folder, nameFolder: join(folder, "names"), report: () => {} });
  });

  it("reading what no keeper holds starts nothing", async () => {
    const { holder, end, folder } = await world();
    await end();
    expect(await holder.held()).toEqual(new Map());
    await holder.release("awg-office");
    expect(existsSync(join(folder, "keeper-0", "log"))).toBe(false);
  });
});
