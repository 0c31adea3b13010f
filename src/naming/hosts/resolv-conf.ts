// Which names to query for a host name: the search list of resolv.conf(5).

export interface SearchList {
  readonly domains: readonly string[];
  /** A name with at least so many dots is queried as it is first. */
  readonly ndots: number;
}

const maxDomains = 6; // as glibc had it

export function parseResolvConf(text: string): SearchList {
  let domains: readonly string[] = [];
  let ndots = 1;
  for (const line of text.split("\n")) {
    const [key, ...values] = line
      .replace(/[#;].*$/, "")
      .trim()
      .split(/\s+/);
    if (key === "search" || key === "domain") domains = values.slice(0, maxDomains); // the last counts
    if (key !== "options") continue;
    for (const option of values) {
      const found = /^ndots:(\d{1,2})$/.exec(option)?.[1];
      if (found !== undefined) ndots = Math.min(15, Number(found));
    }
  }
  return { domains, ndots };
}

/** The absolute names that stand for `host`, in the order in which they are queried. */
export function candidates(host: string, { domains, ndots }: SearchList): readonly string[] {
  if (host.endsWith(".")) return [host.slice(0, -1)];
  const dots = host.split(".").length - 1;
  const searched = domains.map((domain) => `${host}.${domain.replace(/^\.+|\.+$/g, "")}`);
  const named = searched.filter((name) => !name.endsWith(".") && name.length <= 253);
  return dots >= ndots ? [host, ...named] : [...named, host];
}
