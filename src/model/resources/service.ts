/** Labels, paths and keys that all macOS installations of awg have used, so that other programs find them. */
export const LAUNCHD = {
  daemon: "com.awg.split-tunnel",
  keeper: "com.awg.split-tunnel.keeper",
  api: "com.awg.split-tunnel.api",
  gui: "com.awg.split-tunnel.gui",
  daemons: "/Library/LaunchDaemons",
  program: "/usr/local/bin/awg-split-tunnel",
  log: "/var/log/awg-split-tunnel.log",
  apiSocket: "/var/run/awg-split-tunnel.sock",
  /** The key of that socket in the API's plist. */
  apiSocketKey: "api",
  window: "/Applications/AWG Split Tunnel.app/Contents/MacOS/awg-split-tunnel-gui",
  extensionHelper: "/Applications/AWG Split Tunnel.app/Contents/MacOS/awg-split-tunnel-extension",
} as const;

/** The definition of a service, and the user that runs it. */
export interface ServicePlace {
  /** Its name in the service manager: `awg.service`, `com.awg.split-tunnel`. */
  readonly name: string;
  /** The file that defines it, absolute. */
  readonly path: string;
  /** For an agent: the user of its session. Absent for a system service. */
  readonly uid?: number;
}

/** One service of awg's own. */
export interface ServiceSpec extends ServicePlace {
  /** Text of the file that defines it; it contains awg's mark. */
  readonly definition: string;
  /** Whether it must be running; not checked for services that run only at boot or login. */
  readonly keepRunning: boolean;
}

/** A service as the manager has it now; a file alone does not make a service. */
export interface ServiceObserved extends ServicePlace {
  /** Text of the file; null where there is none. */
  readonly definition: string | null;
  readonly ownedByAwg: boolean;
  /** Whether the manager has it, or will load it when its user logs in. */
  readonly loaded: boolean;
  /** The manager still uses an older text of the file. */
  readonly outdated: boolean;
  /** It runs with an older text until a person restarts it: awg would end itself, or every utun. */
  readonly awaitsRestart?: true;
  readonly running: boolean;
  readonly pid?: number;
  /** How it last ended: "exit code 1", "signal 9"; absent if it never did, or that is unknown. */
  readonly lastExit?: string;
}

/** Whether a service is started at boot, or at login for an agent. */
export interface AutostartSpec {
  readonly service: string;
  readonly uid?: number;
  readonly enabled: boolean;
}

export interface AutostartObserved {
  readonly service: string;
  readonly uid?: number;
  readonly enabled: boolean;
}
