import type { ProtectionReport } from "./notice/protection-watch.ts";
import type { PortalReport } from "./portal/portal-watch.ts";
import type { LoopReport } from "./reconcile-loop.ts";
import type { FallbackReport } from "./watch/fallback-watch.ts";
import type { OverrideReport } from "./watch/override-watch.ts";
import type { ProbeReport } from "./watch/probe-watch.ts";
import type { GuardReport } from "./watch/ruleset-watchdog.ts";

/** Everything the daemon reports; plain data. */
export type DaemonReport =
  | LoopReport
  | GuardReport
  | FallbackReport
  | ProbeReport
  | OverrideReport
  | PortalReport
  | ProtectionReport;
