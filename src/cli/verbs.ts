import type { VerbDefinition } from "./verb.ts";
import { CHANGE_VERBS } from "./verbs/change/change-verbs.ts";
import { CONFIG_VERBS } from "./verbs/config/config-verbs.ts";
import { INSPECT_VERBS } from "./verbs/inspect/inspect-verbs.ts";
import { LIVE_VERBS } from "./verbs/live/live-verbs.ts";
import { SUPPORT_VERBS } from "./verbs/support/support-verbs.ts";
import { PROCESS_VERBS } from "./verbs/system/process-verbs.ts";
import { SYSTEM_VERBS } from "./verbs/system/system-verbs.ts";
import { WG_VERBS } from "./verbs/wg/wg-verbs.ts";

/** Every verb, in the order in which help lists them. */
export const VERBS: readonly VerbDefinition[] = [
  ...CONFIG_VERBS,
  ...CHANGE_VERBS,
  ...INSPECT_VERBS,
  ...LIVE_VERBS,
  ...SYSTEM_VERBS,
  ...SUPPORT_VERBS,
  ...WG_VERBS,
  ...PROCESS_VERBS,
];
