import { z } from "zod";
import { ipAddress } from "../field/address.ts";
import { duration } from "../field/duration.ts";
import { boolean } from "../field/scalar.ts";

/** Its web server redirects plain HTTP to itself, which only a captive network answers otherwise. */
const PROBED_ADDRESS = "1.1.1.1";

/** Networks that pass no traffic before a login in the browser. */
export const captivePortalSchema = z.strictObject({
  allow: boolean().describe("Allow TCP to the login page, and only there, until the login is done.").prefault(true),
  longest: duration(10, 3600).describe("Close it after this time in any case.").prefault(300),
  probe: ipAddress()
    .describe("A web server on port 80 that answers 204, or redirects to itself.")
    .prefault(PROBED_ADDRESS),
  anywhere: boolean().describe("Also allow a login page outside the local network.").prefault(false),
});
