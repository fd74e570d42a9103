/** What is told to whoever sits at the screen. Never a secret, and one line each. */
export interface Notification {
  readonly title: string;
  readonly text: string;
}

/** Shows it in every session with a screen; a machine without one is no failure, and neither is a session that refuses. */
export type ShowNotification = (notification: Notification) => Promise<void>;
