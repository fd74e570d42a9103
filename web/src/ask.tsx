import { useState } from "preact/hooks";
import { type Answer, role, run } from "./store.ts";

/** A button that asks awg for something, says when it works, and shows why it failed. */
export function ActionButton({
  action,
  params = {},
  children,
  confirm,
  kind = "plain",
  onDone,
}: {
  readonly action: string;
  readonly params?: Readonly<Record<string, string>>;
  readonly children: string;
  /** The question that is asked first. */
  readonly confirm?: string;
  readonly kind?: "plain" | "main" | "danger";
  readonly onDone?: (answer: Answer) => void;
}) {
  const [isBusy, setBusy] = useState(false);
  const [isAsked, setAsked] = useState(false);
  const [failure, setFailure] = useState<string>();
  const act = async () => {
    setAsked(false);
    setBusy(true);
    setFailure(undefined);
    const answer = await run(action, params);
    setBusy(false);
    if (answer.code !== 0) setFailure(answer.message ?? `It ended with ${answer.code}.`);
    onDone?.(answer);
  };
  if (role.value !== "admin") return null;
  return (
    <span class="action">
      {isAsked ? (
        <span class="question">
          {confirm}{" "}
          <button type="button" class="button main" onClick={() => void act()}>
            Yes
          </button>
          <button type="button" class="button" onClick={() => setAsked(false)}>
            No
          </button>
        </span>
      ) : (
        <button
          type="button"
          class={`button ${kind}`}
          disabled={isBusy}
          onClick={() => (confirm === undefined ? void act() : setAsked(true))}
        >
          {isBusy ? "Working …" : children}
        </button>
      )}
      {failure === undefined ? null : (
        <span class="failure" role="alert">
          {failure}
        </span>
      )}
    </span>
  );
}

/** What a viewer is told where an admin has buttons. */
export function ViewerNote() {
  return role.value === "viewer" ? (
    <p class="note">You may look, not change. The config file is the truth; members of group awg may act here.</p>
  ) : null;
}
