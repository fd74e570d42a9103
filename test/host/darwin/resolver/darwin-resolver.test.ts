import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  watch,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, test } from "vitest";
import { darwinResolver } from "../../../../src/host/darwin/resolver/darwin-resolver.ts";
import { darwinResolverEvents } from "../../../../src/host/darwin/resolver/resolver-events.ts";
import { DNS_KEY } from "../../../../src/host/darwin/resolver/scutil.ts";
import type { NetworkEvent } from "../../../../src/host/ports/network-events.ts";
import type { ResolverPort } from "../../../../src/host/ports/resolver.ts";
import type { ResolverSpec } from "../../../../src/model/resources/resolver.ts";
import { temporaryFolder } from "../../../support/folder.ts";
import { macBook } from "../fake/machine.ts";
import { FakePrograms } from "../fake/programs/fake-programs.ts";
import { FakeStore, fakeScutil } from "../fake/programs/fake-scutil.ts";

const SPEC: ResolverSpec = {
  method: "dynamic-store",
  servers: ["10.8.0.1", "fd00:8::1"],
  search: [],
  device: "",
};
const SPLIT: ResolverSpec = {
  ...SPEC,
  split: { "corp.example": ["10.0.0.53"], "lab.example": ["10.1.0.53", "fd01::53"] },
};
const DONE = { status: 0, stdout: "", stderr: "" };
const BOUND_MS = 30_000;

let root: string;
let store: FakeStore;

beforeEach(() => {
  root = temporaryFolder("dns");
  mkdirSync(join(root, "etc"));
  mkdirSync(join(root, "private/var/run"), { recursive: true });
  writeFileSync(join(root, "private/var/run/resolv.conf"), "nameserver 192.168.1.1\n");
  store = new FakeStore();
});

function awg(uid = 0): { readonly resolver: ResolverPort; readonly runs: readonly string[] } {
  const programs = new FakePrograms(macBook(), { pid: 4242, uid });
  programs.install("/usr/sbin/scutil", (command, isRoot) => fakeScutil(store, command, isRoot));
  programs.install("/usr/bin/dscacheutil", () => DONE);
  programs.install("/usr/bin/killall", () => DONE);
  return { resolver: darwinResolver({ run: programs.run, stateDir: join(root, "state"), root }), runs: programs.runs };
}

const folder = () => join(root, "etc/resolver");
const flushes = (runs: readonly string[]) => runs.filter((run) => !run.startsWith("/usr/sbin/scutil"));

describe("H3: the system resolver of a Mac", () => {
  test("is a key of our own for all names; the system's keys stay as they are", async () => {
    const { resolver, runs } = awg();
    const before = new Map(store.keys);
    expect(await resolver.read()).toEqual({ ...SPEC, servers: ["192.168.1.1"], ownedByAwg: false });
    await resolver.ensure(SPEC);
    expect(await resolver.read()).toEqual({ ...SPEC, ownedByAwg: true });
    expect(store.keys.get(DNS_KEY)).toEqual(
      new Map<string, unknown>([
        ["ServerAddresses", SPEC.servers],
        ["SupplementalMatchDomains", [""]],
        ["SearchOrder", 100_000],
      ]),
    );
    expect(flushes(runs)).toEqual(["/usr/bin/dscacheutil -flushcache", "/usr/bin/killall -HUP mDNSResponder"]);
    await resolver.restore();
    expect(store.keys).toEqual(before);
    expect(await resolver.read()).toMatchObject({ ownedByAwg: false });
  });

  test("law 3: done twice it is done once, and nothing is flushed again", async () => {
    const { resolver, runs } = awg();
    await resolver.ensure(SPLIT);
    const files = readdirSync(folder()).map((name) => statSync(join(folder(), name)).ino);
    const flushed = flushes(runs).length;
    await resolver.ensure(SPLIT);
    expect(readdirSync(folder()).map((name) => statSync(join(folder(), name)).ino)).toEqual(files);
    expect(flushes(runs)).toHaveLength(flushed);
    await resolver.restore();
    await resolver.restore();
    expect(flushes(runs)).toHaveLength(flushed * 2);
  });

  test("single domains have files of ours, which go with the domain; the folder goes with the last if it was ours", async () => {
    const { resolver } = awg();
    await resolver.ensure(SPLIT);
    expect(await resolver.read()).toEqual({ ...SPLIT, ownedByAwg: true });
    expect(readFileSync(join(folder(), "lab.example"), "utf8").split("\n").slice(1)).toEqual([
      "nameserver 10.1.0.53",
      "nameserver fd01::53",
      "",
    ]);
    await resolver.ensure({ ...SPEC, split: { "corp.example": ["10.0.0.54"] } });
    expect((await resolver.read()).split).toEqual({ "corp.example": ["10.0.0.54"] });
    await resolver.restore();
    expect([existsSync(folder()), readdirSync(join(root, "etc"))]).toEqual([false, []]);
  });

  test("only single domains: the key of all names is not ours to have", async () => {
    const { resolver } = awg();
    await resolver.ensure(SPLIT);
    const only = { ...SPLIT, servers: [] };
    await resolver.ensure(only);
    expect([store.keys.has(DNS_KEY), await resolver.read()]).toEqual([false, { ...only, ownedByAwg: true }]);
  });

  test.each([
    ["a file", () => writeFileSync(join(folder(), "corp.example"), "nameserver 192.0.2.1\n")],
    ["a link", () => symlinkSync("/etc/hosts", join(folder(), "corp.example"))],
    ["a folder", () => mkdirSync(join(folder(), "corp.example"))],
  ])("law 6: %s of somebody else's in the way is a conflict, and nothing is changed", async (_name, make) => {
    mkdirSync(folder());
    make();
    writeFileSync(join(folder(), "other.example"), "nameserver 192.0.2.2\n");
    const { resolver } = awg();
    await expect(resolver.ensure(SPLIT)).rejects.toMatchObject({ kind: "conflict" });
    expect([readdirSync(folder()), store.keys.has(DNS_KEY)]).toEqual([["corp.example", "other.example"], false]);
    await resolver.restore();
    expect(readdirSync(folder())).toEqual(["corp.example", "other.example"]);
  });

  test.each([
    ["gone, as after configd was started anew", () => store.keys.delete(DNS_KEY), { ownedByAwg: false }],
    [
      "with other servers",
      () => store.keys.set(DNS_KEY, new Map([...(store.keys.get(DNS_KEY) ?? []), ["ServerAddresses", ["192.0.2.9"]]])),
      { servers: ["192.0.2.9"], ownedByAwg: true },
    ],
    [
      "for one domain instead of all",
      () =>
        store.keys.set(
          DNS_KEY,
          new Map([...(store.keys.get(DNS_KEY) ?? []), ["SupplementalMatchDomains", ["x.example"]]]),
        ),
      { servers: [], ownedByAwg: true },
    ],
  ])("our key %s: seen, and put right", async (_name, meddle, seen) => {
    const { resolver } = awg();
    await resolver.ensure(SPEC);
    meddle();
    expect(await resolver.read()).toMatchObject(seen);
    await resolver.ensure(SPEC);
    expect(await resolver.read()).toEqual({ ...SPEC, ownedByAwg: true });
  });

  test("the primary service changes: our key is beside it, and nothing is left to do", async () => {
    const { resolver, runs } = awg();
    await resolver.ensure(SPEC);
    store.keys.set("State:/Network/Global/DNS", new Map([["ServerAddresses", ["172.20.10.1"]]]));
    expect(await resolver.read()).toEqual({ ...SPEC, ownedByAwg: true });
    const before = flushes(runs).length;
    await resolver.ensure(SPEC);
    expect(flushes(runs)).toHaveLength(before);
  });

  test("what scutil refuses it says on standard output with exit 0: it is an error all the same", async () => {
    const { resolver } = awg(501);
    await expect(resolver.ensure(SPEC)).rejects.toMatchObject({ kind: "permission" });
    expect(await resolver.read()).toMatchObject({ ownedByAwg: false });
  });

  test("another method is not macOS's", async () => {
    await expect(awg().resolver.ensure({ ...SPEC, method: "file" })).rejects.toMatchObject({ kind: "unsupported" });
  });
});

describe("changes of the resolver by others", () => {
  const events: NetworkEvent[] = [];
  const resolvConf = () => join(root, "private/var/run/resolv.conf");

  /** What configd does when a key came or went. */
  function configure(servers: readonly string[]): void {
    writeFileSync(resolvConf(), servers.map((server) => `nameserver ${server}\n`).join(""));
  }

  beforeEach(() => {
    events.length = 0;
    mkdirSync(folder());
  });

  test("are reported; our own are not", async () => {
    const { resolver } = awg();
    await using _watching = darwinResolverEvents(root).watch((event) => events.push(event));
    await resolver.ensure(SPLIT);
    configure(SPEC.servers);
    await allTold();
    expect(events).toEqual([]);
    configure(["192.0.2.66"]);
    await until(() => events.some(({ what }) => what === "the system resolver"));
    rmSync(join(folder(), "corp.example"));
    await until(() => events.some(({ what }) => what === "/etc/resolver"));
  });

  test.each<[string, (resolver: ResolverPort) => Promise<void>]>([
    ["all of it", (resolver) => resolver.restore()],
    ["the servers for all names", (resolver) => resolver.ensure({ ...SPLIT, servers: [] })],
  ])("what awg takes back is its own work, too: %s", async (_name, takeBack) => {
    const { resolver } = awg();
    await resolver.ensure(SPLIT);
    configure(SPEC.servers);
    await using _watching = darwinResolverEvents(root).watch((event) => events.push(event));
    await takeBack(resolver);
    configure(["192.168.1.1"]);
    await allTold();
    expect(events).toEqual([]);
    configure(["192.0.2.66"]);
    await until(() => events.some(({ what }) => what === "the system resolver"));
  });
});

/** Waits until the system has told of a change that comes after all others so far. */
async function allTold(): Promise<void> {
  let seen = false;
  const watcher = watch(join(root, "etc"), (_, name) => {
    if (name === "marker") seen = true;
  });
  writeFileSync(join(root, "etc/marker"), "");
  await until(() => seen);
  watcher.close();
}

async function until(holds: () => boolean): Promise<void> {
  for (const end = Date.now() + BOUND_MS; !holds() && Date.now() < end; ) {
    await new Promise((done) => setTimeout(done, 10));
  }
  expect(holds()).toBe(true);
}
