// The manual, as this version of the process brings it along: every metric, every kind of failure, every page.
import { useEffect } from "preact/hooks";
import type { ManualPage } from "../../src/admin/dashboard/shapes.ts";
import { useJson } from "../data/json.ts";
import { address } from "../data/route.ts";
import { Markdown } from "../parts/markdown.tsx";

interface PageProps {
  readonly query: URLSearchParams;
}

export function HelpPage({ query }: PageProps) {
  const name = query.get("page");
  const loaded = useJson<ManualPage>(address("dashboard/manual.json", { page: name }), null);
  const isLoaded = loaded.name === "ok";
  useEffect(() => {
    if (!isLoaded) return;
    document.getElementById(decodeURIComponent(location.hash.slice(1)))?.scrollIntoView();
  }, [isLoaded, name]);
  if (loaded.name === "loading") return null;
  if (loaded.name === "failed") {
    return (
      <>
        <p class="bad">{loaded.why}</p>
        <a href="help">The manual</a>
      </>
    );
  }
  const { names, name: shown, text } = loaded.value;
  return (
    <div class="help">
      <nav aria-label="Pages of the manual">
        <Quick />
        {names.map((each) => (
          <a
            href={address("help", { page: each })}
            aria-current={each === shown ? "page" : undefined}
          >
            {each}
          </a>
        ))}
        <a href="admin">all addresses</a>
      </nav>
      <Markdown text={text} />
    </div>
  );
}

/** What is looked up most. */
function Quick() {
  return (
    <>
      <a href={`${address("help", { page: "metrics" })}#the-names`}>What each metric means</a>
      <a href={`${address("help", { page: "metrics" })}#kinds-of-failures`}>Kinds of failures</a>
      <hr />
    </>
  );
}
