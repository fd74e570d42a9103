// awg, whose further processes are started by the program that CLOCKED_NODE names instead of by node: they drop LD_PRELOAD.
process.execPath = process.env["CLOCKED_NODE"] ?? process.execPath;
await import("../../../src/cli/awg.ts");
