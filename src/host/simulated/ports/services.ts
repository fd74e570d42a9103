import { AwgError } from "../../../model/error.ts";
import { bearsMark } from "../../../model/ownership.ts";
import { CONFIG_FILES } from "../../../model/resources/config-file.ts";
import type { ServiceObserved, ServicePlace, ServiceSpec } from "../../../model/resources/service.ts";
import type { ServicePort } from "../../ports/services.ts";
import type { SimulatedMachine } from "../machine.ts";
import type { SimulatedService } from "../machine-state.ts";

/** Services of the simulated host: files, the definitions the manager loaded, and whether they run. */
export function simulatedServices(machine: SimulatedMachine): ServicePort {
  return {
    async readManager() {
      machine.checkAlive("services.readManager");
      const kind = machine.live.serviceManager;
      if (kind === null) return { kind: "none", reason: "no service manager runs on this host" };
      return kind === "systemd"
        ? { kind, program: ["/usr/local/bin/awg"], configFile: CONFIG_FILES.linux, runDir: "/run/awg" }
        : {
            kind,
            program: ["/usr/local/bin/awg-split-tunnel"],
            configFile: CONFIG_FILES.darwin,
            runDir: "/var/run/awg",
          };
    },
    async read(place) {
      machine.checkAlive("services.read");
      return observed(place, find(machine, place.name));
    },
    async ensure(spec) {
      machine.checkAlive("services.ensure");
      refuseForeign(find(machine, spec.name));
      ensureService(machine, spec);
    },
    async remove({ name }) {
      machine.checkAlive("services.remove");
      const existing = find(machine, name);
      if (existing === undefined) return;
      refuseForeign(existing);
      machine.perform("services.remove", () => {
        machine.live.services = machine.live.services.filter((service) => service.name !== name);
      });
    },
    async readAutostart({ service, uid }) {
      machine.checkAlive("services.readAutostart");
      const enabled = find(machine, service)?.enabled === true;
      return { service, enabled, ...(uid === undefined ? {} : { uid }) };
    },
    async ensureAutostart({ service: name, enabled }) {
      machine.checkAlive("services.ensureAutostart");
      const service = find(machine, name);
      if (service === undefined && !enabled) return;
      if (service === undefined) throw new AwgError("host", `there is no service ${name}`);
      if ((service.enabled === true) === enabled) return;
      machine.perform("services.ensureAutostart", () => (service.enabled = enabled));
    },
    async readRunning() {
      machine.checkAlive("services.readRunning");
      return machine.live.services.filter(({ running }) => running).map(({ name }) => name);
    },
    async control({ name }, command) {
      machine.checkAlive("services.control");
      const service = find(machine, name);
      if (service === undefined) throw new AwgError("host", `there is no service ${name}`);
      machine.perform(`services.${command}`, () => (service.running = command !== "stop"));
    },
  };
}

/** A write each, as on a real host: the file, the reload, the start. */
function ensureService(machine: SimulatedMachine, spec: ServiceSpec): void {
  const { name, path, definition, keepRunning, uid } = spec;
  if (find(machine, name)?.definition !== definition) {
    machine.perform("services.write", () => {
      const existing = find(machine, name);
      if (existing === undefined) {
        machine.live.services.push({ name, running: false, path, definition, ...(uid === undefined ? {} : { uid }) });
      } else Object.assign(existing, { path, definition });
    });
  }
  const service = find(machine, name);
  if (service === undefined) return;
  if (service.loadedDefinition !== definition) {
    machine.perform("services.load", () => (service.loadedDefinition = definition));
  }
  if (keepRunning && !service.running) machine.perform("services.start", () => (service.running = true));
}

function find(machine: SimulatedMachine, name: string): SimulatedService | undefined {
  return machine.live.services.find((service) => service.name === name);
}

function observed(place: ServicePlace, service: SimulatedService | undefined): ServiceObserved {
  const { name, path, uid } = place;
  return {
    name,
    path,
    ...(uid === undefined ? {} : { uid }),
    definition: service === undefined ? null : (service.definition ?? ""),
    ownedByAwg: service?.definition !== undefined && bearsMark(service.definition),
    loaded: service?.loadedDefinition !== undefined,
    outdated: service?.loadedDefinition !== undefined && service.loadedDefinition !== service.definition,
    running: service?.running === true,
  };
}

function refuseForeign(service: SimulatedService | undefined): void {
  if (service === undefined || (service.definition !== undefined && bearsMark(service.definition))) return;
  throw new AwgError("conflict", `the service ${service.name} belongs to another program`);
}
