// The head of every page, and the page.
import type { FunctionComponent } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { useRoute, type Route } from "./data/route.ts";
import { Header } from "./parts/header.tsx";
import { useLive } from "./data/live.ts";
import { FleetPage } from "./fleet/page.tsx";
import { ConfigPage } from "./pages/config.tsx";
import { HelpPage } from "./pages/help.tsx";
import { LoggingPage } from "./pages/logging.tsx";
import { NamesPage } from "./pages/names.tsx";
import { OverviewPage } from "./pages/overview.tsx";
import { RequestsPage } from "./pages/requests.tsx";
import { ClientPage, ServerPage, ServicePage } from "./pages/scope.tsx";

export interface PageProps {
  readonly query: URLSearchParams;
}

interface Page {
  readonly title: string;
  readonly View: FunctionComponent<PageProps>;
}

/** By the last segment of the address. */
export const pages: Readonly<Record<string, Page>> = {
  "": { title: "Overview", View: OverviewPage },
  server: { title: "Server", View: ServerPage },
  service: { title: "Service", View: ServicePage },
  client: { title: "Client", View: ClientPage },
  delegator: { title: "Names", View: NamesPage },
  requests: { title: "Requests", View: RequestsPage },
  fleet: { title: "Fleet", View: FleetPage },
  logging: { title: "Logging", View: LoggingPage },
  config: { title: "Configuration", View: ConfigPage },
  help: { title: "Help", View: HelpPage },
};

export function App() {
  const route = useRoute();
  const live = useLive();
  // A process that has nothing but a fleet shows that first.
  const isFleetOnly = live.instance?.hasFleet === true && live.routers.length === 0;
  const name = route.page === "" && isFleetOnly ? "fleet" : route.page;
  const page = pages[name] ?? pages[""]!;
  const main = useRef<HTMLElement>(null);
  useTitle(route, page);
  return (
    <>
      <a class="skip" href="#main">
        To the content
      </a>
      <Header page={name} live={live} />
      <main
        id="main"
        ref={main}
        tabIndex={-1}
        class={live.connection.name === "lost" ? "stale" : undefined}
      >
        <page.View key={name} query={route.query} />
      </main>
    </>
  );
}

function useTitle({ page, query }: Route, { title }: Page): void {
  const subject = query.get("name") ?? query.get("id") ?? query.get("path");
  useEffect(() => {
    const instance = document.body.dataset["title"] ?? "";
    document.title = `${subject ?? title} - ${instance} (${location.host}) - switchyard`;
  }, [page, subject, title]);
}
