import { AwgError } from "../../../model/error.ts";
import { isBpfKnown } from "../../../native/linux/bpf/bpf.ffi.ts";
import type { ClassifierPort } from "../../ports/kernel/classifier.ts";
import { allNamespaces } from "../processes/live-namespaces.ts";
import { findPlace, makePlace } from "./classifier-place.ts";
import { loadClassifier, removeClassifier } from "./load-classifier.ts";
import { pathKeys } from "./path-keys.ts";
import { pathsIn, programPlaces } from "./program-places.ts";
import { readClassifier, removeGoneClassifiers } from "./read-classifier.ts";

/** The classifier of sockets in this network namespace. Opens nothing until it is used. */
export function linuxClassifier(): ClassifierPort {
  return {
    async read() {
      const place = isBpfKnown() ? findPlace() : undefined;
      const observed = place === undefined ? undefined : readClassifier(place, pathKeys(place.cgroup));
      programPlaces.follow(observed?.spec === undefined ? [] : pathsIn(observed.spec, place?.cgroup ?? "/"));
      return observed;
    },
    async load(spec) {
      if (process.geteuid?.() !== 0)
        throw new AwgError("permission", "only root can change how sockets are classified");
      if (spec !== null) {
        const place = makePlace();
        removeGoneClassifiers(place, allNamespaces);
        loadClassifier(spec, place, pathKeys(place.cgroup));
        return;
      }
      const place = findPlace();
      if (place !== undefined) removeClassifier(place);
    },
  };
}
