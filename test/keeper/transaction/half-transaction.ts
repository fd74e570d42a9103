import { fileURLToPath } from "node:url";
import { DIRECT, LAPTOP, OFFICE, policyOf } from "../../model/firewall/policies.ts";
import { temporaryFolder } from "../../support/folder.ts";
import { makeNamespace } from "../../support/netns.ts";
import type { Kill, Loading, Outcomes } from "./kills.ts";

const KEEPER_SCRIPT = fileURLToPath(new URL("../keeper.script.ts", import.meta.url));
/** So many rules more, that the kernel is at it for a while. */
const RULES = 60;

const rules = Array.from({ length: RULES }, (_, index) => ({
  origin: `rules/${index} (x)`,
  match: { destinations: [`10.${index}.0.0/16`], ports: [{ from: 1000 + index, to: 2000 + index }] },
  path: index % 2 === 0 ? DIRECT : OFFICE,
}));
const POLICIES: Loading["policies"] = [LAPTOP, policyOf({ allowLan: true, flows: { rules, default: OFFICE } })];

/** Two policies that replace each other in a namespace of their own, disturbed by each of the kills in turn. */
export function swapWhileKilling(kills: readonly Kill[], timeoutMs: number): Outcomes {
  using namespace = makeNamespace("half");
  const runDir = temporaryFolder("half");
  try {
    namespace.run(["ip", "link", "add", "eth0", "type", "veth", "peer", "name", "far0"]);
    namespace.run(["ip", "link", "set", "eth0", "up"]);
    const keeperCommand = [process.execPath, "--disable-sigusr1", KEEPER_SCRIPT, runDir];
    const loading: Loading = { runDir, keeperCommand, policies: POLICIES, kills };
    return namespace.runScript("test/keeper/transaction/load-through-keeper.script.ts", loading, {
      timeoutMs,
    }) as Outcomes;
  } finally {
    const pids = namespace.run(["ip", "netns", "pids", namespace.name], { mayFail: true }).stdout;
    for (const pid of pids.split("\n").filter(Boolean)) namespace.run(["kill", "-9", pid], { mayFail: true });
  }
}
