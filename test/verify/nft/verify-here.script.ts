import { text } from "node:stream/consumers";
import { readDetours } from "../../../src/host/linux/inspect/read-detours.ts";
import { readRuleset } from "../../../src/host/linux/inspect/read-ruleset.ts";
import type { FirewallPolicy } from "../../../src/model/firewall/policy.ts";
import { verifyRuleset } from "../../../src/verify/nft/verify-ruleset.ts";

/** Run inside a namespace: holds its packet filter against the policy of its standard input. */
const policy: FirewallPolicy = JSON.parse(await text(process.stdin));
const { findings, notes } = verifyRuleset({ policy, ...readRuleset(policy), detours: readDetours() });
process.stdout.write(JSON.stringify({ findings, notes }));
