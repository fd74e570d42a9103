import type { Applied } from "../../../app/apply/applied.ts";
import { type FirstAnswer, firstAnswers } from "../../../app/first-answer/first-answers.ts";
import type { HostParts } from "../../../app/parts.ts";
import type { Planned } from "../../../app/plan/planned.ts";
import { endsAtReboot } from "../../../app/status/reboot.ts";
import { renderFirstAnswers } from "../../views/first-answers.ts";

/** What was found out about a state once it was applied; part of the JSON document. */
export interface StateAfter {
  readonly tunnels?: readonly FirstAnswer[];
  /** A reboot removes the new state. */
  readonly endsAtReboot?: true;
}

/**
 * Whether the tunnels of a new state carry. A state on trial is looked at meanwhile; a host that was not changed,
 * without a wait.
 */
export function answersAfter(
  parts: HostParts,
  { verb, desired, unresolved = {} }: Planned,
  { changed }: Applied,
  isOver: () => boolean,
): Promise<readonly FirstAnswer[]> {
  if (verb === "destroy") return Promise.resolve([]);
  // The host is in its new state: a failed look at it is no failure of the apply.
  return firstAnswers(parts, { desired, unresolved, waits: changed, isOver }).catch(() => []);
}

/** Collects it; waits for the answers. */
export async function stateAfter(
  parts: HostParts,
  { desired }: Planned,
  { changed }: Applied,
  answering: Promise<readonly FirstAnswer[]>,
): Promise<StateAfter> {
  const tunnels = await answering;
  const ends = changed && desired.down === undefined && (await endsAtReboot(parts, desired));
  return {
    ...(tunnels.length === 0 ? {} : { tunnels }),
    ...(ends ? { endsAtReboot: true } : {}),
  };
}

/** Of a host that was not changed, only the tunnels that do not carry are worth a line. */
export function answersText({ changed }: Applied, answers: readonly FirstAnswer[]): string {
  const shown = changed ? answers : answers.filter(({ state }) => state !== "up");
  return renderFirstAnswers(shown, changed);
}

/** The lines below the result. The answers of a state on trial were shown while it waited. */
export function afterText(outcome: Applied, { tunnels = [], endsAtReboot: ends }: StateAfter): string {
  const answers = outcome.unconfirmed === undefined ? answersText(outcome, tunnels) : "";
  const boot = ends === true ? "It lasts until reboot; awg install keeps it." : "";
  return `${answers}${boot}`;
}
