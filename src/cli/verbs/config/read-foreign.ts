import { importAmnezia } from "../../../interchange/amnezia/amnezia-link.ts";
import { type Imported, type ImportOptions, importConf } from "../../../interchange/import-config.ts";
import { importAwgJson } from "../../../interchange/json/awg-json.ts";
import { objectOf, parseJson } from "../../../interchange/json/json-value.ts";
import { importSingBox } from "../../../interchange/sing-box/sing-box.ts";
import { AwgError } from "../../../model/error.ts";

/** Size limit of an unpacked link: a conf and its parameters are a few kilobytes. */
const MAX_LINK_BYTES = 1024 * 1024;

/** Reads a text of any form that can be imported; which it is, it shows itself. AwgError config where it is none. */
export function readForeign(text: string, options: ImportOptions): Imported {
  if (Buffer.byteLength(text) > MAX_LINK_BYTES) {
    throw new AwgError("config", `${options.source} is larger than ${MAX_LINK_BYTES} bytes`, {
      remedy: "check that it is a tunnel's configuration at all",
    });
  }
  const start = text.replace(/^\uFEFF/, "").trimStart();
  if (/^vpn:\/\//i.test(start)) return readLink(unpackLink(start.trim().slice(6), options.source), options);
  return start.startsWith("{") ? readJson(start, options) : importConf(text, options);
}

/** A link packs JSON or, as Amnezia's app takes them too, a conf. */
function readLink(text: string, options: ImportOptions): Imported {
  const isConf = /^\s*\[interface\]/im.test(text) && !text.trimStart().startsWith("{");
  if (isConf) return importConf(text, options);
  if (objectOf(parseJson(text)) === undefined) throw broken(options.source, "cannot be decoded");
  return readJson(text, options);
}

function readJson(text: string, options: ImportOptions): Imported {
  const { source } = options;
  const document = objectOf(parseJson(text));
  if (document === undefined) {
    throw new AwgError("config", `${source} is not valid JSON`, { remedy: "check that the file is complete" });
  }
  if (document["apiVersion"] !== undefined) return importAwgJson(text, document, options);
  if (document["containers"] !== undefined) return importAmnezia(document, options);
  if (document["outbounds"] !== undefined || document["endpoints"] !== undefined)
    return importSingBox(document, options);
  if (document["auth_data"] !== undefined || document["api_key"] !== undefined)
    throw new AwgError("config", `${source} is a subscription to Amnezia's service, which holds no configuration`, {
      remedy: "save a configuration file (AmneziaWG) in the app and import that",
    });
  throw new AwgError("config", `${source} is JSON of no kind that awg knows`, {
    remedy: "awg reads its own, sing-box's, and what Amnezia's links hold",
  });
}

/**
 * The text in a link: base64url of Qt's qCompress, which is the size of the text in 4 bytes, highest first, and a zlib
 * stream (doc.qt.io, QByteArray). Some programs leave out the compression.
 */
function unpackLink(link: string, source: string): string {
  if (!/^[A-Za-z0-9_+/-]+={0,2}$/.test(link)) throw broken(source, "holds other characters than base64url");
  const bytes = Buffer.from(link.replaceAll("-", "+").replaceAll("_", "/"), "base64");
  // The size of anything that may be unpacked here begins with a zero byte, and no text does.
  if ((bytes[0] ?? 0) >= 0x09) return bytes.toString("utf8");
  if (bytes.length < 6) throw broken(source, "is cut short");
  const size = bytes.readUInt32BE(0);
  if (size > MAX_LINK_BYTES) throw broken(source, `says it unpacks to ${size} bytes`);
  try {
    const { inflateSync } = process.getBuiltinModule("node:zlib");
    return inflateSync(bytes.subarray(4), { maxOutputLength: MAX_LINK_BYTES }).toString("utf8");
  } catch (cause) {
    throw broken(source, "cannot be unpacked", cause);
  }
}

function broken(source: string, what: string, cause?: unknown): AwgError {
  const remedy = "copy the whole link";
  return new AwgError("config", `the vpn:// link in ${source} ${what}`, {
    remedy,
    ...(cause === undefined ? {} : { cause }),
  });
}
