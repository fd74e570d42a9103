/** The demo on the simulated machine, for where the kernel is out of reach. simulated.ts REASON */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { renderMachineFile } from "../../src/host/simulated/machine-file.ts";
import { laptopState, type MachineState } from "../../src/host/simulated/machine-state.ts";
import { TABLE_BASE } from "../../src/model/ownership.ts";
import { differingLines } from "./differing-lines.ts";
import { newKeys } from "./new-keys.ts";
import { configText, Story } from "./story.ts";

const folder = process.env["AWG_DEMO_FOLDER"] ?? "";
const machine = join(folder, "laptop.machine.json");

/** Deletes the default routes of the first tunnel's table, as a meddling program would. */
function meddle(): void {
  const state = JSON.parse(readFileSync(machine, "utf8")) as MachineState;
  const isTunnelDefault = (route: MachineState["routes"][number]): boolean =>
    route.table > TABLE_BASE && route.type === "unicast" && route.destination === "0.0.0.0/0";
  const routes = state.routes.filter((route) => !isTunnelDefault(route));
  writeFileSync(machine, renderMachineFile({ ...state, routes }));
}

/** The machine as lines, one for each thing, in an order that says nothing: rules of both families share one list. */
function inOneOrder(text: string): string {
  const lines = Object.entries(JSON.parse(text) as Record<string, unknown>).flatMap(([part, value]) =>
    Array.isArray(value) ? value.map((one) => `${part} ${JSON.stringify(one)}`) : [`${part} ${JSON.stringify(value)}`],
  );
  return lines.sort().join("\n");
}

function main(): Promise<number> {
  const keys = newKeys();
  const key = join(folder, "office.key");
  writeFileSync(key, `${keys.privateKey}\n`, { mode: 0o600 });
  writeFileSync(machine, renderMachineFile(laptopState()));
  const config = configText(key, newKeys().publicKey, "203.0.113.9:51820", "10.8.0.1");
  const options = ["--host", `simulated:${machine}`, "--state-dir", join(folder, "state")];
  const story = new Story({ folder, options, config });
  story.narrator.title(
    "awg: infrastructure as code for the network path of a host",
    `On a simulated host, because ${process.argv[2] ?? "you chose it"}.\nNo packet is sent; the plan is the real one.`,
  );
  return story.tell(async () => {
    const { narrator } = story;
    const before = readFileSync(machine, "utf8");
    story.wishAndPlan();
    narrator.chapter("A second apply finds nothing to do");
    const applied = readFileSync(machine, "utf8");
    story.nothingLeft();
    narrator.check("the machine was not written to", readFileSync(machine, "utf8") === applied);
    narrator.chapter("Another program deletes a route");
    meddle();
    story.namedAndRepaired();
    story.succeed("awg status", ["status"], "status shows it");
    narrator.chapter("Remove everything");
    story.succeed("awg destroy --auto-approve", ["destroy", "--auto-approve"], "destroyed");
    const difference = differingLines(inOneOrder(before), inOneOrder(readFileSync(machine, "utf8")));
    narrator.check("the machine is exactly as before", difference === "", difference);
  });
}

process.exitCode = await main();
