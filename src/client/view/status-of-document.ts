import type { StatusError, TunnelsState } from "../client-api.ts";

/** What a look at the host says of its tunnels. */
export interface Look {
  readonly state: TunnelsState;
  readonly error?: StatusError;
  readonly connected_at?: string;
  readonly document: unknown;
}

/** While no daemon answers, or none has a status yet. */
export function lookWithout(error?: StatusError): Look {
  return { state: "disconnected", document: null, ...(error === undefined ? {} : { error }) };
}

/** Reads the document of `awg status --json`; fields of another form count as absent. Pure. */
export function lookOf(document: unknown): Look {
  const tunnels = listOf(document, "resources").flatMap((resource) => {
    const { key, tunnel } = resource as { readonly key?: unknown; readonly tunnel?: { readonly state?: unknown } };
    return typeof key === "string" && typeof tunnel?.state === "string" ? [{ key, state: tunnel.state }] : [];
  });
  const stalled = conditionOf(document, "Stalled");
  if (stalled?.status === true) {
    return { state: "error", error: { code: "Stalled", message: String(stalled.message) }, document };
  }
  const answering = tunnels.filter(({ state }) => state === "connected" || state === "idle");
  const blocked = tunnels.filter((tunnel) => !answering.includes(tunnel)).map(({ key }) => key);
  const state = tunnels.length === 0 ? "disconnected" : answering.length === 0 ? "connecting" : "connected";
  const ready = conditionOf(document, "Ready");
  return {
    state,
    document,
    ...(blocked.length === 0
      ? {}
      : { error: { code: "TunnelBlocked", message: `no peer answers: ${blocked.join(", ")}` } }),
    ...(state === "connected" && ready?.status === true && typeof ready.since === "string"
      ? { connected_at: ready.since }
      : {}),
  };
}

interface Condition {
  readonly type?: unknown;
  readonly status?: unknown;
  readonly message?: unknown;
  readonly since?: unknown;
}

function conditionOf(document: unknown, type: string): Condition | undefined {
  return listOf(document, "conditions").find((one): one is Condition => (one as Condition).type === type);
}

function listOf(document: unknown, field: string): readonly object[] {
  const list = (document as Readonly<Record<string, unknown>> | null | undefined)?.[field];
  return Array.isArray(list) ? list.filter((one) => typeof one === "object" && one !== null) : [];
}
