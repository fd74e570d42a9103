import type { ProxyObserved, ProxySpec } from "../../model/relay/proxy.ts";
import type { FieldChange } from "../../model/resource.ts";
import { secretChange, valueChange } from "../field-change.ts";

const CUT = "open connections through this proxy are cut";

/** What differs between the wanted relay and the one that reports. Each difference is a new relay process. */
export function diffProxy(desired: ProxySpec, observed: ProxyObserved): FieldChange[] {
  if (observed.relay === undefined) return [...valueChange("/running", false, true)];
  const changes = [
    ...valueChange("/name", observed.name, desired.name),
    ...valueChange("/protocol", observed.protocol, desired.protocol),
    ...valueChange("/address", observed.address, desired.address),
    ...valueChange("/port", observed.port, desired.port),
    ...valueChange("/tls", observed.tls, desired.tls),
    ...valueChange("/username", observed.username, desired.username),
    ...secretChange("/password", observed.password, desired.password),
    ...valueChange("/udp", observed.udp, desired.udp),
  ];
  return changes.map((change) => ({ ...change, interruption: CUT }));
}

/** The relay's configuration; undefined for one that does not answer. */
export function proxyAsSpec({ relay, ...spec }: ProxyObserved): ProxySpec | undefined {
  return relay === undefined ? undefined : spec;
}
