import { directDownText } from "../../app/status/direct-traffic.ts";
import type { DesiredState } from "../../model/resources/desired-state.ts";
import type { FallbackReport } from "../watch/fallback-watch.ts";
import type { GuardReport } from "../watch/ruleset-watchdog.ts";

/** Whether the kill switch holds for all traffic, or why not. */
type Protection = "held" | "KillSwitchOff" | "Paused" | "FallbackDirect" | "FilterLost";

type Fallback = Extract<FallbackReport, { type: "fallback" }>;

/** The kill switch holds from now on, or does not. */
export interface ProtectionReport {
  readonly type: "protection";
  readonly holds: boolean;
  /** Absent while it holds; of its return, why it did not hold before. */
  readonly reason?: Exclude<Protection, "held">;
}

/** Reports each change between protected and not. A daemon that starts on a host without protection reports nothing. */
export class ProtectionWatch {
  readonly #report: (report: ProtectionReport) => void;
  #before: Protection | undefined;
  #isLost = false;
  #isDirect = false;
  #isDownDirect = false;

  constructor(report: (report: ProtectionReport) => void) {
    this.#report = report;
  }

  /** Gets what the guard found and did. */
  noteGuard({ restored }: Pick<GuardReport, "restored">): void {
    this.#isLost = restored === "no";
    if (this.#isLost && this.#isOn()) this.#note("FilterLost");
  }

  /** Gets where traffic of tunnels goes that are down. */
  noteFallback({ switches }: Pick<Fallback, "switches">): void {
    this.#isDirect = switches.some(({ by }) => by === null);
    if (this.#isOn()) this.#note(this.#held());
  }

  /** Gets the accepted state at each look, after the guard's. */
  follow(desired: DesiredState): void {
    const { resources, override } = desired;
    const isOn = resources.some(
      (one) => one.kind === "firewall" && one.spec.layers.some(({ killSwitch }) => killSwitch),
    );
    this.#isDownDirect = directDownText(desired) !== undefined;
    if (!isOn) this.#note("KillSwitchOff");
    else if (override?.what === "pause") this.#note("Paused");
    else this.#note(this.#isLost ? "FilterLost" : this.#held());
  }

  #held(): Protection {
    return this.#isDirect || this.#isDownDirect ? "FallbackDirect" : "held";
  }

  /** Whether the kill switch was in the kernel. */
  #isOn(): boolean {
    return this.#before === "held" || this.#before === "FallbackDirect";
  }

  #note(now: Protection): void {
    const before = this.#before;
    this.#before = now;
    if (before === undefined || before === now) return;
    if (now !== "held") this.#report({ type: "protection", holds: false, reason: now });
    else if (before !== "held") this.#report({ type: "protection", holds: true, reason: before });
  }
}
