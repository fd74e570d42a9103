import type { NameService } from "../../../model/dns/name-service.ts";
import { AwgError } from "../../../model/error.ts";
import { FILE_HEADER } from "../../../model/ownership.ts";
import type { ResolverMethod, ResolverObserved, ResolverSpec } from "../../../model/resources/resolver.ts";
import type { ResolverPort } from "../../ports/resolver.ts";
import type { SimulatedMachine } from "../machine.ts";

/** The resolver of the simulated host: a resolv.conf text, or links of systemd-resolved. */
export function simulatedResolver(machine: SimulatedMachine): ResolverPort {
  return {
    async read() {
      machine.checkAlive("resolver.read");
      const { method } = machine.live.resolver;
      const { service } = machine.live.resolver;
      const read = method === "file" ? readFile(machine) : readLinks(machine, method);
      return service === undefined ? read : { ...read, service };
    },
    async ensure(spec) {
      machine.checkAlive("resolver.ensure");
      const { resolver } = machine.live;
      if (spec.method !== resolver.method) {
        throw new AwgError("unsupported", `this host's resolver is set by ${resolver.method}, not by ${spec.method}`);
      }
      if (spec.method === "file") ensureFile(machine, spec);
      else if (spec.method === "dynamic-store") ensureStore(machine, spec);
      else ensureLink(machine, spec);
      ensureService(machine, spec.service);
    },
    async replaced() {
      machine.checkAlive("resolver.replaced");
      return valuesIn(machine.live.resolver.saved ?? "", "nameserver");
    },
    async restore() {
      machine.checkAlive("resolver.restore");
      const { resolver } = machine.live;
      ensureService(machine, undefined);
      if (resolver.method !== "file") return removeLinks(machine);
      if (resolver.saved === null) return;
      machine.perform("resolver.restore", () => {
        if (resolver.text.startsWith(FILE_HEADER) && resolver.saved !== null) resolver.text = resolver.saved;
        resolver.saved = null;
      });
    },
  };
}

function ensureService(machine: SimulatedMachine, service: NameService | undefined): void {
  const { resolver } = machine.live;
  if (JSON.stringify(resolver.service) === JSON.stringify(service)) return;
  machine.perform("resolver.service", () => {
    if (service === undefined) delete resolver.service;
    else resolver.service = service;
  });
}

/** Saves the original before it is replaced; any text without our header is an original. */
function ensureFile(machine: SimulatedMachine, spec: ResolverSpec): void {
  const { resolver } = machine.live;
  if (!resolver.text.startsWith(FILE_HEADER)) {
    machine.perform("resolver.save", () => (resolver.saved = resolver.text));
  }
  const text = renderFile(spec);
  if (resolver.text === text) return;
  machine.perform("resolver.write", () => {
    // Another program may have written a new original; the newest one is saved.
    if (!resolver.text.startsWith(FILE_HEADER)) resolver.saved = resolver.text;
    resolver.text = text;
  });
}

function ensureLink(machine: SimulatedMachine, spec: ResolverSpec): void {
  if (machine.link(spec.device) === undefined) {
    throw new AwgError("host", `device ${spec.device} does not exist, so it can have no resolver`);
  }
  machine.perform("resolver.link", () => {
    machine.live.resolver.links[spec.device] = { servers: [...spec.servers], search: [...spec.search] };
  });
}

/** Our key of the dynamic store of macOS, and our files in /etc/resolver; nothing has to be saved. */
function ensureStore(machine: SimulatedMachine, { servers, search, split }: ResolverSpec): void {
  machine.perform("resolver.store", () => {
    const key = { servers: [...servers], search: [...search], ...(split === undefined ? {} : { split }) };
    machine.live.resolver.links[""] = key;
  });
}

function removeLinks(machine: SimulatedMachine): void {
  if (Object.keys(machine.live.resolver.links).length === 0) return;
  machine.perform("resolver.restore", () => (machine.live.resolver.links = {}));
}

function renderFile({ servers, search }: ResolverSpec): string {
  return [
    FILE_HEADER,
    ...servers.map((server) => `nameserver ${server}`),
    ...(search.length === 0 ? [] : [`search ${search.join(" ")}`]),
    "",
  ].join("\n");
}

function readFile(machine: SimulatedMachine): ResolverObserved {
  const { text } = machine.live.resolver;
  return {
    method: "file",
    servers: valuesIn(text, "nameserver"),
    search: valuesIn(text, "search"),
    device: "",
    ownedByAwg: text.startsWith(FILE_HEADER),
  };
}

/** What follows a word of resolv.conf(5). */
function valuesIn(text: string, word: string): string[] {
  const lines = text.split("\n").map((line) => line.trim().split(/\s+/));
  return lines.filter(([first]) => first === word).flatMap((line) => line.slice(1));
}

function readLinks(machine: SimulatedMachine, method: ResolverMethod): ResolverObserved {
  const [first] = Object.entries(machine.live.resolver.links).sort(([a], [b]) => (a < b ? -1 : 1));
  const [device, { servers, search, split }] = first ?? ["", { servers: [], search: [], split: undefined }];
  const domains = split === undefined ? {} : { split };
  return {
    method,
    servers: [...servers],
    search: [...search],
    device,
    ...domains,
    ownedByAwg: first !== undefined,
  };
}
