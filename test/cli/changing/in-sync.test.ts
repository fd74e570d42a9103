import { spawnSync } from "node:child_process";
import { expect, test } from "vitest";
import { FileJournal } from "../../../src/state/file-journal.ts";
import { StateFolder } from "../../../src/state/state-folder.ts";
import { useSimulatedBench } from "../../compose/simulated-bench.ts";
import { RECORDS } from "../../state/records.ts";
import { useBuiltProgram } from "../../support/built-program.ts";

const machine = useSimulatedBench();
const program = useBuiltProgram();
const IDENTITY = { bootId: "simulated", namespace: "simulated" };

/** It said alone that it had applied. */
test.each([["plan"], ["diff"], ["apply", "--auto-approve"]])(
  "law 9: awg %s with nothing to do beside a change that was interrupted says so, once",
  async (...words) => {
    const bench = machine();
    const text = bench.config({ office: {} });
    await bench.apply(text);
    using journal = new FileJournal(new StateFolder(`${bench.file}.state`), IDENTITY);
    for (const record of RECORDS.slice(0, 1)) await journal.append(record);
    const argv = [program(), ...words, "-f", "-", "--host", `simulated:${bench.file}`];
    const { stderr } = spawnSync(process.execPath, argv, { encoding: "utf8", timeout: 60_000, input: text });
    expect(stderr.split("note: journal: an apply was interrupted (")).toHaveLength(2);
  },
);
