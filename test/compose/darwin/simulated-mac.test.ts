import { copyFileSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, test } from "vitest";
import type { MachineState } from "../../../src/host/simulated/machine-state.ts";
import { stepsOf } from "../../../src/model/plan.ts";
import { ROOT } from "../../repository/sources.ts";
import { PRIVATE_KEY } from "../../support/config.ts";
import { temporaryFolder } from "../../support/folder.ts";
import { openTestSession, type TestSession } from "../../support/test-session.ts";

const EXAMPLE = join(ROOT, "examples/laptop");
/** Before the rule of the example. */
const RULES = `rules:
  - { name: browser, apps: [{ bundleId: com.example.browser }], via: home }
  - { name: ours, apps: [{ signer: 43AQ936H96 }], via: block }
  - { name: system, apps: [{ signer: apple }], via: home }
`;

let folder: string;
const machine = () => join(folder, "macos.json");

async function withSession<T>(work: (session: TestSession) => Promise<T>): Promise<T> {
  const host = { kind: "simulated", file: machine() } as const;
  await using session = await openTestSession({
    host,
    allowInsecurePermissions: false,
    environment: { HOME_KEY: PRIVATE_KEY },
  });
  return work(session);
}
const config = (change: (text: string) => string = (text) => text) => [
  { name: "config.yaml", text: change(readFileSync(join(EXAMPLE, "config.yaml"), "utf8")) },
];
function change(edit: (state: MachineState) => void): void {
  const state = JSON.parse(readFileSync(machine(), "utf8")) as MachineState;
  edit(state);
  writeFileSync(machine(), JSON.stringify(state));
}

beforeEach(async () => {
  folder = temporaryFolder("t-mac");
  copyFileSync(join(EXAMPLE, "hosts/macos.json"), machine());
  await withSession(async (session) => {
    const planned = await session.plan(await session.load(config()));
    await session.apply(planned, { onEvent: () => undefined, shouldStop: () => undefined });
  });
});

describe("a MacBook on which examples/laptop is applied", () => {
  const flow = (destination: string) =>
    withSession((session) => session.explain({ destination, user: "0", resolves: false }));
  const verified = () => withSession((session) => session.verify());

  test("is explained by its one table: into the tunnel, past it, dropped", async () => {
    for (const [destination, device, verdict] of [
      ["192.0.2.1", "awg-home", "accept"],
      ["203.0.113.9", "en0", "accept"],
      // The endpoint, by a program that is not the engine.
      ["198.51.100.7", "en0", "drop"],
    ] as const) {
      const { declared, live, disagreements } = await flow(destination);
      expect([live.device, live.verdict, declared.device, declared.verdict], destination).toEqual([
        device,
        verdict,
        device,
        verdict,
      ]);
      expect(disagreements, destination).toEqual([]);
    }
  });

  test("is verified; a deleted route of ours is found with a packet, and explained", async () => {
    expect((await verified()).findings).toEqual([]);
    change((state) => {
      state.routes = state.routes.filter(({ destination }) => destination !== "128.0.0.0/1");
    });
    const { findings } = await verified();
    expect(findings.map(({ kind, message }) => [kind, message])).toEqual([
      ["misroute", "is routed by en0, and its path is awg-home (IPv4)"],
    ]);
    const { declared, live } = await flow("192.0.2.1");
    expect([declared.device, declared.verdict]).toEqual(["awg-home", "accept"]);
    expect([live.device, live.verdict]).toEqual(["en0", "drop"]);
  });

  test("gets the utun that its config names in place of the kernel's choice; one of another's is a conflict", async () => {
    const named = (unit: number) =>
      config((text) => text.replace("\n  home:\n", `\n  home:\n    interface: utun${unit}\n`));
    await withSession(async (session) => {
      const planned = await session.plan(await session.load(named(9)));
      expect(stepsOf(planned.plan).map(({ key, action }) => `${key} ${action}`)).toContain("link/home replace");
      await session.apply(planned, { onEvent: () => undefined, shouldStop: () => undefined });
      expect(stepsOf((await session.plan(await session.load(named(9)))).plan)).toEqual([]);
      expect((await session.verify()).findings).toEqual([]);
    });
    change(({ links }) => links.push({ ...(links[0] as (typeof links)[number]), device: "utun12", index: 77 }));
    await withSession(async (session) => {
      await expect(session.plan(await session.load(named(12)))).rejects.toMatchObject({ kind: "conflict" });
    });
  });

  test("its programs are shown by bundle and signer; what could not be read may be meant", async () => {
    const place = "/Applications/Browser.app/Contents/MacOS/Browser";
    change((state) => {
      state.processes = [
        { pid: 1, uid: 0, path: "/sbin/launchd", bundleIds: [], signer: "apple" },
        { pid: 2, uid: 501, path: place, bundleIds: ["com.example.browser"], signer: "43AQ936H96" },
        { pid: 3, uid: 501, path: "/opt/tool", bundleIds: [], signer: "43AQ936H96" },
        { pid: 4, uid: 501, path: "/opt/own", bundleIds: [], signer: null },
        { pid: 5, uid: 501, path: "/opt/hidden" },
      ];
    });
    const { programs } = await withSession(async (session) => {
      const loaded = await session.load(config((text) => text.replace("rules:\n", RULES)));
      return session.programs(loaded.config);
    });
    const reported = programs.map(({ rule, perhaps }) => [
      rule?.origin,
      ...perhaps.filter(({ why }) => why === "unknown").map((one) => one.rule.origin),
    ]);
    expect(reported).toEqual([
      ["rules/2 (system)"],
      ["rules/0 (browser)"],
      ["rules/1 (ours)"],
      ["default"],
      ["default", "rules/0 (browser)", "rules/1 (ours)", "rules/2 (system)"],
    ]);
  });
});
