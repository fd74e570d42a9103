import { AwgError } from "../../model/error.ts";
import type { Override } from "../../model/resources/desired-state.ts";
import { bootTimeMs } from "../../reconciler/apply/outcome.ts";
import type { Generation } from "../../reconciler/journal/generation.ts";
import type { HostParts } from "../parts.ts";
import type { Standing } from "../plan/planned.ts";

/** What the daemon, which ends an override, may be late before the keeper does. */
const DAEMON_LATE_MS = 2_000;

type Clocks = Pick<HostParts, "clock" | "bootId">;

/** Milliseconds until an override ends; 0 when it is over, as after a reboot. */
export function msLeft({ bootId, endsBootMs }: Override, clocks: Clocks): number {
  if (bootId !== (clocks.bootId?.() ?? "")) return 0;
  return Math.max(0, endsBootMs - bootTimeMs(clocks));
}

/** The accepted generation's override if its time is over. */
export function overdue(accepted: Generation | undefined, clocks: Clocks): Override | undefined {
  const { override } = accepted?.desired ?? {};
  return override !== undefined && msLeft(override, clocks) === 0 ? override : undefined;
}

/** An override that begins now. @param back see `Override` */
export function overrideFor(what: Override["what"], forMs: number, back: number, clocks: Clocks): Override {
  return {
    what,
    endsMs: clocks.clock.nowMs() + forMs,
    endsBootMs: Math.round(bootTimeMs(clocks) + forMs),
    bootId: clocks.bootId?.() ?? "",
    back,
  };
}

/**
 * What stays down, and for how long, when a config is planned. An override goes on with the config that it was made for;
 * another config, or the end of its time, brings back what held before.
 */
export async function standingRequest(
  parts: Clocks & Pick<HostParts, "stores">,
  accepted: Generation | undefined,
  configHash: string,
): Promise<Standing> {
  const { down = [], override } = accepted?.desired ?? {};
  if (override === undefined) return { down };
  if (accepted?.configHash === configHash && msLeft(override, parts) > 0) return { down, override };
  return { down: (await generationBehind(parts, override)).desired.down ?? [] };
}

/**
 * The generation that holds again after an override.
 *
 * @throws AwgError journal if it is not kept
 */
export async function generationBehind({ stores }: Pick<HostParts, "stores">, { back }: Override): Promise<Generation> {
  const found = await stores.generations.read(back);
  if (found !== undefined) return found;
  throw new AwgError("journal", `generation ${back}, which holds again after a change for a time, is not kept`, {
    remedy: "run awg apply",
  });
}

/** Makes the keeper end an override, should the daemon have died. AwgError host if it cannot. */
export async function watchOverride({ watchdog }: Pick<HostParts, "watchdog">, override: Override): Promise<void> {
  await watchdog?.arm(override.endsBootMs + DAEMON_LATE_MS);
}

/** When no confirmation is awaited, the keeper watches the accepted override, or nothing. Best effort. */
export async function settleWatchdog(parts: Clocks & Pick<HostParts, "stores" | "watchdog">): Promise<void> {
  const accepted = await parts.stores.generations.latest().catch(() => undefined);
  const { override } = accepted?.desired ?? {};
  if (override === undefined || msLeft(override, parts) === 0) await parts.watchdog?.disarm();
  else await watchOverride(parts, override).catch(() => {});
}

/** "14:05:10", in the time zone of the host. Pure but for that. */
export function clockTime(ms: number): string {
  return new Date(ms).toLocaleTimeString("en-GB");
}
