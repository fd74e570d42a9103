import { readFileSync } from "node:fs";
import { addSteps, removeSteps } from "../../../src/app/install/installation-step.ts";
import { userStep, viewerGroupSteps } from "../../../src/app/install/machine-steps.ts";

/** Makes user and group in this mount namespace's /etc, twice, and removes them; prints what was found after each. */
const made = new Set<string>();
const steps = [userStep(), ...viewerGroupSteps()];
const groups = (): readonly string[] =>
  readFileSync("/etc/group", "utf8")
    .split("\n")
    .map((line) => line.split(":")[0] ?? "")
    .filter((name) => name.startsWith("awg"))
    .toSorted();
const outcomes = async (run: Promise<readonly { readonly outcome: string }[]>): Promise<unknown> => ({
  outcomes: (await run).map(({ outcome }) => outcome),
  groups: groups(),
});
const add = () => addSteps(steps, false, (what) => made.add(what));
process.stdout.write(
  JSON.stringify([
    await outcomes(add()),
    await outcomes(add()),
    await outcomes(removeSteps(steps, false, made)),
    await outcomes(add()),
    await outcomes(removeSteps(steps, false, new Set())),
  ]),
);
