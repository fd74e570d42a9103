import type { CheckContext } from "./check-context.ts";
import { checkDns } from "./dns.ts";
import { checkKillSwitch } from "./kill-switch.ts";
import { checkLifecycle } from "./lifecycle.ts";
import { checkMachine } from "./machine.ts";
import { checkObfuscation } from "./obfuscation.ts";
import { checkProbes } from "./probes.ts";
import { checkReferences } from "./references.ts";
import { checkRefused } from "./refused.ts";
import { checkRules } from "./rules.ts";
import { checkSecrets } from "./secrets.ts";
import { checkShadowing } from "./shadowing.ts";
import { checkSubstitution } from "./substitution.ts";
import { checkTunnels } from "./tunnels.ts";

/** Checks that need more than one value: combinations of keys, or facts of the host. */
const CHECKS: readonly ((context: CheckContext) => void)[] = [
  checkReferences,
  checkTunnels,
  checkObfuscation,
  checkRules,
  checkShadowing,
  checkKillSwitch,
  checkDns,
  checkSecrets,
  checkSubstitution,
  checkLifecycle,
  checkMachine,
  checkProbes,
  checkRefused,
];

/** Runs all checks; each reports to the context. */
export function runChecks(context: CheckContext): void {
  for (const check of CHECKS) check(context);
}
