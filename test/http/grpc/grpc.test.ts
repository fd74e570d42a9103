import { readFileSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { AWG_PROTO, type AwgMethod } from "../../../src/api/grpc/awg-proto.ts";
import { exitCodeOfKind, grpcStatusOf } from "../../../src/api/grpc/grpc-status.ts";
import type { SocketPeer } from "../../../src/api/role.ts";
import { EXIT, exitCodeOf } from "../../../src/cli/exit-code.ts";
import { DaemonFeed } from "../../../src/http/daemon-feed.ts";
import { openUnixDoor } from "../../../src/http/doors/unix-door.ts";
import type { ApiParts } from "../../../src/http/router.ts";
import { ActionRunner } from "../../../src/http/run-action.ts";
import { AwgError } from "../../../src/model/error.ts";
import { useBuiltProgram } from "../../support/built-program.ts";
import { tunnelConfig, writePrivateKey } from "../../support/config.ts";
import { temporaryFolder } from "../../support/folder.ts";
import { callByConnect } from "./connect-client.ts";
import { type FailedCall, GrpcClient } from "./grpc-client.ts";

const program = useBuiltProgram();

const at = "2026-01-01T00:00:00.000Z";
const ROOT_USER: SocketPeer = { uid: 0, groups: [0] };
const VIEWER: SocketPeer = { uid: 1000, groups: [1000, 7] };
const RULES = { adminGroups: [6], viewerGroups: [7] };

describe("gRPC on the API's socket, by verbs on a simulated host", () => {
  const folder = temporaryFolder("t-grpc");
  const socket = join(folder, "awg.sock");
  const config = join(folder, "c.yaml");
  const machine = join(folder, "machine.json");
  let peer = ROOT_USER;
  let door: AsyncDisposable;
  const clients: GrpcClient[] = [];

  const runner = new ActionRunner({
    get program() {
      return [process.execPath, program()];
    },
    hostWords: ["--host", `simulated:${machine}`, "--state-dir", join(folder, "s")],
    configFiles: async () => [config],
  });
  const parts: ApiParts = {
    feed: new DaemonFeed(async function* (_question, signal) {
      yield { id: 1, place: "a-0", snapshot: { state: {}, status: { generation: 1 } } };
      await sleep(50);
      yield { id: 1, place: "a-1", event: { type: "inSync", at } };
      await new Promise((resolve) => signal?.addEventListener("abort", resolve));
    }),
    status: async () =>
      (await runner.run({ action: "status", params: {} }, "viewer", new AbortController().signal)).data,
    readLog: async function* () {
      yield { time: at, type: "inSync", text: "in sync", event: { type: "inSync", at } };
    },
    runner,
  };

  const client = (who: SocketPeer): GrpcClient => {
    peer = who;
    const made = new GrpcClient(socket);
    clients.push(made);
    return made;
  };
  const failure = (call: Promise<unknown>): Promise<FailedCall> =>
    call.then(
      () => expect.unreachable("it did not fail"),
      (error: FailedCall) => error,
    );

  beforeAll(async () => {
    writePrivateKey(folder);
    writeFileSync(config, tunnelConfig({ keyFile: join(folder, "key") }));
    door = await openUnixDoor({ listen: { path: socket }, rules: RULES, peerOf: () => peer, parts });
  });
  afterEach(() => {
    for (const one of clients.splice(0)) one[Symbol.dispose]();
  });
  afterAll(() => door[Symbol.asyncDispose]());

  test("a change by an admin: plan, apply with its events, status, drift, rollback", async () => {
    const admin = client(ROOT_USER);
    expect(await admin.call("Version")).toMatchObject({ role: "admin", node: process.versions.node });
    expect(await admin.call("Diff")).toMatchObject({ differs: true });
    const { document } = (await admin.call("Plan", { config })) as { document: { fields: object } };
    expect(Object.keys(document.fields)).toContain("steps");
    const events = await admin.read("Apply", { config });
    expect(events[0]).toMatchObject({ sequence: 1, type: "version" });
    expect(events.map(({ sequence }) => sequence)).toEqual(events.map((_, index) => index + 1));
    expect(events.at(-1)).toMatchObject({ type: "result", generation: 1, changed: true });
    const [status, tunnels, drift, explained] = await Promise.all([
      admin.call("Status"),
      admin.call("ListTunnels"),
      admin.call("Drift"),
      admin.call("Explain", { destination: "192.0.2.9:443" }),
    ]);
    expect(status).toMatchObject({ generation: 1, conditions: expect.arrayContaining([expect.anything()]) });
    expect(tunnels).toMatchObject({ tunnels: [{ name: "office" }] });
    expect(drift).toMatchObject({ drifted: false });
    expect(explained).toMatchObject({ agrees: true });
    const back = await failure(admin.call("Rollback"));
    expect(back).toMatchObject({ code: 3, detail: { exit_code: EXIT.usage } });
  });

  test("a client of another library gets the same answers", async () => {
    const own = client(ROOT_USER);
    for (const method of ["Version", "Status", "ListTunnels", "Drift"] as const) {
      expect(meaningOf(await callByConnect(socket, method)), method).toEqual(meaningOf(await own.call(method)));
    }
  });

  test("a change on trial: confirmed it stays, and a client that leaves has it undone", async () => {
    const admin = client(ROOT_USER);
    const down = config.replace("c.yaml", "down.yaml");
    writeFileSync(down, readFileSync(config, "utf8").replace("10.8.0.2/32", "10.8.0.3/32"));
    const apply = (last: string) =>
      admin.read("Apply", { config: down, confirm_within: "60s" }, ({ type }) => type === last);
    expect((await apply("unconfirmed")).at(-1)).toMatchObject({ type: "unconfirmed" });
    await expect.poll(() => admin.call("Drift").then(({ drifted }) => drifted), { timeout: 60_000 }).toBe(false);
    expect(await admin.call("Status")).toMatchObject({ generation: 1 });
    const kept = apply("result");
    await expect
      .poll(() => admin.call("Confirm").catch(({ code }: FailedCall) => code), { timeout: 60_000 })
      .toEqual({
        generation: 2,
      });
    expect((await kept).at(-1)).toMatchObject({ type: "result", generation: 2 });
    expect(await admin.call("Rollback", { generation: 1 })).toMatchObject({ generation: 3, changed: true });
  });

  test("tunnels down and up, programs, the service and services of others", async () => {
    const admin = client(ROOT_USER);
    expect(await admin.call("Disconnect", { tunnel: "office" })).toHaveProperty("document");
    expect(await admin.call("Connect", { tunnel: "office" })).toHaveProperty("document");
    expect(await admin.call("ListProcesses")).toHaveProperty("processes");
    expect(await admin.call("GetAutostart")).toEqual({ enabled: false, installed: false, running: false });
    expect(await failure(admin.call("SetAutostart", { enabled: true }))).toMatchObject({
      code: 3,
      detail: { exit_code: EXIT.usage, remedy: expect.stringContaining("run sudo awg install") },
    });
    const state = JSON.parse(readFileSync(machine, "utf8")) as { services: object[] };
    const services = [...state.services, { name: "wg-quick@wg0.service", running: true }];
    writeFileSync(machine, JSON.stringify({ ...state, services }));
    const found = { name: "wg-quick@wg0.service", program: "wg-quick", why: expect.any(String) };
    expect(await admin.call("CheckConflictingServices")).toEqual({ services: [found] });
    const strange = admin.call("StopConflictingServices", { names: ["ssh.service"] });
    expect(await failure(strange)).toMatchObject({ code: 3, details: expect.stringContaining("no running service") });
    expect(await admin.call("StopConflictingServices", { names: [found.name] })).toEqual({ services: [] });
  });

  test("a failure has a code, the exit code of the verb, the place and the remedy", async () => {
    const admin = client(ROOT_USER);
    const wrong = join(folder, "wrong.yaml");
    writeFileSync(wrong, "apiVersion: awg/v1\nkilSwitch: {}\n");
    expect(await failure(admin.call("Plan", { config: wrong }))).toMatchObject({
      code: 3,
      detail: {
        exit_code: EXIT.config,
        kind: "config",
        problems: expect.arrayContaining([expect.stringContaining("wrong.yaml:2:1: unknown key")]),
      },
    });
    expect(await failure(admin.read("Apply", { config: wrong }))).toMatchObject({
      code: 3,
      detail: { exit_code: EXIT.config },
    });
    expect(await failure(admin.call("ApplyUpdate"))).toMatchObject({
      code: 12,
      details: "awg does not update itself in this version",
      detail: { exit_code: EXIT.unsupported },
    });
    expect(await failure(admin.call("Explain", { destination: "--json" }))).toMatchObject({ code: 3 });
    expect(await failure(admin.call("Plan", { config: "x".repeat(70_000) }))).toMatchObject({ code: 8 });
    expect(await failure(admin.call("Drift", {}, 20))).toMatchObject({ code: 4 });
  });

  test("codes of failures are those of the command line", () => {
    for (const kind of ["usage", "permission", "unsupported", "locked", "unreachable", "bug"] as const) {
      expect(exitCodeOfKind(kind)).toBe(exitCodeOf(new AwgError(kind, "x")));
    }
    const unknown = Object.values(EXIT).filter((code) => grpcStatusOf(code) === 2);
    expect(unknown).toEqual([EXIT.success, EXIT.differences, EXIT.changed]);
  });

  test("law 8: a viewer looks, and gets nothing that is an admin's; a stranger gets nothing", async () => {
    const viewer = client(VIEWER);
    const methods = Object.entries(AWG_PROTO.methods) as [AwgMethod, { role: string; isStream?: true }][];
    for (const [name, { role, isStream }] of methods) {
      if (role === "viewer") continue;
      const call = isStream === true ? viewer.read(name, {}) : viewer.call(name);
      expect(await failure(call), name).toMatchObject({ code: 7, detail: { exit_code: EXIT.permission } });
    }
    expect(await viewer.call("Version")).toMatchObject({ role: "viewer" });
    expect(await viewer.read("StreamLogs", {})).toEqual([expect.objectContaining({ text: "in sync", time: at })]);
    expect(await viewer.call("Drift")).toMatchObject({ drifted: false });
    expect(await failure(client({ uid: 1001, groups: [1001] }).call("Version"))).toMatchObject({ code: 14 });
  });

  test("Watch: a snapshot, changes in sequence, and the rest after a place; health", async () => {
    const viewer = client(VIEWER);
    const seen = await viewer.read("Watch", {}, ({ name }) => name === "daemon");
    const first = seen.find(({ name }) => name === "snapshot");
    expect(first).toMatchObject({ available: true });
    const [last] = seen.slice(-1);
    expect(last).toMatchObject({ name: "daemon", event: { fields: { type: { stringValue: "inSync" } } } });
    const numbers = seen.filter(({ name }) => name !== "snapshot").map(({ sequence }) => Number(sequence));
    expect(numbers).toEqual(numbers.map((_, index) => (numbers[0] ?? 0) + index));
    const again = await viewer.read("Watch", { after: first?.["place"] }, ({ name }) => name === "daemon");
    expect(again.map(({ name }) => name)).not.toContain("snapshot");
    expect(await viewer.health()).toEqual({ status: 1 });
    expect(await viewer.health("awg.v1.Awg")).toEqual({ status: 1 });
    expect(await failure(viewer.health("other"))).toMatchObject({ code: 5 });
    expect(await viewer.healthOnce()).toEqual({ status: 1 });
  });

  test("one socket, both protocols: HTTP/1.1 in pieces, a preface in pieces, silence for two seconds", async () => {
    peer = ROOT_USER;
    let written = 0;
    const talk = async (pieces: readonly string[]): Promise<string> => {
      const connection = connect(socket);
      let said = "";
      written = 0;
      connection.on("data", (chunk: Buffer) => (said += chunk.toString("latin1"))).on("error", () => undefined);
      const closed = new Promise((resolve) => connection.once("close", resolve));
      for (const piece of pieces) {
        if (connection.closed) break;
        connection.write(piece);
        written += 1;
        await sleep(30);
      }
      await closed;
      return said;
    };
    const request = "GET /api/openapi.json HTTP/1.1\r\nHost: awg\r\nConnection: close\r\n\r\n";
    expect(await talk([request])).toMatch(/^HTTP\/1\.1 200 OK/);
    expect(await talk(["P", "OST /api/run HTTP/1.1\r\nHost: awg\r\nConnection: close\r\n\r\n"])).toMatch(
      /^HTTP\/1\.1 400/,
    );
    const began = performance.now();
    const [preface, half, silent] = await Promise.all([
      talk(["PRI * HTTP/2.0\r\n", "\r\nSM\r\n\r\n", "not a frame".repeat(9)]),
      talk(["PRI * HT"]),
      talk([]),
    ]);
    // SETTINGS, and then GOAWAY for what is no frame (RFC 9113 sections 6.5 and 6.8).
    expect(Buffer.from(preface, "latin1")[3]).toBe(4);
    expect([half, silent]).toEqual(["", ""]);
    expect(performance.now() - began).toBeGreaterThan(1_900);
    // A header that never ends, a byte every 30 ms: cut after two seconds, of which a busy host makes fewer bytes.
    await talk(["GET /api/status HTTP/1.1\r\n", ...Array.from({ length: 1_000 }, () => "X")]);
    expect(written).toBeLessThan(166);
  });
});

/** An answer without what the two libraries write differently: defaults, numbers as text, documents (STRUCT), order. */
function meaningOf(answer: unknown): unknown {
  if (Array.isArray(answer)) return answer.map(meaningOf);
  if (typeof answer === "number") return `${answer}`;
  if (typeof answer !== "object" || answer === null) return answer;
  const { document: _document, ...rest } = answer as Readonly<Record<string, unknown>>;
  const given = Object.entries(rest).map(([key, value]) => [key, meaningOf(value)] as const);
  return Object.fromEntries(given.filter(([, value]) => !["", "0", false, null].includes(value as string)));
}
