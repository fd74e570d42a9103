/** A unit as `systemctl show` reports it. */
export interface UnitState {
  /** Whether the manager has a unit of that name. */
  readonly loaded: boolean;
  /** The file changed, and is read again only after `daemon-reload`. */
  readonly needsReload: boolean;
  readonly active: boolean;
  readonly enabled: boolean;
  readonly pid: number | undefined;
  readonly lastExit: string | undefined;
}

/** The properties that `parseUnitState` reads. */
export const UNIT_PROPERTIES = [
  "LoadState",
  "ActiveState",
  "UnitFileState",
  "NeedDaemonReload",
  "MainPID",
  "ExecMainCode",
  "ExecMainStatus",
  "ExecMainExitTimestampMonotonic",
].join(",");

/** si_code of waitid(2) in ExecMainCode. */
const EXITED = "1";
const KILLED = new Set(["2", "3"]);

/** Parses the output of `systemctl show -p …`, lines of `Name=value`; a missing property counts as empty. Pure. */
export function parseUnitState(text: string): UnitState {
  const values = new Map(
    text.split("\n").flatMap((line) => {
      const at = line.indexOf("=");
      return at < 0 ? [] : [[line.slice(0, at), line.slice(at + 1).trim()] as const];
    }),
  );
  const property = (name: string) => values.get(name) ?? "";
  const pid = Number(property("MainPID"));
  const active = ["active", "reloading", "activating"].includes(property("ActiveState"));
  return {
    loaded: property("LoadState") === "loaded",
    needsReload: property("NeedDaemonReload") === "yes",
    active,
    enabled: property("UnitFileState") === "enabled",
    pid: Number.isSafeInteger(pid) && pid > 0 ? pid : undefined,
    lastExit: lastExitOf(property),
  };
}

function lastExitOf(property: (name: string) => string): string | undefined {
  if (["", "0"].includes(property("ExecMainExitTimestampMonotonic"))) return undefined;
  const code = property("ExecMainCode");
  const status = property("ExecMainStatus");
  if (code === EXITED) return `exit code ${status}`;
  return KILLED.has(code) ? `signal ${status}` : undefined;
}
