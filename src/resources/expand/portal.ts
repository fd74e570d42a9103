import type { AllowGrant, EndpointGrant } from "../../model/firewall/policy.ts";
import { type PortalPolicy, PROBE_PORT } from "../../model/portal/portal.ts";
import type { ExpandContext, Note } from "./expansion.ts";

const TCP = 6;

/** What the daemon does about networks that want a login; nothing if the config asks for none. Pure. */
export function portalPolicyOf({ config: { captivePortal } }: ExpandContext): { readonly portal?: PortalPolicy } {
  if (captivePortal === undefined) return {};
  const { longest, ...rest } = captivePortal;
  return { portal: { ...rest, longestSeconds: longest } };
}

/** The probe: the service user may reach the probed address (rule S3.5). Pure. */
export function portalProbe({ config: { captivePortal } }: ExpandContext): EndpointGrant[] {
  return captivePortal === undefined ? [] : [{ address: captivePortal.probe, port: PROBE_PORT, protocol: TCP }];
}

/** What the probe sends past the tunnels. Pure. */
export function portalNotes({ config: { captivePortal } }: ExpandContext): Note[] {
  if (captivePortal === undefined) return [];
  const { probe, allow } = captivePortal;
  const then = allow ? "then its login page is opened for a time" : "then it is reported";
  const message = `awg asks ${probe} by HTTP past the tunnels whether the network wants a login; ${then}`;
  return [{ path: "captivePortal", message }];
}

/** An open login page goes direct, after every rule and the tunnels' own networks (rule S4.5). Pure. */
export function loginPage({ portal }: ExpandContext): AllowGrant[] {
  if (portal === undefined || portal.addresses.length === 0) return [];
  const prefixes = portal.addresses.map((address) => `${address}/${address.includes(":") ? 128 : 32}`);
  const ports = portal.ports.map((port) => ({ from: port, to: port }));
  return [{ direction: "out", protocol: TCP, ports, prefixes }];
}
