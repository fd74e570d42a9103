/** How awg finds out that a network wants a login, and what it opens then (`captivePortal`). */
export interface PortalPolicy {
  /** Whether the login page is opened; else it is only reported. */
  readonly allow: boolean;
  readonly longestSeconds: number;
  /** The address of a web server on port 80 that answers 204, or redirects to itself. */
  readonly probe: string;
  /** Whether a page outside the local network is opened, too. */
  readonly anywhere: boolean;
}

/** A login page that may be reached for a time. */
export interface OpenPortal {
  /** As the network named it, for the browser. */
  readonly url: string;
  /** Its host, if that is a name: awg's resolver answers it with the addresses. */
  readonly name?: string;
  /** TCP to these addresses and ports may leave; none while the name is being looked up. */
  readonly addresses: readonly string[];
  readonly ports: readonly number[];
  /** The network's name servers, which the service user may query for the name meanwhile (rule S3.3). */
  readonly servers: readonly string[];
}

/** What became of a login page: reported only, open, the login is done, closed without it, or left. */
export const PORTAL_STATES = ["found", "open", "passed", "closed", "left"] as const;

/** The port of the probe. */
export const PROBE_PORT = 80;
