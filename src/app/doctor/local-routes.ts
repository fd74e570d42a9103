import type { UnroutedAddress } from "../../host/ports/environment.ts";
import type { DesiredState } from "../../model/resources/desired-state.ts";
import { type Finding, shellWord } from "./finding.ts";

const MOST_NAMED = 12;

/** Routes missing from the table `local` after a flush; the kernel does not restore them. Pure. */
export function judgeLocalRoutes(
  unrouted: readonly UnroutedAddress[],
  { resources }: DesiredState,
): readonly Finding[] {
  if (unrouted.length === 0) return [];
  const applied = resources.flatMap((one) => (one.kind === "link" ? [one.spec.device] : []));
  const ours = unrouted.filter(({ device }) => applied.includes(device));
  const named = [...ours, ...unrouted.filter((one) => !ours.includes(one))].slice(0, MOST_NAMED);
  const texts = named.map(({ address, device }) => `${address} (${device})`).join(", ");
  const more = unrouted.length > named.length ? `, and ${unrouted.length - named.length} more` : "";
  return [
    {
      id: "local-routes-missing",
      severity: ours.length > 0 ? "fault" : "note",
      what: `the kernel does not treat these addresses as local and delivers nothing sent to them: ${texts}${more}`,
      evidence: ["the table local has no route for them; ip route flush table all (or local) removes it"],
      remedy: [
        ...new Set(named.flatMap(commandsOf)),
        "routes of the table main may be missing too (ip route, ip -6 route): restart the service that configures the network",
      ],
    },
  ];
}

function commandsOf({ family, device, address }: UnroutedAddress): readonly string[] {
  const route = (destination: string): string =>
    `ip -${family} route replace local ${destination} dev ${shellWord(device)} table local proto kernel`;
  if (family === 6) return [route(address)];
  const whole = address.startsWith("127.") ? ["127.0.0.0/8"] : [];
  // The kernel takes a source once that is an address of its own.
  return [address, ...whole].map((destination) => `${route(destination)} scope host src ${address}`);
}
