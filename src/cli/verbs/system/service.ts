import { controlDaemon, readServices, type ServiceReport, setAutostart } from "../../../app/install/service-control.ts";
import { AwgError } from "../../../model/error.ts";
import type { DocumentOf } from "../../documents/documents.ts";
import { EXIT } from "../../exit-code.ts";
import { openHostToChange } from "../../open-host.ts";
import { flagOption, type RunVerb } from "../../verb.ts";
import { printDocument } from "../../views/json.ts";
import { printText } from "../../views/print-text.ts";

const COMMANDS = ["start", "stop", "restart"] as const;
const AT_BOOT: Readonly<Record<string, boolean>> = { enable: true, disable: false };

/** `awg service status|start|stop|restart|enable|disable`: the daemon's service. */
export const run: RunVerb = async (call) => {
  const [word] = call.args;
  await using host = await openHostToChange(call);
  const command = COMMANDS.find((one) => one === word);
  if (command !== undefined) await controlDaemon(host.parts, command);
  else if (word !== undefined && Object.hasOwn(AT_BOOT, word)) await setAutostart(host.parts, AT_BOOT[word] === true);
  else if (word !== "status") {
    throw new AwgError("usage", `there is no service command "${word}"`, {
      remedy: "write status, start, stop, restart, enable or disable",
    });
  }
  const services = await readServices(host.parts);
  if (flagOption(call, "json"))
    printDocument(call.terminal, "service", { formatVersion: "1", services: services.map(forPrograms) });
  else for (const report of services) printText(call.terminal, lineOf(report));
  return EXIT.success;
};

/** Definitions are long and in a file; a program that wants one reads that. */
function forPrograms({ observed, autostart }: ServiceReport): DocumentOf<"service">["services"][number] {
  const { definition, ...rest } = observed;
  const starts = autostart === undefined ? {} : { enabled: autostart.enabled };
  return { ...rest, installed: definition !== null, ...starts };
}

function lineOf({ observed, autostart }: ServiceReport): string {
  const { name, definition, ownedByAwg, loaded, outdated, awaitsRestart, running, pid, lastExit } = observed;
  if (definition === null) return `${name}: not installed${loaded ? ", but still loaded" : ""}`;
  if (!ownedByAwg) return `${name}: belongs to another program`;
  const facts = [
    running ? `running${pid === undefined ? "" : `, process ${pid}`}` : loaded ? "not running" : "not loaded",
    autostart === undefined ? "" : autostart.enabled ? "starts at boot" : "does not start at boot",
    lastExit === undefined ? "" : `last ended with ${lastExit}`,
    outdated ? "the service manager uses an older definition" : "",
    awaitsRestart ? "runs with an older definition until it is restarted" : "",
  ];
  return `${name}: ${facts.filter(Boolean).join("; ")}`;
}
