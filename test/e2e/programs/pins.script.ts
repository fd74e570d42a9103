/** Prints the folder in which the classifier of this network namespace is pinned, as the host sees it. */
import { basename } from "node:path";
import { findPlace } from "../../../src/host/linux/classifier/classifier-place.ts";

const place = findPlace();
if (place === undefined) throw new Error("no classifier can be here");
process.stdout.write(`/sys/fs/bpf/awg/${basename(place.folder)}`);
