import {
  CALLING_ANCHOR,
  PF_ANCHOR,
  policyIdentity,
  renderCallingAnchor,
  renderPf,
} from "../../host/darwin/pf/render-pf.ts";
import { renderResolverScript } from "../../host/darwin/resolver/scutil.ts";
import { renderSplitFile } from "../../host/darwin/resolver/split-files.ts";
import { domainOf } from "../../host/darwin/services/launchctl.ts";
import { renderResourceText } from "../../host/linux/render/resource-text.ts";
import { policyWithDevices } from "../../model/firewall/policy-devices.ts";
import type { Resource, ResourceOf } from "../../model/resource.ts";
import type { DesiredState } from "../../model/resources/desired-state.ts";
import type { AutostartSpec, ServiceSpec } from "../../model/resources/service.ts";
import { renderMacNetwork } from "./render-mac-network.ts";

/** One file or script that would be loaded on a Mac. */
export interface MacPart {
  readonly key: string;
  readonly text: string;
}

/** Names of interfaces by those of devices. */
type UnitNames = ReadonlyMap<string, string>;

/**
 * The rules that awg would load on a Mac, as far as known without one. The kernel there chooses the number of a
 * tunnel's interface unless the config sets it. Tunnels appear as utun100 and up, in the order of the state.
 */
export function renderForMacos(desired: DesiredState): { readonly parts: readonly MacPart[]; readonly left: string[] } {
  const names = unitNames(desired);
  const rendered = desired.resources.map((resource) => ({ key: resource.key, parts: partsOf(resource, names) }));
  return {
    parts: rendered.flatMap(({ parts }) => parts ?? []),
    left: rendered.filter(({ parts }) => parts === undefined).map(({ key }) => `${key}: macOS has no words for it`),
  };
}

function unitNames({ resources }: DesiredState): UnitNames {
  const devices = resources.flatMap((resource) => {
    if (resource.kind === "link") return [resource.spec.device];
    return resource.kind === "firewall"
      ? resource.spec.layers.flatMap(({ tunnels }) => tunnels.map(({ device }) => device))
      : [];
  });
  const units = new Map(
    resources.flatMap((one) => (one.kind === "link" ? [[one.spec.device, one.spec.unit] as const] : [])),
  );
  return new Map([...new Set(devices)].map((device, index) => [device, `utun${units.get(device) ?? 100 + index}`]));
}

/** The texts of one resource; undefined for what a Mac has no words for. */
function partsOf(resource: Resource, names: UnitNames): MacPart[] | undefined {
  const { key } = resource;
  switch (resource.kind) {
    case "firewall":
      return firewallParts(resource, names);
    case "resolver":
      return resolverParts(resource);
    case "link":
    case "routes":
      return networkParts(resource, names);
    case "tunnel":
      return [{ key, text: tunnelText(resource, names) }];
    case "service":
      return [{ key, text: serviceText(resource.spec) }];
    case "autostart":
      return [{ key, text: autostartText(resource.spec) }];
    case "system-extension":
      return [{ key, text: `# system extension ${resource.spec.bundle}: ${resource.spec.state}\n` }];
    case "classifier":
    case "sysctl":
    case "proxy":
      return undefined;
  }
}

function firewallParts({ spec }: ResourceOf<"firewall">, names: UnitNames): MacPart[] {
  const policy = policyWithDevices(spec, names);
  const title = (anchor: string) => `# pfctl -a ${anchor} -o none -f -`;
  const named = [...names].map(([device, unit]) => `# ${unit} is ${device}`);
  const { text } = renderPf(policy, policyIdentity(policy));
  return [
    { key: `pf/${PF_ANCHOR}`, text: [title(PF_ANCHOR), ...named, text].join("\n") },
    { key: `pf/${CALLING_ANCHOR}`, text: [title(CALLING_ANCHOR), renderCallingAnchor()].join("\n") },
  ];
}

function resolverParts({ spec: { servers, search, split = {} } }: ResourceOf<"resolver">): MacPart[] {
  const script = { key: "scutil", text: `# scutil\n${renderResolverScript({ servers, search })}` };
  const files = Object.entries(split).map(([domain, addresses]) => {
    const path = `/etc/resolver/${domain}`;
    return { key: path, text: `# ${path}\n${renderSplitFile(addresses)}` };
  });
  return [...(servers.length === 0 ? [] : [script]), ...files];
}

function networkParts(resource: Resource, names: UnitNames): MacPart[] | undefined {
  const text = renderMacNetwork(resource, names);
  return text === undefined ? undefined : [{ key: resource.key, text: `# ${resource.key}\n${text}\n` }];
}

function serviceText({ path, definition, uid }: ServiceSpec): string {
  return `# ${path}\n# launchctl bootstrap ${domainOf(uid)} ${path}\n${definition}`;
}

function autostartText({ service, uid, enabled }: AutostartSpec): string {
  return `# launchctl ${enabled ? "enable" : "disable"} ${domainOf(uid)}/${service}\n`;
}

/** The engine's settings are the same everywhere; packet marks are Linux's. */
function tunnelText({ kind, key, spec }: ResourceOf<"tunnel">, names: UnitNames): string {
  const device = names.get(spec.device) ?? spec.device;
  const text = renderResourceText({ kind, key, spec: { ...spec, device } }, []);
  return `${text.replace(/^FwMark = .*\n/m, "")}\n`;
}
