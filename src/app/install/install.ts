import { openSession } from "../../compose/open.ts";
import { pathsFor } from "../../compose/paths.ts";
import type { NoServiceManager, ServiceManager } from "../../host/ports/services.ts";
import { AwgError } from "../../model/error.ts";
import type { Resource } from "../../model/resource.ts";
import { counted } from "../../model/text/counted.ts";
import type { ReconcilingSession } from "../reconciling-session.ts";
import type { SessionOptions } from "../session.ts";
import { InstallationRecord } from "./installation-record.ts";
import { addSteps, type InstallationStep, removeSteps, type StepReport } from "./installation-step.ts";
import { configFolderStep, replaceableParts, userObstacle, userStep } from "./machine-steps.ts";
import { serviceSteps, wantedHere } from "./service-steps.ts";

export interface InstallOptions extends SessionOptions {
  readonly dryRun: boolean;
}

export interface Installed {
  readonly steps: readonly StepReport[];
  /** Sentences for people. */
  readonly warnings: readonly string[];
}

/**
 * Puts on the machine what awg needs to keep it: user, config folder, services. What is there stays. Where a config was
 * applied that has services of its own, those stay as it says. AwgError unsupported where no services can be had.
 */
export async function installAwg(options: InstallOptions): Promise<Installed> {
  await using session = await openSession(options);
  const { services } = session;
  const wanted = await wantedHere(services);
  const manager = await services?.readManager();
  if (services === undefined || manager === undefined || manager.kind === "none") return { steps: [], warnings: [] };
  const isDeclared = (await session.accepted()).some(({ kind }) => kind === "service");
  const steps = [...machineSteps(options, manager), ...(isDeclared ? [] : serviceSteps(services, wanted))];
  const record = new InstallationRecord(stateDirOf(options));
  const warnings = [
    ...(isDeclared ? ["the applied config has a service section; awg apply looks after the services"] : []),
    ...(isSimulated(options)
      ? []
      : [userObstacle(manager.kind) ?? [], ...replaceableParts(manager.program).map(replaceable)].flat()),
  ];
  const add = () => addSteps(steps, options.dryRun, (what) => record.add(what));
  return { steps: options.dryRun ? await add() : await session.write("install", add), warnings };
}

/**
 * Takes awg off the machine again; the config and what awg did not make stay. AwgError conflict while a generation stands,
 * unless it is to be destroyed first.
 */
export async function uninstallAwg(options: InstallOptions & { readonly force: boolean }): Promise<Installed> {
  await using session = await openSession(options);
  const { services } = session;
  const manager = await services?.readManager();
  const warnings = await destroyFirst(session, options).catch(async (cause: unknown) => {
    throw options.dryRun ? cause : await session.ifUnreadable(cause, "protect");
  });
  const record = new InstallationRecord(stateDirOf(options));
  const wanted: readonly Resource[] =
    manager === undefined || manager.kind === "none" ? [] : await wantedHere(services);
  const steps = [...machineSteps(options, manager), ...(services === undefined ? [] : serviceSteps(services, wanted))];
  const remove = async () => {
    const reports = await removeSteps(steps, options.dryRun, record.read());
    if (!options.dryRun) {
      record.clear();
      await session.forgetProposals();
    }
    return reports;
  };
  return { steps: options.dryRun ? await remove() : await session.write("uninstall", remove), warnings };
}

async function destroyFirst(
  session: ReconcilingSession,
  { force, dryRun }: { readonly force: boolean; readonly dryRun: boolean },
): Promise<readonly string[]> {
  const standing = await session.accepted();
  if (standing.length === 0) return [];
  if (!force) {
    throw new AwgError(
      "conflict",
      `${counted(standing.length, "resource stands", "resources stand")} as applied; without awg nobody would look after what stands`,
      {
        remedy: "say awg destroy first, or awg uninstall --force, which does it",
      },
    );
  }
  if (dryRun) return [`${counted(standing.length, "resource")} would be destroyed first`];
  const planned = await session.planDestroy();
  const risk = await session.sshRisk(planned);
  if (risk !== undefined) {
    throw new AwgError("usage", `this would cut the SSH connection you are on (${risk.why}); nothing was changed`, {
      remedy: "come in by another address of this machine, or say awg destroy --accept-risk lose-ssh first",
    });
  }
  await session.apply(planned, { onEvent: () => {}, shouldStop: () => undefined });
  return [`${counted(standing.length, "resource was", "resources were")} destroyed first`];
}

/** A simulated machine has services and nothing else of this. */
function machineSteps(
  options: SessionOptions,
  manager: ServiceManager | NoServiceManager | undefined,
): readonly InstallationStep[] {
  if (isSimulated(options)) return [];
  const configFile = manager === undefined || manager.kind === "none" ? "/etc/awg/config.yaml" : manager.configFile;
  const makesUser = manager?.kind !== "launchd" && userObstacle(manager?.kind) === undefined;
  return [...(makesUser ? [userStep()] : []), configFolderStep(configFile)];
}

function isSimulated({ host }: SessionOptions): boolean {
  return host.kind === "simulated";
}

function stateDirOf({ host, stateDir, runDir }: SessionOptions): string {
  if (stateDir !== undefined) return stateDir;
  if (host.kind === "simulated" && host.file !== undefined) return `${host.file}.state`;
  return pathsFor(stateDir, runDir).stateDir;
}

function replaceable(path: string): string {
  return `${path} can be replaced by others than root, and the service runs it as root`;
}
