import type { AwgClient, AwgEvent, RunAnswer, ServiceState, StatusError, TunnelsStatus } from "./client-api.ts";
import { TIMES } from "./link/link-machine.ts";
import { type LinkTimes, LiveLink } from "./live-link.ts";
import { LiveView } from "./live-view.ts";
import { Subscribers } from "./subscribers.ts";
import type { Transport } from "./transport/transport.ts";
import { type Look, lookOf, lookWithout } from "./view/status-of-document.ts";
import type { Aim } from "./view/status-view.ts";

/** The exit code of awg when the daemon or its API does not answer. */
const UNREACHABLE = 13;
/** awg ends an action after 5 minutes, and gives it 30 s to undo what it did. */
const RUN_LIMIT_MS = 340_000;
const AIMS: Readonly<Record<string, Aim>> = { up: "connecting", down: "disconnecting" };

/** A client over a transport. Times other than those of awg are for tests. */
export function openClient(transport: Transport, times: LinkTimes = TIMES): AwgClient {
  const services = new Subscribers<ServiceState>();
  const statuses = new Subscribers<TunnelsStatus>();
  const events = new Subscribers<AwgEvent>();
  let service: ServiceState | undefined;
  const view = new LiveView(times.pendingMs, (look) => statuses.call(statusOf(look)));
  const link = new LiveLink(transport, times, {
    onAvailable: (available, message = "no daemon answers") => {
      service = available ? { available } : { available, error: { code: "Unavailable", message } };
      services.call(service);
      if (!available) view.feed({ type: "lost", look: lookWithout(service.error) });
    },
    onStatus: (document) => view.feed({ type: "look", look: lookOf(document) }),
    onEvent: (event) => events.call(event as AwgEvent),
  });
  /** Nothing is kept without a listener: the next one begins with the state of then. */
  const rest = (): void => {
    if (services.size + statuses.size + events.size > 0) return;
    link.stop();
    view.reset();
    service = undefined;
  };
  const subscribe = <Value>(
    list: Subscribers<Value>,
    callback: (value: Value) => void,
    present: () => Value | undefined,
  ): (() => void) => {
    const entry = list.add(callback);
    queueMicrotask(() => {
      const now = present();
      if (now !== undefined) entry.call(now);
    });
    link.start();
    return () => {
      if (entry.remove()) rest();
    };
  };
  return {
    run: async (action, params = {}) => {
      const aim = Object.hasOwn(AIMS, action) && statuses.size > 0 ? AIMS[action] : undefined;
      if (aim === undefined) return runAction(transport, action, params);
      view.feed({ type: "aim", aim });
      const answer = await runAction(transport, action, params);
      const look = statuses.size === 0 ? undefined : await askLook(transport, times.idleMs);
      view.feed({ type: "settled", ...(look === undefined ? {} : { look }), ...errorOf(answer) });
      rest();
      return answer;
    },
    onServiceStateChange: (callback) => subscribe(services, callback, () => service),
    onStatusChange: (callback) =>
      subscribe(statuses, callback, () => (view.shown === undefined ? undefined : statusOf(view.shown))),
    onEvent: (callback) => subscribe(events, callback, () => undefined),
    close: () => {
      for (const list of [services, statuses, events]) list.clear();
      rest();
    },
  };
}

function errorOf({ code, message = "" }: RunAnswer): { readonly error?: StatusError } {
  return code === 0 ? {} : { error: { code, message } };
}

function statusOf({ document, ...look }: Look): TunnelsStatus {
  const { connected_at } = look;
  if (connected_at === undefined) return { ...look, document };
  const uptime_seconds = Math.max(0, Math.floor((Date.now() - Date.parse(connected_at)) / 1000));
  return { ...look, uptime_seconds, document };
}

async function runAction(transport: Transport, action: string, params: object): Promise<RunAnswer> {
  try {
    const { status, text } = await transport.request({
      method: "POST",
      path: "/api/run",
      body: { action, params },
      signal: AbortSignal.timeout(RUN_LIMIT_MS),
    });
    const { code, message, data } = JSON.parse(text) as Readonly<Record<string, unknown>>;
    return {
      code: typeof code === "number" ? code : status,
      ...(typeof message === "string" ? { message } : {}),
      ...(data === undefined ? {} : { data }),
    };
  } catch (error) {
    return { code: UNREACHABLE, message: `awg does not answer: ${reasonOf(error)}` };
  }
}

/** The host after an action, so that what is shown is no older than its end. */
async function askLook(transport: Transport, limitMs: number): Promise<Look | undefined> {
  try {
    const signal = AbortSignal.timeout(limitMs);
    const { status, text } = await transport.request({ method: "GET", path: "/api/status", signal });
    return status === 200 ? lookOf((JSON.parse(text) as { readonly status?: unknown }).status) : undefined;
  } catch {
    return undefined;
  }
}

/** In words, without an address or a token. */
function reasonOf(error: unknown): string {
  const cause = (error as { readonly cause?: unknown } | null)?.cause ?? error;
  return cause instanceof Error ? cause.message : String(cause);
}
