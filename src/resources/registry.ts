import { autostartDriver } from "./autostart/autostart.driver.ts";
import { classifierDriver } from "./classifier/classifier.driver.ts";
import type { DriverRegistry } from "./driver.ts";
import { firewallDriver } from "./firewall/firewall.driver.ts";
import { linkDriver } from "./link/link.driver.ts";
import { proxyDriver } from "./proxy/proxy.driver.ts";
import { resolverDriver } from "./resolver/resolver.driver.ts";
import { routesDriver } from "./routes/routes.driver.ts";
import { serviceDriver } from "./service/service.driver.ts";
import { sysctlDriver } from "./sysctl/sysctl.driver.ts";
import { systemExtensionDriver } from "./system-extension/system-extension.driver.ts";
import { tunnelDriver } from "./tunnel/tunnel.driver.ts";

/** The driver of each kind. A new kind adds its line here and its row in `ResourceTypes`. */
export const driverRegistry: DriverRegistry = {
  link: linkDriver,
  tunnel: tunnelDriver,
  proxy: proxyDriver,
  routes: routesDriver,
  firewall: firewallDriver,
  classifier: classifierDriver,
  sysctl: sysctlDriver,
  resolver: resolverDriver,
  service: serviceDriver,
  autostart: autostartDriver,
  "system-extension": systemExtensionDriver,
};
