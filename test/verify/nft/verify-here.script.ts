import { text } from "node:stream/consumers";
import { readRuleset } from "../../../src/host/linux/inspect/read-ruleset.ts";
import { readTrafficHooks } from "../../../src/host/linux/inspect/read-traffic-hooks.ts";
import type { FirewallPolicy } from "../../../src/model/firewall/policy.ts";
import { verifyRuleset } from "../../../src/verify/nft/verify-ruleset.ts";

/** Run inside a namespace: holds its packet filter against the policy of its standard input. */
const policy: FirewallPolicy = JSON.parse(await text(process.stdin));
const { findings, notes } = verifyRuleset({ policy, ...readRuleset(policy), trafficHooks: readTrafficHooks() });
process.stdout.write(JSON.stringify({ findings, notes }));
