// IP addresses as people write them, brought to one form.
import { isIPv6, SocketAddress } from "node:net";

/**
 * The canonical text of an IP address; null when it is not one. IPv4 as inet_aton reads it: `127.1`
 * is 127.0.0.1, parts may be octal (`010`) or hexadecimal (`0x7f`). IPv6 without brackets.
 */
export function canonicalIp(text: string): string | null {
  if (text.includes(":")) return canonicalIpv6(text);
  const parts = text.split(".");
  if (parts.length > 4) return null;
  const numbers = parts.map(numberOf);
  const last = numbers.pop();
  if (last === undefined || last === null) return null;
  let address = last; // the last part fills all the bytes that are left
  if (last >= 256 ** (4 - numbers.length)) return null;
  for (const [i, number] of numbers.entries()) {
    if (number === null || number > 255) return null;
    address += number * 256 ** (3 - i);
  }
  return [24, 16, 8, 0].map((shift) => (address >>> shift) & 255).join(".");
}

function numberOf(part: string): number | null {
  if (/^(0|[1-9]\d{0,9})$/.test(part)) return Number(part);
  if (/^0[0-7]{1,12}$/.test(part)) return parseInt(part, 8);
  return /^0[xX][0-9A-Fa-f]{1,8}$/.test(part) ? parseInt(part.slice(2), 16) : null;
}

function canonicalIpv6(text: string): string | null {
  const [address = "", zone] = text.split("%", 2);
  if (!isIPv6(text)) return null;
  const canonical = new SocketAddress({ address, family: "ipv6" }).address;
  return zone === undefined ? canonical : `${canonical}%${zone}`;
}
