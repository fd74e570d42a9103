import { textOf } from "../../../native/linux/readable-files.ts";
import type { Link } from "../../../native/linux/rtnetlink/link.codec.ts";
import type { HostDevice } from "../../ports/facts.ts";
import { isRadio } from "./networks.ts";

/** The kind of the queues below `mq` (Documentation/admin-guide/sysctl/net.rst). */
const DEFAULT_KIND = "/proc/sys/net/core/default_qdisc";

/** What sorts the packets of a device before it sends them. A radio has its own queues, by priority (WMM). */
export function queueOf({ name, queue }: Pick<Link, "name" | "queue">): Pick<HostDevice, "queue"> {
  if (isRadio(name)) return { queue: "wifi" };
  const kind = queue === "mq" ? textOf(DEFAULT_KIND).trim() || queue : queue;
  return kind === undefined ? {} : { queue: kind };
}
