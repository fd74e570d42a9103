/** Labels, paths and keys that installations of awg on macOS have had from the first, so that other programs find them. */
export const LAUNCHD = {
  daemon: "com.awg.split-tunnel",
  keeper: "com.awg.split-tunnel.keeper",
  gui: "com.awg.split-tunnel.gui",
  daemons: "/Library/LaunchDaemons",
  program: "/usr/local/bin/awg-split-tunnel",
  log: "/var/log/awg-split-tunnel.log",
  window: "/Applications/AWG Split Tunnel.app/Contents/MacOS/awg-split-tunnel-gui",
  extensionHelper: "/Applications/AWG Split Tunnel.app/Contents/MacOS/awg-split-tunnel-extension",
} as const;

/** Where a service is defined, and who would run it. */
export interface ServicePlace {
  /** Its name to the service manager: `awg.service`, `com.awg.split-tunnel`. */
  readonly name: string;
  /** The file that defines it, absolute. */
  readonly path: string;
  /** Of an agent: the user in whose session it runs. Absent for what runs for the machine. */
  readonly uid?: number;
}

/** One service of awg's own. */
export interface ServiceSpec extends ServicePlace {
  /** Text of the file that defines it; it bears awg's mark. */
  readonly definition: string;
  /** Whether it must be running; what is run at boot or at login only is not judged by it. */
  readonly keepRunning: boolean;
}

/** A service as the manager holds it now; the file alone does not make a service. */
export interface ServiceObserved extends ServicePlace {
  /** Text of the file; null where there is none. */
  readonly definition: string | null;
  readonly ownedByAwg: boolean;
  /** Whether the manager knows it, or will by itself once its user logs in. */
  readonly loaded: boolean;
  /** The manager still goes by an older text of the file. */
  readonly outdated: boolean;
  /** It runs by an older text until it is started anew, which is a person's to do: awg would end itself, or every utun. */
  readonly awaitsRestart?: true;
  readonly running: boolean;
  readonly pid?: number;
  /** How it ended the last time: "exit code 1", "signal 9"; absent when it never did, or nobody knows. */
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
