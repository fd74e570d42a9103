import fc from "fast-check";
import type { UapiParameters } from "../../../src/engine/awg/parameters.ts";

const size = (maximum: number) => fc.integer({ min: 0, max: maximum });

const packet = fc
  .array(
    fc.oneof(
      fc.constantFrom("<b 0xc0ffee>", "<t>", "<b 0x00>"),
      fc.integer({ min: 1, max: 60 }).map((count) => `<r ${count}>`),
      fc.integer({ min: 1, max: 20 }).map((count) => `<rc ${count}>`),
      fc.integer({ min: 1, max: 20 }).map((count) => `<rd ${count}>`),
    ),
    { minLength: 1, maxLength: 4 },
  )
  .map((tags) => tags.join(""));

/** Eight different numbers in order, two for each header: ranges that share nothing, from one value to a quarter. */
const headers = fc
  .uniqueArray(fc.integer({ min: 5, max: 2 ** 32 - 1 }), { minLength: 8, maxLength: 8 })
  .chain((found) =>
    fc
      .record({ shuffled: fc.shuffledSubarray([0, 1, 2, 3], { minLength: 4 }), single: fc.boolean() })
      .map(({ shuffled, single }) => {
        const ends = found.toSorted((a, b) => a - b);
        const pairs = shuffled.map((place) => [ends[2 * place], ends[2 * place + 1]] as const);
        return Object.fromEntries(
          pairs.map(([low, high], index) => [`h${index + 1}`, single ? `${low}` : `${low}-${high}`]),
        );
      }),
  );

/** Parameters of one side alone: junk, packets before handshakes, times, content padding. */
export const ownPart: fc.Arbitrary<UapiParameters> = fc
  .record({
    jc: fc.integer({ min: 0, max: 6 }),
    jmin: fc.integer({ min: 1, max: 60 }),
    more: fc.integer({ min: 0, max: 200 }),
    i1: fc.option(packet, { nil: undefined }),
    i2: fc.option(packet, { nil: undefined }),
    padding: fc.option(fc.tuple(size(40), size(60)), { nil: undefined }),
    rekey: fc.boolean(),
    rare: fc.boolean(),
    silent: fc.boolean(),
  })
  .map(({ jc, jmin, more, i1, i2, padding, rekey, rare, silent }) => ({
    jc: `${jc}`,
    ...(jc === 0 ? {} : { jmin: `${jmin}`, jmax: `${jmin + more}` }),
    ...(i1 === undefined ? {} : { i1 }),
    ...(i1 === undefined || i2 === undefined ? {} : { i2 }),
    ...(padding === undefined ? {} : { content_padding_addition: `${padding[0]}-${padding[0] + padding[1]}` }),
    ...(rekey ? { rekey_timeout: "3-7", rekey_after_time: "100-120", keepalive_timeout: "5-15" } : {}),
    ...(rare ? { reject_after_time: "150-180", max_handshake_attempts: "15-20" } : {}),
    ...(silent ? { disable_cookies: "1" } : {}),
  }));

/** Parameters both ends must have the same. */
export const sharedPart: fc.Arbitrary<UapiParameters> = fc
  .record({
    sizes: fc.tuple(size(150), size(150), size(150), size(63)),
    headers: fc.option(headers, { nil: {} }),
    key: fc.option(fc.uint8Array({ minLength: 32, maxLength: 32 }), { nil: undefined }),
    trailers: fc.boolean(),
  })
  .filter(({ sizes: [s1, s2, s3, s4] }) => new Set([s1 + 148, s2 + 92, s3 + 64, s4 + 32]).size === 4)
  .map(({ sizes, headers: words, key, trailers }) => {
    const isMasked = key !== undefined && sizes.every((bytes) => bytes >= 12) && key.some((byte) => byte !== 0);
    return {
      s1: `${sizes[0]}`,
      s2: `${sizes[1]}`,
      s3: `${sizes[2]}`,
      s4: `${sizes[3]}`,
      ...words,
      ...(isMasked ? { header_protection_key: Buffer.from(key).toString("hex") } : {}),
      ...(trailers ? { random_trailers: "1" } : {}),
    };
  });

const packetOf15 = fc
  .tuple(fc.constantFrom("<b 0xc0ffee>", "<r 7>", "<c>"), fc.constantFrom("<t>", "<r 900>", "<wt 5>"))
  .map((tags) => tags.join(""));

/** What one side of 1.5 has that no later generation has, the generation named. */
export const ownPartOf15: fc.Arbitrary<UapiParameters> = fc
  .record({ packets: fc.array(packetOf15, { minLength: 1, maxLength: 8 }), seconds: fc.integer({ min: 1, max: 90 }) })
  .map(({ packets, seconds }) => ({
    jc: "2",
    jmin: "8",
    jmax: "80",
    ...Object.fromEntries(packets.map((text, index) => [index < 5 ? `i${index + 1}` : `j${index - 4}`, text])),
    itime: `${seconds}`,
    awg_generation: "1.5",
  }));

/** Of what both ends share, what 1.5 has: one word for each header, no mask, no trailers. */
export const sharedPartOf15: fc.Arbitrary<UapiParameters> = sharedPart.map((values) =>
  Object.fromEntries(
    Object.entries(values)
      .filter(([key]) => /^[sh][1-4]$/.test(key))
      .map(([key, value]) => [key, value.split("-")[0] ?? value]),
  ),
);
