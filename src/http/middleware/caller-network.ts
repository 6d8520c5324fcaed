import {
  convertIPv4BinaryToString,
  convertIPv4MappedIPv6ToIPv4,
  convertIPv4ToBinary,
  convertIPv6ToBinary,
  isIPv4MappedIPv6,
} from "hono/utils/ipaddr";

/** What stands for a caller whose address nobody knows: all of them are one. */
export const UNKNOWN_NETWORK = "unknown";

/**
 * Who is calling, as far as networks tell: an IPv4 address, or the /64 of an IPv6 address, which is the least
 * that one customer gets.
 *
 * `X-Forwarded-For` is read from the right, one entry for each proxy that is believed: the last was written by
 * the proxy that called us, the one before by the proxy that called that one. What stands further left was
 * written by the caller. An entry that is missing or no address ends the walk, so the proxy counts that wrote
 * it. `Forwarded` (RFC 7239) is not read: a proxy that writes one of the two headers passes the other on as the
 * caller sent it.
 *
 * @param peer The other end of the connection, as the runtime knows it; `null` if it does not.
 * @param proxies How many are believed.
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

/** @throws {TypeError} If `address` is none. */
function networkOf(address: string): string {
  if (!address.includes(":")) {
    convertIPv4ToBinary(address);
    return address;
  }
  const bits = convertIPv6ToBinary(address);
  if (isIPv4MappedIPv6(bits)) return convertIPv4BinaryToString(convertIPv4MappedIPv6ToIPv4(bits));
  return `${(bits >> 64n).toString(16)}/64`;
}
