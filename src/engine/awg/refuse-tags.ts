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
 * Refuses packets that programs of this generation refuse or read otherwise, as `awg validate` does: a configuration and
 * a `set` over UAPI are held to one measure.
 *
 * @param is15 only 1.5 can be meant: it is named, or a parameter only it has is given. Otherwise packets are taken that some
 *   release in use takes, for a `set` names no generation.
 * @throws AwgError("config")
 */
export function refuseTags(values: UapiParameters, generation: AmneziaVersion, is15: boolean): void {
  for (const keys of [SIGNATURE_KEYS, CONTROLLED_JUNK_KEYS]) {
    const gap = keys.findIndex((key) => (values[key] ?? "") === "");
    const late = gap < 0 ? undefined : keys.slice(gap).find((key) => (values[key] ?? "") !== "");
    if (is15 && late !== undefined)
      throw unfit(late, `${keys[gap]} is not given, without which 1.5 takes none after it`);
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
  return twice === undefined ? undefined : `<${twice}> stands more than once, and 1.5 takes it once`;
}

function unfit(key: string, why: string): AwgError {
  return new AwgError("config", `the parameter ${key} cannot be used: ${why}`, {
    facts: { parameter: key },
    remedy: "see docs/reference/amneziawg.md",
  });
}
