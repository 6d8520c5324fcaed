import {
  convertIPv4BinaryToString,
  convertIPv4MappedIPv6ToIPv4,
  convertIPv4ToBinary,
  convertIPv6ToBinary,
  isIPv4MappedIPv6,
} from "hono/utils/ipaddr";

/** The network of callers without a known address. They all share it. */
export const UNKNOWN_NETWORK = "unknown";

/**
 * The caller's network: an IPv4 address, or the /64 of an IPv6 address, which is the least that one customer
 * gets.
 *
 * `X-Forwarded-For` is read from the right, one entry per trusted proxy: the last entry was written by the proxy
 * that called us, the one before it by the proxy that called that one. Entries further left were written by the
 * caller. If an entry is missing or not an address, the proxy that wrote it counts as the caller. `Forwarded`
 * (RFC 7239) is ignored: a proxy that writes one of the two headers forwards the other one as the caller sent it.
 *
 * @param peer The address at the other end of the connection; `null` if the runtime does not know it.
 * @param proxies How many proxies are trusted.
 */
export function callerNetwork(
  peer: string | null,
  forwardedFor: string | null,
  proxies: number,
): string {
  let network = findNetwork(peer ?? "") ?? UNKNOWN_NETWORK;
  const entries = (proxies === 0 ? "" : (forwardedFor ?? "")).split(",");
  for (const entry of entries.reverse().slice(0, proxies)) {
    const next = findNetwork(entry.trim());
    if (next === null) break;
    network = next;
  }
  return network;
}

/** The network of an address as sockets and proxies write it (with a port, in brackets), or `null`. */
function findNetwork(text: string): string | null {
  const [, inBrackets, beforePort] =
    /^(?:\[(.+)\](?::\d{1,5})?|([\d.]+):\d{1,5})$/.exec(text) ?? [];
  const address = inBrackets ?? beforePort ?? text;
  try {
    return networkOf(address);
  } catch {
    return null;
  }
}

/** @throws {TypeError} If `address` is not an IP address. */
function networkOf(address: string): string {
  if (!address.includes(":")) {
    convertIPv4ToBinary(address);
    return address;
  }
  const bits = convertIPv6ToBinary(address);
  if (isIPv4MappedIPv6(bits)) return convertIPv4BinaryToString(convertIPv4MappedIPv6ToIPv4(bits));
  return `${(bits >> 64n).toString(16)}/64`;
}
