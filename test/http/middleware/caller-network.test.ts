import { expect, test } from "vitest";
import { callerNetwork } from "../../../src/http/middleware/caller-network.ts";

const PROXY = "10.0.0.1";

test("callerNetwork() is the other end of the connection where no proxy is believed", () => {
  expect(callerNetwork("192.0.2.7", "203.0.113.9", 0)).toBe("192.0.2.7");
  expect(callerNetwork("192.0.2.7", null, 3)).toBe("192.0.2.7");
  expect(callerNetwork(null, "203.0.113.9", 0)).toBe("unknown");
  expect(callerNetwork("/run/socket", null, 0)).toBe("unknown");
});

test.each([
  // One proxy: only what it has written itself, the last entry.
  ["203.0.113.9", 1, "203.0.113.9"],
  ["198.51.100.1, 203.0.113.9", 1, "203.0.113.9"],
  ["198.51.100.1,,203.0.113.9", 1, "203.0.113.9"],
  // Two: the first wrote the caller, the second the first.
  ["198.51.100.1, 203.0.113.9, 10.0.0.2", 2, "203.0.113.9"],
  // Fewer entries than proxies: someone came past the first.
  ["203.0.113.9", 2, "203.0.113.9"],
  // Ports and brackets, as some proxies write them.
  ["203.0.113.9:4711", 1, "203.0.113.9"],
  ["[2001:db8:1:2:3::9]:4711", 1, "20010db800010002/64"],
  ["2001:db8:1:2:3::9", 1, "20010db800010002/64"],
])("callerNetwork() counts %j from the right with %i proxies", (forwardedFor, proxies, network) => {
  expect(callerNetwork(PROXY, forwardedFor, proxies)).toBe(network);
});

test.each([
  ...["", " ", "unknown", "_hidden", "203.0.113", "203.0.113.999", "0203.0.113.9", "203.0.113.9:x"],
  ...["[203.0.113.9", "1:2:3", "::1::", "2001:db8::g", "127.0.0.1\u0000", "for=203.0.113.9"],
])("callerNetwork() takes the proxy for the caller where that wrote %j", (garbage) => {
  expect(callerNetwork(PROXY, garbage, 1)).toBe(PROXY);
  expect(callerNetwork(PROXY, `198.51.100.1, ${garbage}`, 2)).toBe(PROXY);
  expect(callerNetwork(PROXY, `${garbage}, 10.0.0.2`, 2)).toBe("10.0.0.2");
});

test("callerNetwork() takes the 2^64 addresses of one customer for one, and a mapped one for itself", () => {
  const [first, second] = ["2001:db8::1", "2001:0DB8:0:0:ffff::2"];
  expect(callerNetwork(first, null, 0)).toBe(callerNetwork(second, null, 0));
  expect(callerNetwork("2001:db8:0:1::1", null, 0)).not.toBe(callerNetwork(first, null, 0));
  expect(callerNetwork("::ffff:192.0.2.7", null, 0)).toBe("192.0.2.7");
  expect(callerNetwork("fe80::1%eth0", null, 0)).toBe("fe80000000000000/64");
});
