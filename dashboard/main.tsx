// The dashboard: one document for every page, which shows what its address asks for.
import { render } from "preact";
import "./style/index.css";
import { App, pages } from "./app.tsx";
import { connect } from "./data/live.ts";
import { followLinks } from "./data/route.ts";

followLinks(new Set(Object.keys(pages)));
connect();
render(<App />, document.body);
