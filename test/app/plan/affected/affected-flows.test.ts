import { expect, test } from "vitest";
import type { HostParts } from "../../../../src/app/parts.ts";
import { affectedFlows, outgoing } from "../../../../src/app/plan/affected/affected-flows.ts";
import type { OwnedSocket } from "../../../../src/host/ports/processes.ts";
import type { Program } from "../../../../src/model/program/program.ts";
import { tunnelConfig, writePrivateKey } from "../../../support/config.ts";
import { temporaryFolder } from "../../../support/folder.ts";
import { openTestSession } from "../../../support/test-session.ts";

const socket = (pid: number, remote: string | undefined, more: Partial<OwnedSocket> = {}): OwnedSocket => ({
  protocol: "tcp",
  local: { address: "192.0.2.2", port: 40_000 + pid },
  ...(remote === undefined ? {} : { remote: { address: remote, port: 443 } }),
  uid: 1000,
  holders: [{ pid, since: 1n }],
  ...more,
});

test("sockets with another end: without loopback, and without what a program listens for", () => {
  const sockets = [
    socket(1, "198.51.100.7"),
    socket(2, "127.0.0.1"),
    socket(3, undefined),
    socket(4, "198.51.100.8", { local: { address: "192.0.2.2", port: 40_003 } }),
  ];
  expect(outgoing(sockets).map(({ holders }) => holders[0]?.pid)).toEqual([1]);
});

test("a plan lists open flows that change path, at most twelve", async () => {
  const folder = temporaryFolder("affected");
  const keyFile = writePrivateKey(folder);
  const text = tunnelConfig({
    keyFile,
    killSwitch: "{ enabled: true }",
    more: `rules:
  - { apps: [{ path: /opt/awg-test/backup }], via: direct }
  - { apps: [{ dir: /opt/awg-test/games }], via: block }
`,
  });
  const program = (pid: number, path: string): Program => ({
    pid,
    since: 1n,
    parentPid: 0,
    uid: 1000,
    name: path.slice(path.lastIndexOf("/") + 1),
    path,
    cgroup: "/",
  });
  const programs = [
    program(1, "/opt/awg-test/backup"),
    program(2, "/opt/awg-test/games/chess"),
    program(3, "/usr/bin/awg-test"),
    { ...program(4, "/usr/bin/orphan"), parentPid: 99 },
  ];
  const flows = [socket(1, "198.51.100.7"), socket(2, "198.51.100.7"), socket(3, "198.51.100.7")];
  const many = Array.from({ length: 20 }, (_, at) => socket(3, `198.51.100.${100 + at}`));
  await using session = await openTestSession({
    host: { kind: "simulated" },
    allowInsecurePermissions: false,
    environment: {},
  });
  const partsWith = (sockets: readonly OwnedSocket[]): HostParts => ({
    ...session.host.parts,
    processes: async () => ({
      list: () => ({ programs, unseen: [] }),
      read: (pid) => programs.find((one) => one.pid === pid),
      isAlive: () => true,
      ownerOf: () => undefined,
      sockets: () => ({ sockets, closed: new Set(), unseen: [] }),
      watch: () => ({ async [Symbol.asyncDispose]() {} }),
    }),
  });
  const planned = await session.plan(await session.load([{ name: "c.yaml", text }]));
  const first = await affectedFlows(partsWith(flows), planned);
  // What is open before the first rule by program has no class (S4.13).
  expect(first.flows.map(({ program: name, from, to }) => [name, from, to])).toEqual([
    ["backup", "direct", "block"],
    ["chess", "direct", "block"],
    ["awg-test", "direct", "block"],
  ]);
  expect(first.programs).toEqual([
    { pid: 2, program: "chess", from: "direct", to: "block" },
    { pid: 3, program: "awg-test", from: "direct", to: "office" },
  ]);
  const bounded = await affectedFlows(partsWith(many), planned);
  expect([bounded.flows.length, bounded.more]).toEqual([12, 8]);
  await session.apply(planned, { onEvent: () => undefined, shouldStop: () => undefined });
  const again = await session.plan(await session.load([{ name: "c.yaml", text }]));
  expect(await affectedFlows(partsWith(flows), again)).toEqual({ programs: [], flows: [], more: 0 });
  const granting = text.replace("via: block", "via: direct");
  const changed = await session.plan(await session.load([{ name: "c.yaml", text: granting }]));
  expect((await affectedFlows(partsWith(flows), changed)).flows).toMatchObject([
    { pid: 2, protocol: "tcp", destination: "198.51.100.7", port: 443, from: "block", to: "direct" },
  ]);
  // An ancestor that cannot be read may be of any rule: its path is not known.
  const ofOrphan = [socket(4, "198.51.100.7"), socket(4, undefined, { protocol: "udp" })];
  expect(await affectedFlows(partsWith(ofOrphan), changed)).toEqual({ programs: [], flows: [], more: 0 });
  // Without an open flow, a socket that can send is enough; not one of loopback, and none that only listens.
  const unconnected = [
    socket(1, undefined, { protocol: "udp", local: { address: "127.0.0.1", port: 53 } }),
    socket(2, undefined, { protocol: "udp", local: { address: "0.0.0.0", port: 123 } }),
    socket(3, undefined),
  ];
  expect(await affectedFlows(partsWith(unconnected), changed)).toEqual({
    programs: [{ pid: 2, program: "chess", from: "block", to: "direct" }],
    flows: [],
    more: 0,
  });
});

test("without a user of awg's own, flows of root are listed too, except those to an endpoint", async () => {
  const text = tunnelConfig({
    keyFile: writePrivateKey(temporaryFolder("affected")),
    killSwitch: "{ enabled: true }",
  });
  const asRoot = (remote: { readonly address: string; readonly port: number }) =>
    socket(1, remote.address, { protocol: "udp", uid: 0, remote });
  const sockets = [
    asRoot({ address: "198.51.100.7", port: 443 }),
    asRoot({ address: "192.0.2.1", port: 51_820 }),
    asRoot({ address: "192.0.2.1", port: 53 }),
  ];
  const root: Program = { pid: 1, since: 1n, parentPid: 0, uid: 0, name: "curl", path: "/usr/bin/curl", cgroup: "/" };
  await using session = await openTestSession({
    host: { kind: "simulated" },
    allowInsecurePermissions: false,
    environment: {},
  });
  const parts: HostParts = {
    ...session.host.parts,
    processes: async () => ({
      list: () => ({ programs: [root], unseen: [] }),
      read: () => root,
      isAlive: () => true,
      ownerOf: () => undefined,
      sockets: () => ({ sockets, closed: new Set(), unseen: [] }),
      watch: () => ({ async [Symbol.asyncDispose]() {} }),
    }),
  };
  const planned = await session.plan(await session.load([{ name: "c.yaml", text }]));
  const resources = planned.desired.resources.map((one) =>
    one.kind === "firewall"
      ? { ...one, spec: { ...one.spec, layers: one.spec.layers.map((layer) => ({ ...layer, serviceUid: 0 })) } }
      : one,
  );
  const ofRoot = { ...planned, desired: { ...planned.desired, resources } };
  const { flows } = await affectedFlows(parts, ofRoot);
  expect(flows.map(({ destination, port, to }) => [destination, port, to])).toEqual([
    ["198.51.100.7", 443, "office"],
    ["192.0.2.1", 53, "office"],
  ]);

  const unconnected = socket(1, undefined, { protocol: "udp", uid: 0 });
  const programsOf = async (program: Program) => {
    const port = {
      ...(await parts.processes?.()),
      read: () => program,
      list: () => ({ programs: [program], unseen: [] }),
    };
    const one = {
      ...parts,
      processes: async () => ({ ...port, sockets: () => ({ sockets: [unconnected], closed: new Set(), unseen: [] }) }),
    };
    return (await affectedFlows(one as HostParts, ofRoot)).programs.map(({ program: name }) => name);
  };
  expect(await programsOf(root)).toEqual(["curl"]);
  const engine = { ...root, path: process.execPath, commandLine: [process.execPath, process.argv[1] ?? "", "engine"] };
  expect(await programsOf(engine)).toEqual([]);
});
