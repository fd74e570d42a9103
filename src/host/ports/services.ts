import type {
  AutostartObserved,
  AutostartSpec,
  ServiceObserved,
  ServicePlace,
  ServiceSpec,
} from "../../model/resources/service.ts";

/** The service manager, and what service definitions need to know. */
export interface ServiceManager {
  readonly kind: "systemd" | "launchd";
  /** Absolute path and first arguments that run this program. */
  readonly program: readonly string[];
  /** The daemon's config file. */
  readonly configFile: string;
  /** Folder of awg's sockets. */
  readonly runDir: string;
  /** The user whose session runs awg's menu program; absent without such a program or user. */
  readonly agent?: { readonly uid: number; readonly home: string };
}

/** Why this host supports no services; continues the text "unsupported: ". */
export interface NoServiceManager {
  readonly kind: "none";
  readonly reason: string;
}

export type ServiceCommand = "start" | "stop" | "restart";

/** awg's services. Only files with awg's mark are overwritten or removed. */
export interface ServicePort {
  /** The service manager of this host. Reads only. */
  readManager(): Promise<ServiceManager | NoServiceManager>;
  /** The live state; a missing service has no definition and is not loaded. Reads only. */
  read(place: ServicePlace): Promise<ServiceObserved>;
  /**
   * Writes the definition, reloads the manager, and starts the service where it must run. Already so is success. A
   * service that runs this process is never stopped; it uses the new definition from its next start. AwgError conflict
   * where the file is another program's, host with the manager's answer.
   */
  ensure(spec: ServiceSpec): Promise<void>;
  /**
   * Stops it and removes the file; already gone is success. The service that runs this process ends after it has
   * finished.
   */
  remove(place: ServicePlace): Promise<void>;
  readAutostart(service: Pick<AutostartSpec, "service" | "uid">): Promise<AutostartObserved>;
  ensureAutostart(spec: AutostartSpec): Promise<void>;
  /** Names of all services that run, of other programs, too; absent where awg cannot list them. Reads only. */
  readRunning?(): Promise<readonly string[]>;
  /** Executes a command of `awg service`. AwgError host where the manager refuses. */
  control(place: ServicePlace, command: ServiceCommand): Promise<void>;
}
