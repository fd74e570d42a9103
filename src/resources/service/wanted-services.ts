import type { Config } from "../../config/config.ts";
import type { NoServiceManager, ServiceManager } from "../../host/ports/services.ts";
import type { Resource } from "../../model/resource.ts";
import { LAUNCHD, type ServiceSpec } from "../../model/resources/service.ts";
import type { BesideTunnels } from "../expand/expansion.ts";
import { renderApiPlist, renderDaemonPlist, renderGuiPlist, renderKeeperPlist } from "./launchd-plist.ts";
import {
  renderApiSocket,
  renderApiUnit,
  renderBootUnit,
  renderDaemonUnit,
  renderGatewayUnit,
  renderKeeperUnit,
} from "./systemd-unit.ts";

const UNITS = "/etc/systemd/system";

/** The parts of a config that services depend on. */
type ServiceConfig = Pick<Config, "service" | "killSwitch" | "api">;

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
  const { service, killSwitch, api } = config;
  const blocksAtBoot = killSwitch.enabled && killSwitch.atBoot;
  if (service?.install !== true) {
    const needing = [...(blocksAtBoot ? ["killSwitch.atBoot"] : []), ...(api === undefined ? [] : ["api"])];
    const unsupported = needing.map((path) => ({ path, message: "needs service: { install: true }" }));
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
    resources: systemdServices(manager, { ...service, api: api ?? {} }, blocksAtBoot ? bootScript : undefined),
    notes: [],
    unsupported: [],
  };
}

type ServiceWish = NonNullable<Config["service"]>;
type SystemdWish = ServiceWish & { readonly api: NonNullable<Config["api"]> };

function systemdServices(
  manager: ServiceManager,
  { autostart, notifications, api }: SystemdWish,
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
  const gateway: Resource[] =
    api.http === undefined
      ? []
      : [
          service("gateway", unit("awg-gateway.service", renderGatewayUnit(manager, api.http), true)),
          startsByItself("gateway", "awg-gateway.service", autostart),
        ];
  return [
    service("keeper", unit("awg-keeper.service", renderKeeperUnit(manager), true)),
    service("daemon", unit("awg.service", renderDaemonUnit(manager, notifications), true)),
    startsByItself("daemon", "awg.service", autostart),
    service("api", unit("awg-api.service", renderApiUnit(manager, api.group), false)),
    service("api-socket", unit("awg-api.socket", renderApiSocket(manager, api.group), true)),
    startsByItself("api-socket", "awg-api.socket", autostart),
    ...gateway,
    ...boot,
  ];
}

function launchdServices(manager: ServiceManager, { autostart, notifications }: ServiceWish): Resource[] {
  const daemon = (name: string, definition: string, keepRunning = true): ServiceSpec => ({
    name,
    path: `${LAUNCHD.daemons}/${name}.plist`,
    definition,
    keepRunning,
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
    service("api", daemon(LAUNCHD.api, renderApiPlist(manager), false)),
    startsByItself("daemon", LAUNCHD.daemon, autostart),
    startsByItself("keeper", LAUNCHD.keeper, autostart),
    startsByItself("api", LAUNCHD.api, autostart),
    ...window,
  ];
}

function service(name: string, spec: ServiceSpec): Resource {
  return { kind: "service", key: `service/${name}`, spec };
}

function startsByItself(name: string, unit: string, enabled: boolean): Resource {
  return { kind: "autostart", key: `autostart/${name}`, spec: { service: unit, enabled } };
}
