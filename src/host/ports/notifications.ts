/** A notification for the user at the screen: never a secret, one line each. */
export interface Notification {
  readonly title: string;
  readonly text: string;
}

/** Shows it in every graphical session; a host without one, or a session that refuses, is no failure. */
export type ShowNotification = (notification: Notification) => Promise<void>;
