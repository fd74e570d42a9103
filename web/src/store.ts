import { signal } from "@preact/signals";
import { type AwgClient, type AwgEvent, connect } from "../../src/client/awg-client.ts";
import type { StatusDocument } from "./documents.ts";
import { withKept } from "./event-text.ts";
import { NO_RATES, type Rates, withStatus } from "./rates.ts";
import { followAddress } from "./route.ts";
import { isRefused, openSession, readLog, readRights } from "./session.ts";

/** Events that the page keeps. */
const EVENTS = 200;

export const session = signal<"opening" | "open" | "closed">("opening");
export const role = signal<"admin" | "viewer" | undefined>(undefined);
/** Why nothing can be changed, where the role is not the reason. */
export const noActions = signal<string | undefined>(undefined);
export const available = signal(false);
export const status = signal<StatusDocument | null>(null);
/** When the status came, in milliseconds since the epoch. */
export const statusAt = signal(0);
export const rates = signal<Rates>(NO_RATES);
export const events = signal<readonly AwgEvent[]>([]);
/** The clock of ages on the page, in milliseconds since the epoch. */
export const now = signal(Date.now());

let token: string | undefined;
let client: AwgClient | undefined;
let clock: ReturnType<typeof setInterval> | undefined;

/** Opens the session and follows awg while the page is visible. */
export async function start(): Promise<void> {
  token = await openSession().catch(() => undefined);
  if (token === undefined) {
    session.value = "closed";
    return;
  }
  session.value = "open";
  followAddress();
  document.addEventListener("visibilitychange", () => (document.hidden ? pause() : follow()));
  if (!document.hidden) follow();
}

/** Runs an action of the API. */
export async function run(action: string, params: Readonly<Record<string, string>> = {}): Promise<Answer> {
  if (client === undefined) return { code: 13, message: "the page is not connected" };
  return client.run(action, params);
}

export interface Answer {
  readonly code: number;
  readonly message?: string;
  readonly data?: unknown;
}

function follow(): void {
  if (client !== undefined || token === undefined) return;
  client = connect({ url: location.origin, token });
  client.onServiceStateChange((state) => {
    available.value = state.available;
    void (state.available ? learn() : checkToken());
  });
  client.onStatusChange(({ document: read }) => {
    const document = read as StatusDocument | null;
    status.value = document;
    statusAt.value = Date.now();
    if (document !== null) rates.value = withStatus(rates.value, document, Date.now());
  });
  client.onEvent((event) => {
    events.value = [event, ...events.value].slice(0, EVENTS);
  });
  now.value = Date.now();
  clock = setInterval(() => {
    now.value = Date.now();
  }, 1_000);
}

/** A hidden page asks for nothing. */
function pause(): void {
  client?.close();
  client = undefined;
  clearInterval(clock);
}

/** Who this user is, and what happened before the page was opened. */
async function learn(): Promise<void> {
  if (token === undefined) return;
  const [rights, kept] = await Promise.all([readRights(token), readLog(token)]);
  events.value = withKept(events.value, kept).slice(0, EVENTS);
  if (rights === undefined) return;
  role.value = rights.role;
  noActions.value = rights.noActions;
}

/** Another awg ui may answer on this port: then this tab needs an address of that one. */
async function checkToken(): Promise<void> {
  if (token === undefined || !(await isRefused(token))) return;
  pause();
  session.value = "closed";
}
