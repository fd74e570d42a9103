import type { Config } from "../../config/config.ts";
import type { NoServiceManager, ServiceManager } from "../../host/ports/services.ts";
import type { Resource } from "../../model/resource.ts";
import { LAUNCHD, type ServiceSpec } from "../../model/resources/service.ts";
import type { BesideTunnels } from "../expand/expansion.ts";
import { renderDaemonPlist, renderGuiPlist, renderKeeperPlist } from "./launchd-plist.ts";
import { renderApiSocket, renderApiUnit, renderBootUnit, renderDaemonUnit, renderKeeperUnit } from "./systemd-unit.ts";

const UNITS = "/etc/systemd/system";

/** The parts of a config that services depend on. */
type ServiceConfig = Pick<Config, "service" | "killSwitch">;

/**
 * The services that a config asks for, and which of them the host's service manager cannot provide. Pure.
 *
 * @param bootScript the boot table as an nft script, if this host can load one before its network is up
 */
export function wantedServices(
  config: ServiceConfig,
  manager: ServiceManager | NoServiceManager,
  bootScript: string | undefined,
): BesideTunnels {
  const { service, killSwitch } = config;
  const blocksAtBoot = killSwitch.enabled && killSwitch.atBoot;
  if (service?.install !== true) {
    const unsupported = blocksAtBoot
      ? [{ path: "killSwitch.atBoot", message: "needs service: { install: true }" }]
      : [];
    return { resources: [], notes: [], unsupported };
  }
  if (manager.kind === "none") {
    const unsupported = [{ path: "service", message: `no service manager: ${manager.reason}` }];
    return { resources: [], notes: [], unsupported };
  }
  if (manager.kind === "launchd") {
    const unsupported = blocksAtBoot
      ? [
          {
            path: "killSwitch.atBoot",
            message: "works on Linux only",
          },
        ]
      : [];
    return { resources: launchdServices(manager, service), notes: [], unsupported };
  }
  if (blocksAtBoot && bootScript === undefined) {
    const unsupported = [{ path: "killSwitch.atBoot", message: "nft is not installed; install nftables" }];
    return { resources: [], notes: [], unsupported };
  }
  return {
    resources: systemdServices(manager, service, blocksAtBoot ? bootScript : undefined),
    notes: [],
    unsupported: [],
  };
}

type ServiceWish = NonNullable<Config["service"]>;

function systemdServices(
  manager: ServiceManager,
  { autostart, notifications }: ServiceWish,
  bootScript: string | undefined,
): Resource[] {
  const unit = (name: string, definition: string, keepRunning: boolean): ServiceSpec => ({
    name,
    path: `${UNITS}/${name}`,
    definition,
    keepRunning,
  });
  const boot: Resource[] =
    bootScript === undefined
      ? []
      : [
          service("boot", unit("awg-boot.service", renderBootUnit(bootScript), false)),
          startsByItself("boot", "awg-boot.service", true),
        ];
  return [
    service("keeper", unit("awg-keeper.service", renderKeeperUnit(manager), true)),
    service("daemon", unit("awg.service", renderDaemonUnit(manager, notifications), true)),
    startsByItself("daemon", "awg.service", autostart),
    service("api", unit("awg-api.service", renderApiUnit(manager), false)),
    service("api-socket", unit("awg-api.socket", renderApiSocket(manager), true)),
    startsByItself("api-socket", "awg-api.socket", autostart),
    ...boot,
  ];
}

function launchdServices(manager: ServiceManager, { autostart, notifications }: ServiceWish): Resource[] {
  const daemon = (name: string, definition: string): ServiceSpec => ({
    name,
    path: `${LAUNCHD.daemons}/${name}.plist`,
    definition,
    keepRunning: true,
  });
  const { agent } = manager;
  const window: Resource[] =
    agent === undefined || !autostart
      ? []
      : [
          service("gui", {
            name: LAUNCHD.gui,
            path: `${agent.home}/Library/LaunchAgents/${LAUNCHD.gui}.plist`,
            definition: renderGuiPlist(),
            keepRunning: false,
            uid: agent.uid,
          }),
        ];
  return [
    service("keeper", daemon(LAUNCHD.keeper, renderKeeperPlist(manager))),
    service("daemon", daemon(LAUNCHD.daemon, renderDaemonPlist(manager, notifications))),
    startsByItself("daemon", LAUNCHD.daemon, autostart),
    startsByItself("keeper", LAUNCHD.keeper, autostart),
    ...window,
  ];
}

function service(name: string, spec: ServiceSpec): Resource {
  return { kind: "service", key: `service/${name}`, spec };
}

function startsByItself(name: string, unit: string, enabled: boolean): Resource {
  return { kind: "autostart", key: `autostart/${name}`, spec: { service: unit, enabled } };
}
