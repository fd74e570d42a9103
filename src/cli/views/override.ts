import { clockTime } from "../../app/down/override.ts";
import type { Status } from "../../app/status/status-report.ts";
import type { DocumentOf } from "../documents/documents.ts";

type StandingOverride = NonNullable<Status["override"]>;

const TEXTS = {
  down: "Tunnels are down",
  up: "Tunnels are up",
  pause: "Paused: traffic of the tunnels goes direct",
  portal: "The login page of this network is open",
} as const;

/** What was asked for a time, and its end, as one line of the status. */
export function renderOverride({ override: { what, endsMs, portal }, msLeft }: StandingOverride): string {
  const early = what === "up" ? "awg down" : "awg up";
  if (msLeft === 0) return `${TEXTS[what]}; the time of that is over, and no daemon ended it. End it: ${early}`;
  const where = portal === undefined ? "" : `: ${portal.url}`;
  return `${TEXTS[what]} until ${clockTime(endsMs)} (${leftText(msLeft)} left)${where}. End it now: ${early}`;
}

/** "45 s", "4 min", "2 h 5 min" */
function leftText(ms: number): string {
  const seconds = Math.ceil(ms / 1000);
  if (seconds < 120) return `${seconds} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 120 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** The same for programs. */
export function overrideDocument(standing: StandingOverride | undefined): DocumentOf<"status">["override"] {
  if (standing === undefined) return null;
  const { what, endsMs, portal } = standing.override;
  return {
    what,
    url: portal?.url ?? null,
    until: new Date(endsMs).toISOString(),
    secondsLeft: Math.ceil(standing.msLeft / 1000),
  };
}
