import type { StatusError, TunnelsState } from "../client-api.ts";
import type { Look } from "./status-of-document.ts";

/**
 * What a person is shown of the looks: a pending state that passes quickly is left out, and the state that an action aims
 * at is shown before the host has it. State and error are always of one look.
 */
export interface View {
  /** What was shown last. */
  readonly shown?: Look;
  /** The latest look. */
  readonly latest?: Look;
  /** What a running action aims at; shown instead of the looks. */
  readonly aim?: Aim;
}

export type Aim = "connecting" | "disconnecting";

export type ViewInput =
  | { readonly type: "look"; readonly look: Look }
  /** An action begins that aims at a state. */
  | { readonly type: "aim"; readonly aim: Aim }
  /** It ended; `look` was made after it. */
  | { readonly type: "settled"; readonly look?: Look; readonly error?: StatusError }
  /** The daemon is lost, and with it what an action aimed at. */
  | { readonly type: "lost"; readonly look: Look }
  /** The pending state has lasted. */
  | { readonly type: "timer" };

export interface ViewStep {
  readonly view: View;
  /** What to show now. */
  readonly show?: Look;
  /** Whether to come back with `timer` after TIMES.pendingMs; no earlier timer counts any more. */
  readonly wait: boolean;
}

/** Where an action has arrived. A look that says so ends the aim; others are of before. */
const ENDS: Readonly<Record<Aim, readonly TunnelsState[]>> = {
  connecting: ["connected", "error"],
  disconnecting: ["disconnected", "error"],
};

/** The next view, and what to show. Pure. */
export function stepView(view: View, input: ViewInput): ViewStep {
  switch (input.type) {
    case "aim":
      return show({ ...view, aim: input.aim }, { ...withoutError(view.latest), state: input.aim });
    case "settled": {
      const { aim, ...rest } = view;
      const look = (aim === undefined ? undefined : input.look) ?? rest.latest;
      const latest: Look = look ?? { state: "disconnected", document: null };
      const ended = look === undefined ? rest : { ...rest, latest };
      return show(ended, input.error === undefined ? latest : { ...latest, error: input.error });
    }
    case "lost": {
      const { aim: _aim, ...rest } = view;
      return onLook(rest, input.look);
    }
    case "timer":
      return view.latest === undefined || view.aim !== undefined ? { view, wait: false } : show(view, view.latest);
    case "look":
      return onLook(view, input.look);
    default:
      return input satisfies never;
  }
}

function onLook(before: View, look: Look): ViewStep {
  const { aim, ...rest } = before;
  const view = { ...rest, latest: look };
  if (aim !== undefined && !ENDS[aim].includes(look.state)) {
    return show({ ...view, aim }, { ...withoutError(look), state: aim });
  }
  const isNewlyPending = look.state === "connecting" && before.shown !== undefined && before.shown.state !== look.state;
  return isNewlyPending && aim === undefined ? { view, wait: true } : show(view, look);
}

function show(view: View, look: Look): ViewStep {
  return { view: { ...view, shown: look }, show: look, wait: false };
}

function withoutError(look: Look | undefined): Omit<Look, "error" | "connected_at"> {
  if (look === undefined) return { state: "disconnected", document: null };
  const { error: _error, connected_at: _since, ...rest } = look;
  return rest;
}
