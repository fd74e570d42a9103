import type { NoServiceManager, ServiceManager } from "../../host/ports/services.ts";
import { AwgError } from "../../model/error.ts";
import type { Resource } from "../../model/resource.ts";
import { CONFIG_FILES } from "../../model/resources/config-file.ts";
import { counted } from "../../model/text/counted.ts";
import { applyPlanned } from "../apply/apply-planned.ts";
import { forgetProposals } from "../apply/proposal-record.ts";
import { sshRiskOf } from "../apply/ssh-risk.ts";
import type { HostParts } from "../parts.ts";
import { planDestroy } from "../plan/planner.ts";
import { protectAfterFailure } from "../protect/failed-verb.ts";
import { readAccepted } from "../status/machine-status.ts";
import { InstallationRecord } from "./installation-record.ts";
import { addSteps, type InstallationStep, removeSteps, type StepReport } from "./installation-step.ts";
import {
  configFolderStep,
  refuseHiddenProgram,
  replaceableParts,
  userObstacle,
  userStep,
  viewerGroupSteps,
} from "./machine-steps.ts";
import { serviceSteps, wantedHere } from "./service-steps.ts";
import { underLock } from "./under-lock.ts";

export interface InstallOptions {
  readonly dryRun: boolean;
}

export interface Installed {
  readonly steps: readonly StepReport[];
  /** Sentences for people. */
  readonly warnings: readonly string[];
}

/**
 * Installs on the host what awg needs to maintain it: user, config folder, services. What exists stays. If the applied
 * config declares services, they stay as it says.
 *
 * @throws AwgError unsupported where no services exist, or where they could not see this program
 */
export async function installAwg(parts: HostParts, options: InstallOptions): Promise<Installed> {
  parts.requireRights?.();
  const { services } = parts.host;
  const wanted = await wantedHere(services);
  const manager = await services?.readManager();
  if (services === undefined || manager === undefined || manager.kind === "none") return { steps: [], warnings: [] };
  refuseHiddenProgram(manager);
  const isDeclared = (await readAccepted(parts)).some(({ kind }) => kind === "service");
  const steps = [...machineSteps(parts, manager), ...(isDeclared ? [] : serviceSteps(services, wanted))];
  const record = new InstallationRecord(parts.stateDir);
  const warnings = [
    ...(isDeclared ? ["the applied config has a service section; awg apply manages the services"] : []),
    ...(parts.isSimulated
      ? []
      : [userObstacle(manager.kind) ?? [], ...replaceableParts(manager.program).map(replaceable)].flat()),
  ];
  const add = () => addSteps(steps, options.dryRun, (what) => record.add(what));
  return { steps: options.dryRun ? await add() : await underLock(parts, "install", add), warnings };
}

/**
 * Removes awg from the host. The config and things that awg did not make stay.
 *
 * @throws AwgError conflict while a generation is in force, unless it is destroyed first
 */
export async function uninstallAwg(
  parts: HostParts,
  options: InstallOptions & { readonly force: boolean },
): Promise<Installed> {
  parts.requireRights?.();
  const { services } = parts.host;
  const manager = await services?.readManager();
  const warnings = await destroyFirst(parts, options).catch(async (cause: unknown) => {
    throw options.dryRun ? cause : await protectAfterFailure(parts, cause);
  });
  const record = new InstallationRecord(parts.stateDir);
  const wanted: readonly Resource[] =
    manager === undefined || manager.kind === "none" ? [] : await wantedHere(services);
  const steps = [...machineSteps(parts, manager), ...(services === undefined ? [] : serviceSteps(services, wanted))];
  const remove = async () => {
    const reports = await removeSteps(steps, options.dryRun, record.read());
    if (!options.dryRun) {
      record.clear();
      await forgetProposals(parts);
    }
    return reports;
  };
  return { steps: options.dryRun ? await remove() : await underLock(parts, "uninstall", remove), warnings };
}

async function destroyFirst(
  parts: HostParts,
  { force, dryRun }: { readonly force: boolean; readonly dryRun: boolean },
): Promise<readonly string[]> {
  const standing = await readAccepted(parts);
  if (standing.length === 0) return [];
  if (!force) {
    throw new AwgError(
      "conflict",
      `${counted(standing.length, "resource is", "resources are")} still applied; without awg nothing maintains them`,
      {
        remedy: "run awg destroy first, or awg uninstall --force, which does it",
      },
    );
  }
  if (dryRun) return [`${counted(standing.length, "resource")} would be destroyed first`];
  const planned = await planDestroy(parts);
  const risk = await sshRiskOf(parts, planned);
  if (risk !== undefined) {
    throw new AwgError("usage", `this would cut the SSH connection you are on (${risk.why}); nothing was changed`, {
      remedy: "connect to another address of this host, or run awg destroy --accept-risk lose-ssh first",
    });
  }
  await applyPlanned(parts, { planned }, { onEvent: () => {}, shouldStop: () => undefined }, () => {});
  return [`${counted(standing.length, "resource was", "resources were")} destroyed first`];
}

/** A simulated host has services and nothing else of this. */
function machineSteps(
  { isSimulated }: HostParts,
  manager: ServiceManager | NoServiceManager | undefined,
): readonly InstallationStep[] {
  if (isSimulated) return [];
  const configFile = manager === undefined || manager.kind === "none" ? CONFIG_FILES.linux : manager.configFile;
  const makesUser = manager?.kind !== "launchd" && userObstacle(manager?.kind) === undefined;
  return [...(makesUser ? [userStep(), ...viewerGroupSteps()] : []), configFolderStep(configFile)];
}

function replaceable(path: string): string {
  return `${path} is writable by users other than root, and the service runs it as root`;
}
