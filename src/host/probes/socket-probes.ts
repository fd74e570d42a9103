import { messageOf } from "../../model/error.ts";
import { parseIp } from "../../model/ip.ts";
import type { ProbeSpec } from "../../model/resources/probe.ts";
import type { ProbePort } from "../ports/probes.ts";
import { Deadline, type Found } from "./deadline.ts";
import type { ProbeSockets } from "./probe-sockets.ts";

/** Probes on a real host: sockets of this process, bound to a device where the probe names one. */
export function socketProbes(sockets: ProbeSockets): ProbePort {
  return {
    async run(probe) {
      const deadline = new Deadline(probe.timeoutSeconds);
      const addresses = (await deadline.within(resolve(probe))) ?? [];
      if (addresses.length === 0) return { passed: false, detail: `the name ${probe.target.host} was not found` };
      let failure: Found;
      for (const [index, address] of addresses.entries()) {
        failure = await ask(sockets, probe, address, deadline.share(addresses.length - index));
        const asked = parseIp(probe.target.host) === undefined ? { address } : {};
        if (failure === undefined) return { passed: true, detail: `answered in ${deadline.elapsedMs()} ms`, ...asked };
      }
      return { passed: false, detail: failure ?? deadline.tooLate };
    },
  };
}

async function ask(sockets: ProbeSockets, probe: ProbeSpec, address: string, deadline: Deadline): Promise<Found> {
  const { type, target, device } = probe;
  if (type === "dns") return undefined;
  const bound = device === undefined ? {} : { device };
  const to = { address, port: target.port ?? 0, ...bound };
  try {
    if (type === "ping") return await (await import("./ping.ts")).ping(sockets, to, deadline);
    const { askHttp, connectTcp } = await import("./tcp.ts");
    if (target.url === undefined) return await connectTcp(sockets, to, deadline);
    return await askHttp(sockets, { ...to, url: target.url }, deadline);
  } catch (error) {
    return messageOf(error);
  }
}

/** A dns probe queries the host's resolvers again; the others resolve like any program. */
async function resolve({ type, target: { host }, timeoutSeconds }: ProbeSpec): Promise<readonly string[]> {
  if (parseIp(host) !== undefined) return [host];
  const { Resolver, lookup } = await import("node:dns/promises");
  if (type !== "dns") {
    const all = await lookup(host, { all: true }).catch(() => []);
    return all.map(({ address }) => address);
  }
  const resolver = new Resolver({ timeout: Math.ceil((timeoutSeconds * 1000) / 2), tries: 2 });
  const asked = [resolver.resolve4(host), resolver.resolve6(host)].map((one) => one.catch(() => []));
  return (await Promise.all(asked)).flat();
}
