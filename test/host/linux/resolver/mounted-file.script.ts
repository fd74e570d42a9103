import { readFileSync } from "node:fs";
import { fileResolver } from "../../../../src/host/linux/resolver/file-resolver.ts";
import type { ResolverSpec } from "../../../../src/model/resources/resolver.ts";

/** Sets the resolver of the file given, or puts it back. */
const { places, spec } = JSON.parse(readFileSync(0, "utf8")) as {
  readonly places: { readonly resolvConf: string; readonly original: string };
  readonly spec: ResolverSpec | null;
};
const resolver = fileResolver(places);
await (spec === null ? resolver.restore() : resolver.ensure(spec));
