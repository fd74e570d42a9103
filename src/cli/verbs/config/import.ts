import { basename, dirname, resolve } from "node:path";
import { shellWord } from "../../../app/doctor/finding.ts";
import type { SourceFile } from "../../../app/load/loaded-config.ts";
import { readRegularFile } from "../../../app/load/read-config-file.ts";
import { hasErrors, type Imported } from "../../../interchange/import-config.ts";
import { type ImportFinding, importNote, renderImportFinding } from "../../../interchange/import-finding.ts";
import { AwgError } from "../../../model/error.ts";
import { parseIp } from "../../../model/ip.ts";
import { isDeviceName } from "../../../model/resources/tunnel-key.ts";
import { counted } from "../../../model/text/counted.ts";
import { EXIT } from "../../exit-code.ts";
import { flagOption, listOption, type RunVerb, textOption, type VerbCall } from "../../verb.ts";
import { printDocument } from "../../views/json.ts";
import { writeNewFilesAndFolders } from "./new-files.ts";
import { readForeign } from "./read-foreign.ts";

/** As `awg init` suggests; only endpoint names are resolved there. */
const BOOTSTRAP = ["9.9.9.9"];
const OTHERS = 0o077;
const OTHERS_MAY_WRITE = 0o022;

/** `awg import FILE|-`: another program's configuration as one of awg's; secrets go to files of their own. */
export const run: RunVerb = async (call) => {
  const file = call.args[0];
  if (file === undefined)
    throw new AwgError("usage", "import needs a file", { remedy: "name one, or - for standard input" });
  if (/^vpn:/i.test(file)) {
    throw new AwgError("usage", "every user of this host can read a link on the command line", {
      remedy: "put it into a file, or pipe it: awg import -",
    });
  }
  const out = textOption(call, "out");
  const target = out === undefined || out === "-" ? undefined : resolve(out);
  const secretsDir = textOption(call, "secretsDir");
  const adopt = adoptionOf(file, call);
  const source = file === "-" ? { name: "-", text: call.terminal.readInput() } : readRegularFile(file);
  const name = textOption(call, "name");
  const read = readForeign(source.text, {
    source: source.name,
    secretsDir: resolve(secretsDir ?? dirname(target ?? file)),
    bootstrap: bootstrapOf(call),
    ...(name === undefined ? {} : { name }),
    adopt,
    ...(target === undefined ? {} : { target: shellWord(target) }),
  });
  const imported = { ...read, findings: [...read.findings, ...exposureOf(source, read)] };
  report(imported, call);
  const secrets = imported.secrets.map(({ path, value }) => ({ path, text: `${value}\n` }));
  const config = target === undefined ? [] : [{ path: target, text: imported.text }];
  const written = target === undefined && secretsDir === undefined ? [] : [...secrets, ...config];
  const folders = writeNewFilesAndFolders(written);
  const paths = written.map(({ path }) => path);
  print(imported, { target, folders, written: paths }, call);
  return EXIT.success;
};

/** What others could learn or say by the file that keys were read from: the keys in it are theirs too, whatever becomes of it. */
function exposureOf({ name, mode = 0 }: SourceFile, { secrets }: Imported): ImportFinding[] {
  if (secrets.length === 0 || (mode & OTHERS) === 0) return [];
  const what = (mode & OTHERS_MAY_WRITE) === 0 ? "read" : "read and change";
  const shown = (mode & 0o777).toString(8).padStart(4, "0");
  const remedy = `run chmod 600 ${shellWord(name)}; if another user read it, replace the keys`;
  return [importNote(name, `it contains keys, and other users can ${what} it (mode ${shown})`, remedy)];
}

/** --adopt needs a file with the device as its name, as wg-quick does. */
function adoptionOf(file: string, call: VerbCall): boolean {
  if (!flagOption(call, "adopt")) return false;
  const name = basename(file, ".conf");
  if (file.endsWith(".conf") && isDeviceName(name)) return true;
  throw new AwgError("usage", "--adopt takes a file that is named after the device, as wg-quick has it", {
    remedy: "awg import --adopt /etc/wireguard/wg0.conf",
  });
}

function bootstrapOf(call: VerbCall): readonly string[] {
  const given = listOption(call, "bootstrap");
  const wrong = given.find((text) => parseIp(text) === undefined);
  if (wrong === undefined) return given.length === 0 ? BOOTSTRAP : given;
  throw new AwgError("usage", "--bootstrap needs the address of a DNS server", { remedy: "write it like 9.9.9.9" });
}

/** Says everything on stderr; throws where something of it is an error. */
function report({ findings }: Imported, call: VerbCall): void {
  if (!flagOption(call, "json") || hasErrors(findings)) {
    for (const finding of findings) call.terminal.err(renderImportFinding(finding));
  }
  const errors = findings.filter(({ severity }) => severity === "error").length;
  if (errors === 0) return;
  throw new AwgError("config", `the import has ${counted(errors, "error")}; nothing was written`);
}

interface Written {
  /** The config; absent if it goes to standard output. */
  readonly target: string | undefined;
  readonly folders: readonly string[];
  readonly written: readonly string[];
}

function print({ text, secrets, findings }: Imported, { target, folders, written }: Written, call: VerbCall): void {
  const { terminal } = call;
  if (flagOption(call, "json")) {
    const config = target === undefined ? { config: text } : {};
    printDocument(terminal, "import", { formatVersion: "1", ...config, written, findings });
    return;
  }
  if (target === undefined) terminal.out(text.trimEnd());
  else {
    const made = [...folders.map((path) => `Created the folder ${path}`), ...written.map((path) => `Wrote ${path}`)];
    terminal.out([...made, `Review it, then: sudo awg plan -f ${shellWord(target)}`].join("\n"));
  }
  if (secrets.length > 0 && written.length === 0) {
    const paths = secrets.map(({ path }) => path).join(", ");
    terminal.err(`The keys were not written. Use --out or --secrets-dir to write them to ${paths}.`);
  }
}
