import { spawnSync } from "node:child_process";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { linuxProcesses } from "../../src/host/linux/processes/linux-processes.ts";
import { LinuxMachine } from "../host/linux/linux-machine.ts";
import { temporaryFolder } from "../support/folder.ts";
import { commandObstacle, namespaceObstacle, tunObstacle } from "../support/netns.ts";
import type { Clause } from "./contract-world.ts";
import { clausesOf, coverageOf, isOfThisMachine, reportOf } from "./coverage.ts";
import type { ClauseAnswer, ClauseRun } from "./linux-clause.script.ts";

const SCRIPT = "test/contract/linux-clause.script.ts";

const obstacle = namespaceObstacle() ?? tunObstacle() ?? commandObstacle("wireguard-go", "nft");
const KEEPER_SCRIPT = fileURLToPath(new URL("../keeper/keeper.script.ts", import.meta.url));
const UPLINK = "eth0";
let made = 0;

/** A namespace with a physical device, a default route and a resolv.conf of its own. */
function withMachine<T>(use: (machine: LinuxMachine) => T): T {
  using machine = new LinuxMachine("contract");
  const { namespace } = machine;
  const etc = `/etc/netns/${namespace.name}`;
  try {
    mkdirSync(etc, { recursive: true });
    writeFileSync(`${etc}/resolv.conf`, "nameserver 192.0.2.53\n");
    namespace.run(["ip", "link", "add", UPLINK, "type", "veth", "peer", "name", "far0"]);
    namespace.run(["ip", "address", "add", "192.168.1.20/24", "dev", UPLINK]);
    for (const device of [UPLINK, "far0"]) namespace.run(["ip", "link", "set", device, "up"]);
    namespace.run(["ip", "route", "add", "default", "via", "192.168.1.1", "dev", UPLINK]);
    return use(machine);
  } finally {
    rmSync(etc, { recursive: true, force: true });
  }
}

/** Why the kernel does not tell of processes here (the process connector is the first namespaces' alone); undefined when it does. */
function watchObstacle(): string | undefined {
  try {
    void linuxProcesses({ nowMs: () => 0 })
      .watch(() => {})
      [Symbol.asyncDispose]();
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

const watching = obstacle === undefined ? watchObstacle() : obstacle;
const ALL = clausesOf("linux");
const PLACES = ["alone", "together", "here"] as const;
/** Where a clause is checked: in a namespace alone, in one with others, or in the machine's own, whose network it leaves alone. */
const placeOf = (clause: Clause): (typeof PLACES)[number] =>
  isOfThisMachine(clause) ? "here" : clause.shares === true ? "together" : "alone";
const watchesProcesses = ({ covers }: Clause) => covers.some(([method]) => method === "processes.watch");
const answers = new Map<string, ClauseAnswer>();

/** Checks these clauses in one process. */
function runAll(indexes: readonly number[], place: (typeof PLACES)[number]): ClauseAnswer {
  const clauses = indexes.map((index) => {
    made += 1;
    return { index, device: `awgc${process.pid % 1_000_000}x${made}` };
  });
  if (place === "here") return runHere(clauses);
  return withMachine(({ namespace, folder }) => {
    const keeperCommand = [process.execPath, "--disable-sigusr1", KEEPER_SCRIPT, `${folder}/run`];
    const run: ClauseRun = { clauses, uplink: UPLINK, folder, keeperCommand };
    return namespace.runScript(SCRIPT, run) as ClauseAnswer;
  });
}

function runHere(clauses: ClauseRun["clauses"]): ClauseAnswer {
  const folder = temporaryFolder("t-contract");

  const input = JSON.stringify({ clauses, uplink: "", folder, keeperCommand: [] } satisfies ClauseRun);
  const { stdout, stderr } = spawnSync(process.execPath, [SCRIPT], { input, encoding: "utf8", timeout: 110_000 });
  if (stdout === "") throw new Error(stderr);
  return JSON.parse(stdout) as ClauseAnswer;
}

/** What a clause was found to be; those that are checked together are at the first of them. */
function outcomeOf(index: number): string | null | undefined {
  const clause = ALL[index];
  if (clause === undefined) return "there is no such clause";
  const place = placeOf(clause);
  if (place === "alone") return runAll([index], place)[index];
  const known = answers.get(place) ?? runAll(membersOf(place), place);
  answers.set(place, known);
  return known[index];
}

function membersOf(place: string): number[] {
  return ALL.flatMap((clause, index) =>
    placeOf(clause) !== place || (watchesProcesses(clause) && watching !== undefined) ? [] : [index],
  );
}

describe.skipIf(obstacle !== undefined)(`the contract of a host, on Linux (${obstacle ?? "on this kernel"})`, () => {
  test("speaks of every method in every situation, or says why not", () => {
    console.log(reportOf("linux"));
    expect(coverageOf("linux")).toMatchObject({ uncovered: [], idle: [] });
  });

  for (const [index, clause] of ALL.entries()) {
    const excuse = watchesProcesses(clause) ? watching : undefined;
    const name = `${clause.port}: ${clause.promise}${excuse === undefined ? "" : ` (${excuse})`}`;
    test.skipIf(excuse !== undefined)(name, () => expect(outcomeOf(index)).toBeNull());
  }
});
