import { AwgError } from "../../../model/error.ts";
import { addressBits } from "../../../model/ip.ts";
import { LINK_ALIAS_PREFIX } from "../../../model/ownership.ts";
import type { LinkObserved, LinkSpec } from "../../../model/resources/link.ts";
import type { LinkPort } from "../../ports/links.ts";
import type { SimulatedMachine } from "../machine.ts";
import { type SimulatedLink, sortAddresses } from "../machine-state.ts";
import { prefixOf } from "../memo.ts";

/** The minimum MTU of a link with an IPv6 address (RFC 8200 section 5). */
const IPV6_LEAST_MTU_BYTES = 1280;
const DEVICE_NAME_BYTES = 15;

/** Devices of the simulated host. Each address, like each attribute, is a separate write. */
export function simulatedLinks(machine: SimulatedMachine): LinkPort {
  return {
    async read() {
      machine.checkAlive("links.read");
      return machine.live.links.map(observeLink);
    },
    async ensure(spec) {
      machine.checkAlive("links.ensure");
      checkSpec(spec);
      const link = ownedOrNew(machine, spec);
      const alias = LINK_ALIAS_PREFIX + spec.tunnel;
      if (link.alias !== alias) set(machine, "link.alias", () => (link.alias = alias), spec.device);
      if (!link.held) set(machine, "link.hold", () => (link.held = true), spec.device);
      if (link.mtuBytes !== spec.mtuBytes) set(machine, "link.mtu", () => (link.mtuBytes = spec.mtuBytes), spec.device);
      for (const address of spec.addresses.filter((text) => !link.addresses.includes(text))) {
        set(machine, "link.address.add", () => link.addresses.push(address), spec.device);
      }
      for (const address of link.addresses.filter((text) => isForeignTo(spec, text))) {
        set(machine, "link.address.delete", () => removeFrom(link, address), spec.device);
      }
      if (!link.up) set(machine, "link.up", () => (link.up = true), spec.device);
    },
    async remove(device) {
      machine.checkAlive("links.remove");
      const link = machine.link(device);
      if (link === undefined) return;
      if (!isOurs(link)) throw foreignDevice(device);
      set(machine, "link.remove", () => machine.dropLink(device), device);
    },
  };
}

function ownedOrNew(machine: SimulatedMachine, spec: LinkSpec): SimulatedLink {
  const known = machine.link(spec.device);
  if (known !== undefined) {
    if (!isOurs(known)) throw foreignDevice(spec.device);
    if (known.type !== spec.type) {
      throw new AwgError("host", `device ${spec.device} is of type ${known.type}, not ${spec.type}`, {
        facts: { device: spec.device },
      });
    }
    if (spec.unit !== undefined && known.unit !== spec.unit)
      throw new AwgError("bug", `${spec.device} keeps its number`);
    return known;
  }
  const { unit } = spec;
  if (unit !== undefined && machine.live.links.some((one) => one.device === `utun${unit}` || one.unit === unit)) {
    throw foreignDevice(`utun${unit}`);
  }
  if (spec.type === "wireguard" && !machine.live.capabilities.kernelWireguard) {
    throw new AwgError("unsupported", `the kernel has no WireGuard module for device ${spec.device}`);
  }
  const link: SimulatedLink = {
    device: spec.device,
    index: Math.max(0, ...machine.live.links.map(({ index }) => index)) + 1,
    type: spec.type,
    medium: "tunnel",
    up: false,
    mtuBytes: 1500,
    addresses: [],
    // The keeper sets the alias when it opens the device, so no device without an alias is ever left behind.
    alias: LINK_ALIAS_PREFIX + spec.tunnel,
    held: true,
    ...(unit === undefined ? {} : { unit }),
  };
  machine.perform("link.create", () => machine.live.links.push(link), spec.device);
  return link;
}

function checkSpec(spec: LinkSpec): void {
  const carriesIpv6 = spec.addresses.some((text) => prefixOf(text).family === 6);
  const bad =
    new TextEncoder().encode(spec.device).length > DEVICE_NAME_BYTES
      ? "has a name longer than 15 bytes"
      : carriesIpv6 && spec.mtuBytes < IPV6_LEAST_MTU_BYTES
        ? `has an mtu of ${spec.mtuBytes}, too small for IPv6`
        : spec.addresses.some((text) => prefixOf(text).length > addressBits(prefixOf(text).family))
          ? "has an address with an impossible length"
          : undefined;
  if (bad !== undefined) throw new AwgError("host", `device ${spec.device} ${bad}`, { facts: { device: spec.device } });
}

/** The kernel manages link-local addresses; only addresses that a spec can set are exact. */
function isForeignTo(spec: LinkSpec, address: string): boolean {
  return !spec.addresses.includes(address) && !address.startsWith("fe80:");
}

function removeFrom(link: SimulatedLink, address: string): void {
  link.addresses = link.addresses.filter((text) => text !== address);
}

function set(machine: SimulatedMachine, name: string, effect: () => unknown, device: string): void {
  machine.perform(name, effect, device);
}

function isOurs(link: SimulatedLink): boolean {
  return link.alias?.startsWith(LINK_ALIAS_PREFIX) ?? false;
}

function foreignDevice(device: string): AwgError {
  return new AwgError("conflict", `device ${device} belongs to another program`, {
    facts: { device },
    remedy: "remove it, or set another `interface` for the tunnel",
  });
}

function observeLink(link: SimulatedLink): LinkObserved {
  return {
    device: link.device,
    index: link.index,
    type: link.type,
    up: link.up,
    mtuBytes: link.mtuBytes,
    addresses: sortAddresses(link.addresses),
    tunnel: isOurs(link) ? link.alias?.slice(LINK_ALIAS_PREFIX.length) : undefined,
    held: link.held || link.type === "wireguard",
    ...(link.unit === undefined ? {} : { unit: link.unit }),
  };
}
