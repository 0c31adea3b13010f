// Which page the address asks for. Real addresses, one level deep: `service?router=http&name=/svc/users`.
import { useEffect, useState } from "preact/hooks";

export interface Route {
  /** The last segment of the path; empty: the overview. */
  readonly page: string;
  readonly query: URLSearchParams;
}

function current(): Route {
  const page = location.pathname.split("/").at(-1) ?? "";
  return { page, query: new URLSearchParams(location.search) };
}

const watchers = new Set<() => void>();

/** A relative address, such as `client?router=http&name=...`; values that are null are left out. */
export function address(
  page: string,
  query: Readonly<Record<string, string | number | null | undefined>> = {},
): string {
  const given = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== null && value !== undefined && value !== "") given.set(name, String(value));
  }
  // Names are full of slashes, which mean nothing in a query.
  const text = given.toString().replaceAll("%2F", "/");
  return `${page === "" ? "./" : page}${text === "" ? "" : `?${text}`}`;
}

export function go(to: string, how: "push" | "replace" = "push"): void {
  if (how === "push") history.pushState(null, "", to);
  else history.replaceState(null, "", to);
  for (const watcher of watchers) watcher();
  if (how === "push") scrollTo(0, 0);
}

export function useRoute(): Route {
  const [route, show] = useState(current);
  useEffect(() => {
    const changed = () => show(current());
    watchers.add(changed);
    addEventListener("popstate", changed);
    return () => {
      watchers.delete(changed);
      removeEventListener("popstate", changed);
    };
  }, []);
  return route;
}

/** Links to pages of the dashboard change the page in place; others, and other buttons, do as usual. */
export function followLinks(pages: ReadonlySet<string>): void {
  document.addEventListener("click", (event) => {
    const { target } = event;
    const link = target instanceof Element ? target.closest("a") : null;
    const isPlain = event.button === 0 && !event.metaKey && !event.ctrlKey && !event.shiftKey;
    if (link === null || !isPlain || link.target !== "" || event.defaultPrevented) return;
    const to = new URL(link.href);
    const folder = location.pathname.replace(/[^/]*$/, "");
    const isOurs = to.origin === location.origin && to.pathname.startsWith(folder);
    if (!isOurs || !pages.has(to.pathname.slice(folder.length)) || to.hash !== "") return;
    event.preventDefault();
    go(to.pathname + to.search);
  });
}
