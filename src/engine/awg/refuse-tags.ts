import type { AmneziaVersion } from "../../config/section/obfuscation.ts";
import { AwgError } from "../../model/error.ts";
import { type PacketTag, packetTags } from "../../uapi/packet-tags.ts";
import type { UapiParameters } from "./parameters.ts";

export const SIGNATURE_KEYS = ["i1", "i2", "i3", "i4", "i5"] as const;
export const CONTROLLED_JUNK_KEYS = ["j1", "j2", "j3"] as const;

/** amneziawg-go v0.2.13, device/awg/tag_generator.go. */
const MOST_WAIT_MS = 5000;
const MOST_RANDOM_BYTES_1_5 = 1000;
const SINCE_2_0 = ["rc", "rd", "d", "ds", "dz"];

/**
 * Refuses packets that programs of this version refuse or read differently, as `awg validate` does: a config and a UAPI
 * `set` follow the same rules.
 *
 * @param is15 the version is 1.5 for certain: it is named, or a parameter of 1.5 alone is set. Otherwise packets that
 * some release in use accepts are accepted, because a `set` names no version.
 * @throws AwgError("config")
 */
export function refuseTags(values: UapiParameters, generation: AmneziaVersion, is15: boolean): void {
  for (const keys of [SIGNATURE_KEYS, CONTROLLED_JUNK_KEYS]) {
    const gap = keys.findIndex((key) => (values[key] ?? "") === "");
    const late = gap < 0 ? undefined : keys.slice(gap).find((key) => (values[key] ?? "") !== "");
    if (is15 && late !== undefined) throw unfit(late, `${keys[gap]} is missing, and 1.5 then ignores all after it`);
    for (const key of keys) {
      const tags = packetTags(values[key] ?? "");
      const why =
        tags.flatMap((tag) => reasonsAgainst(tag, generation, is15))[0] ?? (is15 ? repeated(tags) : undefined);
      if (why !== undefined) throw unfit(key, why);
    }
  }
}

function reasonsAgainst({ name, argument }: PacketTag, generation: AmneziaVersion, is15: boolean): readonly string[] {
  if (name === "t" && argument !== "") return ["<t> takes no argument"];
  if (name === "wt") {
    if (generation !== "1.0" && generation !== "1.5") return ["<wt> was removed with 2.0"];
    const isWait = /^[0-9]{1,4}$/.test(argument) && Number(argument) <= MOST_WAIT_MS;
    return isWait ? [] : [`<wt> needs a number of milliseconds up to ${MOST_WAIT_MS}`];
  }
  if (!is15) return [];
  if (SINCE_2_0.includes(name)) return [`<${name}> came with 2.0`];
  return name === "r" && Number(argument) > MOST_RANDOM_BYTES_1_5
    ? [`<r> takes at most ${MOST_RANDOM_BYTES_1_5} bytes in 1.5`]
    : [];
}

function repeated(tags: readonly PacketTag[]): string | undefined {
  const twice = ["t", "c"].find((name) => tags.filter((tag) => tag.name === name).length > 1);
  return twice === undefined ? undefined : `<${twice}> is used more than once, but 1.5 accepts it once`;
}

function unfit(key: string, why: string): AwgError {
  return new AwgError("config", `the parameter ${key} cannot be used: ${why}`, {
    facts: { parameter: key },
    remedy: "see docs/reference/amneziawg.md",
  });
}
