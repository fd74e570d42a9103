import { join } from "node:path";
import { expect, test } from "vitest";
import { takeDaemonPlace } from "../../../src/state/daemon/daemon-file.ts";
import { useSimulatedBench } from "../../compose/simulated-bench.ts";

const newBench = useSimulatedBench();

test("status shows what the running daemon cannot repair, and nothing of it once the daemon ended", async () => {
  const bench = newBench();
  await bench.apply(bench.config({ office: {} }));
  const read = async () => {
    const { conditions, daemon } = await bench.ask((session) => session.status());
    return {
      daemonPid: daemon?.pid,
      conditions: conditions.filter(({ type }) => type === "Stalled" || type === "Contended"),
    };
  };
  const place = takeDaemonPlace(join(`${bench.file}.state`, "daemon"), 0);
  place.write({
    stalled: { reason: "the disk is full", sinceMs: 1_000 },
    contended: { keys: ["routes/policy"], by: ["policy rules, by ip (process 7)"], sinceMs: 2_000 },
  });
  expect(await read()).toEqual({
    daemonPid: process.pid,
    conditions: [
      {
        type: "Stalled",
        status: true,
        reason: "CannotRepair",
        message: "the daemon reports: the disk is full",
        since: "1970-01-01T00:00:01.000Z",
      },
      {
        type: "Contended",
        status: true,
        reason: "Fight",
        message: "other programs (policy rules, by ip (process 7)) keep changing routes/policy",
        since: "1970-01-01T00:00:02.000Z",
      },
    ],
  });
  place[Symbol.dispose]();
  const after = await read();
  expect(after.daemonPid).toBeUndefined();
  expect(after.conditions).toMatchObject([
    { type: "Stalled", status: false },
    { type: "Contended", status: false },
  ]);
});
