import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, statSync } from "node:fs";
import { dirname } from "node:path";
import type { ServiceManager } from "../../host/ports/services.ts";
import { AwgError } from "../../model/error.ts";
import { SERVICE_USER, VIEWER_GROUP } from "../../model/ownership.ts";
import type { InstallationStep } from "./installation-step.ts";

const USERADD = "/usr/sbin/useradd";
const USERDEL = "/usr/sbin/userdel";
const GROUPADD = "/usr/sbin/groupadd";
const GROUPDEL = "/usr/sbin/groupdel";

/**
 * Why no user can be made here; undefined where one can, or is there. On macOS engines run as root: making users there is
 * not written yet.
 */
export function userObstacle(manager: string | undefined): string | undefined {
  if (manager === "launchd") return "engines run as root: awg makes no user on macOS yet";
  if (hasUser(SERVICE_USER) || existsSync(USERADD)) return undefined;
  return `there is no ${USERADD} to make the user ${SERVICE_USER}: engines will run as root`;
}

/** The owner of the engines' sockets, so that the packet filter can distinguish them from all others. */
export function userStep(): InstallationStep {
  return {
    what: `user ${SERVICE_USER}`,
    isAsWanted: async () => hasUser(SERVICE_USER),
    exists: async () => hasUser(SERVICE_USER),
    add: async () =>
      run(USERADD, [
        "--system",
        "--user-group",
        "--no-create-home",
        "--home-dir",
        "/nonexistent",
        "--shell",
        "/usr/sbin/nologin",
        SERVICE_USER,
      ]),
    remove: async () => run(USERDEL, [SERVICE_USER]),
    needsRecord: true,
  };
}

/** The group of viewers; its members are the host's to choose. None where no program can make it. */
export function viewerGroupSteps(): readonly InstallationStep[] {
  const exists = async (): Promise<boolean> => isNamedIn("/etc/group", VIEWER_GROUP);
  if (!existsSync(GROUPADD)) return [];
  return [
    {
      what: `group ${VIEWER_GROUP}`,
      isAsWanted: exists,
      exists,
      add: async () => run(GROUPADD, ["--system", VIEWER_GROUP]),
      remove: async () => run(GROUPDEL, [VIEWER_GROUP]),
      needsRecord: true,
    },
  ];
}

/** The folder of the config, which may name secrets: root's alone. One that holds anything is never removed. */
export function configFolderStep(configFile: string): InstallationStep {
  const folder = dirname(configFile);
  return {
    what: `folder ${folder}`,
    isAsWanted: async () => existsSync(folder),
    exists: async () => existsSync(folder),
    mayGo: async () => readdirSync(folder).length === 0,
    add: async () => void mkdirSync(folder, { mode: 0o700 }),
    remove: async () => rmdirSync(folder),
    needsRecord: true,
  };
}

/** AwgError unsupported if a unit with PrivateTmp= could not see the program that it starts. */
export function refuseHiddenProgram({ kind, program }: Pick<ServiceManager, "kind" | "program">): void {
  const hidden = program.find((word) => /^\/(var\/)?tmp\//.test(word));
  if (kind !== "systemd" || hidden === undefined) return;
  throw new AwgError("unsupported", `services cannot see ${hidden}: systemd hides /tmp and /var/tmp from them`, {
    remedy: "move awg to a folder such as /opt/awg, then repeat; nothing was changed",
  });
}

/** Files of this program that a user other than root can replace, and so the code that a service runs as root. */
export function replaceableParts(program: readonly string[]): readonly string[] {
  const files = program.filter((word) => word.startsWith("/"));
  return [...new Set(files.flatMap(withFolders))].filter((path) => {
    const found = statSync(path, { throwIfNoEntry: false });
    const isSticky = found !== undefined && (found.mode & 0o1000) !== 0;
    return found !== undefined && (found.uid !== 0 || ((found.mode & 0o022) !== 0 && !isSticky));
  });
}

function withFolders(path: string): readonly string[] {
  return path === "/" ? ["/"] : [...withFolders(dirname(path)), path];
}

function hasUser(name: string): boolean {
  return isNamedIn("/etc/passwd", name);
}

/** Whether a file of passwd(5) or group(5) has an entry of this name. */
function isNamedIn(path: string, name: string): boolean {
  return readFileSync(path, "utf8")
    .split("\n")
    .some((line) => line.startsWith(`${name}:`));
}

function run(path: string, args: readonly string[]): void {
  try {
    execFileSync(path, args, { stdio: ["ignore", "ignore", "pipe"], env: { LC_ALL: "C", PATH: "/usr/sbin:/usr/bin" } });
  } catch (cause) {
    const { stderr } = cause as { readonly stderr?: Buffer };
    const said = stderr?.toString("utf8").trim().split("\n").at(-1) ?? "";
    throw new AwgError("host", `${path} ${args.at(-1)} failed${said === "" ? "" : `: ${said}`}`, { cause });
  }
}
