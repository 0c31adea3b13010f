// One view of the fleet, kept current by a stream of events for as long as it is seen.
import { useEffect, useState } from "preact/hooks";

export type Followed<T> =
  | { readonly name: "loading" }
  | { readonly name: "ok"; readonly value: T }
  /** `value`: as it was then. */
  | { readonly name: "lost"; readonly value: T | null };

const retryMs = 3_000;

export function useFleet<T>(view: string): Followed<T> {
  const [followed, show] = useState<Followed<T>>({ name: "loading" });
  useEffect(() => {
    let source: EventSource | null = null;
    let timer: ReturnType<typeof setTimeout> | undefined;
    let last: T | null = null;
    const open = () => {
      const opened = new EventSource(`fleet/events?view=${view}`);
      source = opened;
      opened.addEventListener(view, ({ data }) => {
        last = JSON.parse(data) as T;
        show({ name: "ok", value: last });
      });
      opened.addEventListener("error", () => {
        show({ name: "lost", value: last });
        if (opened.readyState === EventSource.CLOSED) timer = setTimeout(open, retryMs);
      });
    };
    open();
    return () => {
      clearTimeout(timer);
      source?.close();
    };
  }, [view]);
  return followed;
}
