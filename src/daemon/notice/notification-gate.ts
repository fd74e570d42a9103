import { PAGE_IS_OVER, PAUSE_IS_OVER } from "../../app/protect/restore-policy.ts";
import type { Notification } from "../../host/ports/host.ts";
import type { DaemonReport } from "../daemon-report.ts";
import type { PortalReport } from "../portal/portal-watch.ts";
import type { FallbackReport } from "../watch/fallback-watch.ts";
import { renderGuarded } from "../watch/ruleset-watchdog.ts";
import type { ProtectionReport } from "./protection-watch.ts";

/** Minimum time between two notifications of the same trouble. */
const SAME_AGAIN_MS = 600_000;
/** After a sleep networks come back one by one: a failure so soon is likely to end by itself. */
const AFTER_SLEEP_MS = 30_000;
/** A first failure is tried again at once and seldom worth a word. */
const FAILURES_BEFORE_WORDS = 2;

const LOOK = "awg: look at your protection";
const NOT_PROTECTED = "awg: not protected";

type Trouble = "lost" | "stalled" | "contended" | "fallback";

/**
 * Selects the daemon's reports for desktop notifications: protection that was lost, is not repaired, is contended or is
 * on a fallback, each once in ten minutes, and the all-clear. It uses the wall clock, which also counts sleep.
 */
export class NotificationGate {
  readonly #shownMs = new Map<Trouble, number>();
  #standing = new Set<Trouble>();
  #failures = 0;
  #quietUntilMs = Number.NEGATIVE_INFINITY;

  /** @param nowMs wall clock; it may jump forward or back */
  note(report: DaemonReport, nowMs: number): Notification | undefined {
    switch (report.type) {
      case "woken":
        if (report.reasons.some((reason) => reason.startsWith("woke up"))) this.#quietUntilMs = nowMs + AFTER_SLEEP_MS;
        return undefined;
      case "applying":
        if (report.proposed || !report.keys.includes("firewall/machine")) return undefined;
        return this.#notifyOnce("lost", "The packet filter was changed from outside; awg is putting it back", nowMs);
      case "guarded":
        if (report.wrong === PAUSE_IS_OVER) return { title: "awg", text: "The pause is over" };
        if (report.wrong === PAGE_IS_OVER || (report.isOutdated === true && report.restored === "yes"))
          return undefined;
        return this.#notifyOnce("lost", renderGuarded(report), nowMs);
      case "override":
        if (report.what !== "pause") return undefined;
        return { title: "awg", text: "Paused: traffic leaves without the tunnels" };
      case "protection":
        return protectionNotification(report);
      case "portal":
        return portalNotification(report);
      case "stalled":
        this.#failures += 1;
        if (this.#failures < FAILURES_BEFORE_WORDS || this.#standing.has("contended")) return undefined;
        return this.#notifyOnce(
          "stalled",
          `The network is not as declared, and cannot be repaired: ${report.reason}`,
          nowMs,
        );
      case "contended":
        return this.#notifyOnce("contended", contendedText(report), nowMs);
      case "fallback":
        if (report.devices.length === 0) {
          this.#standing.delete("fallback");
          return undefined;
        }
        return this.#notifyOnce("fallback", fallbackText(report), nowMs, isDirect(report) ? NOT_PROTECTED : undefined);
      case "inSync":
      case "applied":
        return this.#end();
      default:
        return undefined;
    }
  }

  #notifyOnce(trouble: Trouble, text: string, nowMs: number, title = LOOK): Notification | undefined {
    if (isWithin(nowMs, this.#quietUntilMs, AFTER_SLEEP_MS)) return undefined;
    const shownMs = this.#shownMs.get(trouble);
    if (shownMs !== undefined && isWithin(nowMs, shownMs + SAME_AGAIN_MS, SAME_AGAIN_MS)) return undefined;
    this.#shownMs.set(trouble, nowMs);
    this.#standing.add(trouble);
    return { title, text };
  }

  #end(): Notification | undefined {
    this.#failures = 0;
    const isOver = this.#standing.has("stalled") || this.#standing.has("contended");
    this.#standing = new Set([...this.#standing].filter((trouble) => trouble === "fallback"));
    return isOver ? { title: "awg", text: "The network is as declared again" } : undefined;
  }
}

/** A pause, a fallback and a filter that others removed have notifications of their own. */
function protectionNotification({ holds, reason }: ProtectionReport): Notification | undefined {
  if (reason === "Paused") return undefined;
  if (!holds && reason === "FallbackDirect") return undefined;
  if (holds) return { title: "awg", text: "Protected again: the kill switch is on" };
  if (reason === "FilterLost") return undefined;
  return { title: NOT_PROTECTED, text: "The kill switch is off; traffic can leave outside the tunnels" };
}

function portalNotification({ state, url, detail }: PortalReport & { type: "portal" }): Notification | undefined {
  const title = "awg: this network wants a login";
  if (state === "open") return { title, text: `Open ${url} in a browser; all else stays behind the tunnels` };
  if (state === "found") return { title, text: `Its page stays closed: ${detail ?? url}` };
  return state === "passed" ? { title: "awg", text: "The login is done; its page is closed again" } : undefined;
}

function contendedText({ keys, by }: Extract<DaemonReport, { type: "contended" }>): string {
  const who = by.length === 0 ? "" : ` (${by.join("; ")})`;
  return `Another program keeps changing ${keys.join(", ")}${who}`;
}

/** Whether a moment is before the end of a span of this length; after a jump back of the clock it is not. */
function isWithin(nowMs: number, endMs: number, lengthMs: number): boolean {
  return nowMs < endMs && nowMs >= endMs - lengthMs;
}

type Fallback = Extract<FallbackReport, { type: "fallback" }>;

function fallbackText({ devices, switches }: Fallback): string {
  const others = [...new Set(switches.flatMap(({ by }) => by ?? []))];
  const paths = [
    ...(others.length === 0 ? [] : [`by ${others.join(", ")}`]),
    ...(isDirect({ switches }) ? ["direct"] : []),
  ];
  return `Traffic goes ${paths.join(" or ")} while ${devices.join(", ")} is down`;
}

function isDirect({ switches }: Pick<Fallback, "switches">): boolean {
  return switches.some(({ by }) => by === null);
}
