import { AwgError } from "../../model/error.ts";
import type { HostParts } from "../parts.ts";
import { underLock } from "./under-lock.ts";

/** A running service of another program that changes what awg changes. */
export interface ConflictingService {
  /** Name in the service manager. */
  readonly name: string;
  readonly program: string;
  readonly why: string;
}

const ROUTES = "it sets routes, policy rules and DNS";
const FILTER = "it sets routes and DNS, and loads a packet filter of its own";

/** Units as the packages of these programs name them. */
const KNOWN: readonly (readonly [unit: RegExp, program: string, why: string])[] = [
  [/^wg-quick@/, "wg-quick", ROUTES],
  [/^awg-quick@/, "awg-quick", ROUTES],
  [/^openvpn(-client)?@|^openvpn\.service$/, "OpenVPN", ROUTES],
  [/^tailscaled\.service$/, "Tailscale", FILTER],
  [/^netbird\.service$/, "NetBird", FILTER],
  [/^zerotier-one\.service$/, "ZeroTier", ROUTES],
  [/^mullvad-daemon\.service$/, "Mullvad VPN", FILTER],
  [/^nordvpnd\.service$/, "NordVPN", FILTER],
  [/^expressvpn(-service)?\.service$/, "ExpressVPN", FILTER],
  [/^piavpn\.service$/, "Private Internet Access", FILTER],
  [/^windscribe-helper\.service$/, "Windscribe", FILTER],
  [/^ivpn-service\.service$/, "IVPN", FILTER],
  [/^AmneziaVPN\.service$/, "Amnezia VPN", FILTER],
  [/^warp-svc\.service$/, "Cloudflare WARP", FILTER],
  [/^sing-box(@.+)?\.service$/, "sing-box", ROUTES],
  [/^(strongswan|strongswan-starter|ipsec)\.service$/, "IPsec", ROUTES],
];

/** Which of these running services belong to another VPN program. Pure. */
export function conflictsAmong(running: readonly string[]): readonly ConflictingService[] {
  return running.flatMap((name) => {
    const known = KNOWN.find(([unit]) => unit.test(name));
    return known === undefined ? [] : { name, program: known[1], why: known[2] };
  });
}

/** The running services of other VPN programs. AwgError unsupported where awg cannot list services. */
export async function readConflicts({ host }: HostParts): Promise<readonly ConflictingService[]> {
  const manager = await host.services?.readManager();
  const running = manager?.kind === "none" ? undefined : await host.services?.readRunning?.();
  if (running !== undefined) return conflictsAmong(running);
  const reason = manager?.kind === "none" ? manager.reason : "only systemd is supported";
  throw new AwgError("unsupported", `awg cannot list the services of this host: ${reason}`);
}

/** Stops these services; the rest stays. AwgError usage for a name that `readConflicts` does not give. */
export async function stopConflicts(parts: HostParts, names: readonly string[]): Promise<void> {
  const { services } = parts.host;
  const found = (await readConflicts(parts)).map(({ name }) => name);
  const strange = names.find((name) => !found.includes(name));
  if (strange !== undefined) {
    throw new AwgError("usage", `${strange} is no running service of another VPN program`, {
      remedy: found.length === 0 ? "none runs" : `one of ${found.join(", ")}`,
    });
  }
  await underLock(parts, "conflicts", async () => {
    for (const name of names) await services?.control({ name, path: "" }, "stop");
  });
}
