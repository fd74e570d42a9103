import { pathsFor } from "../../src/compose/paths.ts";

process.stdout.write(JSON.stringify([pathsFor(undefined, undefined), pathsFor("/chosen", undefined)]));
