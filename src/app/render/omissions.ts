import type { Planned } from "../plan/planned.ts";

/** A desired state to be rendered, with what a person should know of it. */
export type ToRender = Pick<Planned, "desired" | "notes">;

/** A rendering's words for what it could not find out, by the place in the config. */
const UNKNOWN: readonly (readonly [place: RegExp, what: string])[] = [
  [
    /\.endpoint$/,
    "a name that has no address here; not written: its Endpoint, the rule that lets it out (S3.1), the route to it",
  ],
  [/^rules\.\d+\.users$/, "a user name without a known uid here; not written: rules for it"],
];

/** Parts the notes of an expansion: what of the config could not be written, by place, and what else there is to say. Pure. */
export function leftOut(notes: Planned["notes"]): Pick<Planned, "notes"> & { readonly left: readonly string[] } {
  const unknownAt = (path: string) => UNKNOWN.find(([place]) => place.test(path))?.[1];
  const left = notes.flatMap(({ path }) => {
    const what = unknownAt(path);
    return what === undefined ? [] : [`${path}: ${what}`];
  });
  return { left: [...new Set(left)], notes: notes.filter(({ path }) => unknownAt(path) === undefined) };
}
