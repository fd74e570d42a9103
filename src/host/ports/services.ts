import type {
  AutostartObserved,
  AutostartSpec,
  ServiceObserved,
  ServicePlace,
  ServiceSpec,
} from "../../model/resources/service.ts";

/** What definitions of services are written for. */
export interface ServiceManager {
  readonly kind: "systemd" | "launchd";
  /** Absolute path and first arguments that run this very program. */
  readonly program: readonly string[];
  /** The config file that the daemon is to read. */
  readonly configFile: string;
  /** Folder of awg's sockets. */
  readonly runDir: string;
  /** The user whose session shows awg's window; absent where there is no such program or user. */
  readonly agent?: { readonly uid: number; readonly home: string };
}

/** Why services cannot be had here; reads on after "unsupported: ". */
export interface NoServiceManager {
  readonly kind: "none";
  readonly reason: string;
}

export type ServiceCommand = "start" | "stop" | "restart";

/** The services of a machine, as far as they are awg's. Only files that bear awg's mark are written over or removed. */
export interface ServicePort {
  /** Who runs services here. Changes nothing. */
  readManager(): Promise<ServiceManager | NoServiceManager>;
  /** The live state; a service that is not there has no definition and is not loaded. Changes nothing. */
  read(place: ServicePlace): Promise<ServiceObserved>;
  /**
   * Writes the definition, makes the manager read it, and starts the service where it must run. Already so is success.
   * A service that runs this very process is never ended by it: it goes by the new text from its next start on. AwgError
   * conflict where the file is somebody else's, host with what the manager answered.
   */
  ensure(spec: ServiceSpec): Promise<void>;
  /** Stops it and removes the file; already gone is success. What runs this very process ends after it has finished. */
  remove(place: ServicePlace): Promise<void>;
  readAutostart(service: Pick<AutostartSpec, "service" | "uid">): Promise<AutostartObserved>;
  ensureAutostart(spec: AutostartSpec): Promise<void>;
  /** What `awg service` asks for. AwgError host where the manager refuses. */
  control(place: ServicePlace, command: ServiceCommand): Promise<void>;
}
