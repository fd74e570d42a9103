import { describe, expect, test } from "vitest";
import type { AwaitedChange } from "../../src/app/apply/awaited-change.ts";
import {
  carriedBy,
  connectionAbove,
  type ProcessOrigin,
  sshServerStartMs,
} from "../../src/app/apply/ssh-connection.ts";
import type { VerbCall } from "../../src/cli/verb.ts";
import { run as runApply } from "../../src/cli/verbs/change/apply.ts";
import { awaitConfirmation, confirmWithinOf, onThisMachine } from "../../src/cli/verbs/change/await-confirmation.ts";
import { run as runRollback } from "../../src/cli/verbs/change/rollback.ts";
import { renderHistory } from "../../src/cli/verbs/inspect/history.view.ts";
import { styleFor } from "../../src/cli/views/style.ts";

const asked = (confirmWithin?: string): VerbCall => ({ options: { confirmWithin } }) as unknown as VerbCall;

describe("--confirm-within", () => {
  test.each<[string, number | undefined]>([
    ["25", 25_000],
    ["25s", 25_000],
    ["2m", 120_000],
    ["1h", 3_600_000],
    ["0.5", 500],
    ["0", undefined],
    ["0s", undefined],
  ])("%s is %s ms, over SSH or not", (text, ms) => {
    expect(confirmWithinOf(asked(text), true)).toBe(ms);
    expect(confirmWithinOf(asked(text), false)).toBe(ms);
  });

  test("is 60 s over SSH and off elsewhere when it is not given", () => {
    expect(confirmWithinOf(asked(), true)).toBe(60_000);
    expect(confirmWithinOf(asked(), false)).toBeUndefined();
  });

  test.each([
    ["apply", runApply],
    ["rollback", runRollback],
  ])("%s says so before it reads config or machine", async (_verb, run) => {
    const call = { ...asked("5x"), args: [] } as unknown as VerbCall;
    await expect(run(call)).rejects.toMatchObject({ kind: "usage", message: expect.stringContaining("5x") });
  });

  test.each(["soon", "", "-1", "1d", "25h", "1e3", "9".repeat(40)])("%j is wrong usage", (text) => {
    expect(() => confirmWithinOf(asked(text), false)).toThrow(expect.objectContaining({ kind: "usage" }));
  });
});

test.each([
  [20, "it was undone before it was confirmed; the old state is back"],
  [-1, "it was not confirmed in time; the old state is back"],
])("who waits says how the old state came back with %s s left", async (secondsLeft, message) => {
  const call = { ...asked(), environment: {}, terminal: { err: () => undefined } } as unknown as VerbCall;
  const change: AwaitedChange = {
    verdict: async () => "reverted",
    secondsLeft: () => secondsLeft,
    revert: async () => undefined,
    isWatched: true,
  };
  const waiting = awaitConfirmation(call, change, () => undefined);
  await expect(waiting).rejects.toMatchObject({ kind: "unconfirmed", message });
});

test.each([
  [{}, {}, "awg confirm"],
  [{ stateDir: "/tmp/a b" }, { AWG_ENTERED_NETNS: "lab" }, "awg confirm --netns lab --state-dir '/tmp/a b'"],
  [{ host: "simulated:m.json" }, {}, "awg confirm --host simulated:m.json"],
])("the command that keeps it acts on the same machine: %j %j", (options, environment, expected) => {
  expect(onThisMachine("confirm", { options, environment })).toBe(expected);
});

describe("the SSH connection", () => {
  const sudo: ReadonlyMap<number, ProcessOrigin> = new Map([
    [30, { name: "sudo", startedMs: 9, environment: { SUDO_USER: "me" }, parent: 20 }],
    [20, { name: "bash", startedMs: 8, environment: { SSH_CONNECTION: "192.0.2.9 50001 192.0.2.1 22" }, parent: 10 }],
    [10, { name: "sshd-session", startedMs: 7, environment: { SSH_CONNECTION: "another" }, parent: 5 }],
    [5, { name: "sshd", startedMs: 1, environment: {}, parent: 1 }],
  ]);

  test("is found above sudo, which takes the variable away; the nearest counts", () => {
    expect(connectionAbove(30, (pid) => sudo.get(pid))).toBe("192.0.2.9 50001 192.0.2.1 22");
    expect(connectionAbove(6, (pid) => sudo.get(pid))).toBeUndefined();
  });

  test("a circle of processes ends the search", () => {
    const itself = { name: "a", startedMs: 0, environment: {}, parent: 7 };
    expect([connectionAbove(7, () => itself), sshServerStartMs(7, () => itself)]).toEqual([undefined, undefined]);
  });

  test("began when the nearest sshd above did, which is the connection's own; unknown where there is none", () => {
    expect(sshServerStartMs(30, (pid) => sudo.get(pid))).toBe(7);
    expect(sshServerStartMs(6, (pid) => sudo.get(pid))).toBeUndefined();
  });

  const places = [
    { device: "eth0", address: "192.0.2.1" },
    { device: "eth1", address: "fe80::1" },
  ];

  test.each([
    ["192.0.2.9 50001 192.0.2.1 22", "eth0"],
    ["::ffff:192.0.2.9 50001 ::ffff:192.0.2.1 22", "eth0"],
    ["fe80::9%eth1 50001 fe80::1%eth1 22", "eth1"],
    ["192.0.2.9 50001 192.0.2.2 22", undefined],
    ["127.0.0.1 50001 127.0.0.1 22", undefined],
    ["192.0.2.9 0 192.0.2.1 22", undefined],
    ["192.0.2.9 50001 192.0.2.1 22 more", undefined],
    ["192.0.2.1", undefined],
    ["", undefined],
  ])("%j comes in by %s", (connection, device) => {
    expect(carriedBy(connection, places)?.device).toBe(device);
  });
});

test("history names what changed, the latest first, and marks the one that holds", () => {
  const many = Array.from({ length: 9 }, (_, index) => `tunnel/t${index}`);
  const text = renderHistory(
    [
      {
        number: 1,
        acceptedMs: 0,
        configHash: "ab".repeat(32),
        holds: false,
        changes: undefined,
        isBeforeUnreadable: false,
      },
      {
        number: 2,
        acceptedMs: 1_000,
        configHash: "",
        holds: true,
        changes: { added: many, changed: [], removed: ["x"] },
        isBeforeUnreadable: false,
      },
    ],
    styleFor(false),
  );
  expect(text.split("\n")).toEqual([
    "*    2  1970-01-01T00:00:01Z  -             9 added, 1 removed",
    "        + tunnel/t0, + tunnel/t1, + tunnel/t2, + tunnel/t3 and 6 more",
    "     1  1970-01-01T00:00:00Z  abababababab  the one before is not kept",
  ]);
  expect(renderHistory([], styleFor(false))).toBe("No generation is kept on this host.");
});
