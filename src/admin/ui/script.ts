// The script of the page at `/`: plain browser JavaScript in a string. Whatever comes from the
// server is set as textContent, never as markup. The text must contain no backtick or backslash.
export const script = `"use strict";
const periodMs = 1000;
const samplesKept = 10; // rates cover this many samples: a single one is too noisy
const byId = (id) => document.getElementById(id);
const make = (tag, text, name) => {
  const element = document.createElement(tag);
  if (text !== undefined) element.textContent = text;
  if (name) element.className = name;
  return element;
};
const counter = (scope, ...path) => {
  for (const part of path) scope = scope && scope[part];
  return (scope && scope.counter) || 0;
};
const gauge = (scope, name) => scope[name] && scope[name].gauge;
const number = (value) => value === undefined ? "" : value >= 100 ? Math.round(value).toLocaleString() : String(Math.round(value * 10) / 10);

const samples = [];
let routerNames = "";

/** One scope's row: rates are differences of its counters since an earlier sample. */
function row(name, scope, old, seconds) {
  const since = (...path) => Math.max(0, counter(scope, ...path) - counter(old, ...path));
  const requests = old ? since("requests") / seconds : undefined;
  const good = old ? since("success") : 0;
  const bad = old ? since("failures") : 0;
  const latency = scope.request_latency_ms || {};
  const line = make("tr");
  line.append(make("td", name), make("td", number(requests)), make("td", number(counter(scope, "requests"))));
  const rate = good + bad > 0 ? 100 * good / (good + bad) : undefined;
  line.append(make("td", rate === undefined ? "" : number(rate) + " %", rate < 99 ? "bad" : "good"));
  line.append(make("td", number(counter(scope, "failures"))), make("td", number(gauge(scope, "pending"))));
  line.append(make("td", number(latency["stat.p50"])), make("td", number(latency["stat.p99"])));
  line.append(make("td", number(gauge(scope, "connections"))));
  return line;
}

function table(title, scopes, old, seconds) {
  const part = document.createDocumentFragment();
  const names = Object.keys(scopes || {}).filter((name) => scopes[name].requests).sort();
  if (names.length === 0) return part;
  const head = make("tr");
  for (const column of ["", "req/s", "requests", "success", "failures", "pending", "p50 ms", "p99 ms", "connections"]) head.append(make("th", column));
  const rows = make("table");
  rows.append(head, ...names.map((name) => row(name, scopes[name], old && old[name], seconds)));
  const scroller = make("div", undefined, "scroll");
  scroller.append(rows);
  part.append(make("h3", title), scroller);
  return part;
}

function showRouters(now, before) {
  const routers = now.tree.rt || {};
  const seconds = before ? (now.atMs - before.atMs) / 1000 : 0;
  const shown = Object.keys(routers).map((label) => {
    const old = before && before.tree.rt && before.tree.rt[label];
    const part = make("section");
    part.append(make("h2", label));
    for (const [title, scope] of [["Servers", "server"], ["Services", "service"], ["Clients", "client"]]) {
      part.append(table(title, routers[label][scope], old && old[scope], seconds));
    }
    return part;
  });
  byId("routers").replaceChildren(...shown.length ? shown : [make("p", "No router has taken a call yet.", "quiet")]);
}

function showProcess(tree) {
  const jvm = tree.jvm || {};
  const own = tree.process || {};
  const lag = (own.event_loop && own.event_loop.lag_ms) || {};
  const mib = (bytes) => number(bytes / 1048576) + " MiB";
  const facts = [];
  if (jvm.uptime) facts.push("up " + number(jvm.uptime.gauge / 1000) + " s");
  if (own.mem) facts.push(mib(own.mem.rss.gauge) + " resident");
  if (jvm.heap) facts.push(mib(jvm.heap.used.gauge) + " heap");
  if (lag["stat.max"] !== undefined) facts.push("event loop late by up to " + number(lag["stat.max"]) + " ms");
  byId("info").textContent = facts.join(", ");
}

async function showState() {
  const ready = await fetch("admin/ready");
  byId("state").textContent = (await ready.text()).trim();
  byId("state").className = ready.ok ? "good" : "bad";
}

async function listRouters() {
  const config = await (await fetch("config.json")).json();
  const labels = (config.routers || []).map((router) => router.label || router.protocol);
  if (labels.join() === routerNames) return;
  routerNames = labels.join();
  byId("ask").elements.namespace.replaceChildren(...labels.map((label) => make("option", label)));
}

// These pages are about one name: the form above asks for any.
const wantsName = (path) => path === "/delegator.json" || path.endsWith("/policy.json");

async function listPages() {
  const pages = (await (await fetch("admin/index.txt")).text()).trim().split(String.fromCharCode(10));
  byId("pages").replaceChildren(...pages.filter((path) => path !== "/" && path !== "/admin/shutdown").map((path) => {
    const link = make("a", path);
    link.href = path.slice(1) + (wantsName(path) ? "?path=" + encodeURIComponent("/svc") : "");
    return link;
  }));
}

async function refresh() {
  try {
    const response = await fetch("admin/metrics.json?tree=1");
    if (!response.ok) throw new Error("metrics: status " + response.status);
    const now = { atMs: performance.now(), tree: await response.json() };
    showRouters(now, samples[0]);
    showProcess(now.tree);
    samples.push(now);
    if (samples.length > samplesKept) samples.shift();
    await showState();
  } catch (error) {
    byId("state").textContent = "no response: " + error.message;
    byId("state").className = "bad";
    samples.length = 0; // a restarted process counts from zero
  }
  setTimeout(refresh, document.hidden ? 5 * periodMs : periodMs);
}

const meaning = {
  alt: "tried in this order", union: "split by weight", neg: "no such name", fail: "fails: no later alternative is tried",
  empty: "exists, but has no addresses", pending: "discovery has not responded yet",
};

function addressText(bound) {
  const address = bound.addr || {};
  if (address.type !== "bound") return address.cause || address.type || "";
  return address.addrs.map((each) => each.ip + ":" + each.port).join(", ") || "no addresses";
}

function showNode(node, weight) {
  const item = make("li");
  if (weight !== undefined) item.append(make("span", weight + " * ", "quiet"));
  item.append(make("code", node.type === "transformation" ? node.name : node.path));
  if (node.dentry) item.append(make("span", " by ", "quiet"), make("code", node.dentry.prefix + " => " + node.dentry.dst));
  if (meaning[node.type]) item.append(make("span", " " + meaning[node.type], node.type === "alt" || node.type === "union" ? "quiet" : "bad"));
  if (node.message) item.append(make("span", " " + node.message, "bad"));
  if (node.type === "leaf") item.append(make("span", " " + node.bound.id + " at " + addressText(node.bound), "good"));
  const below = [
    ...(node.delegate ? [showNode(node.delegate)] : []),
    ...(node.alt || []).map((each) => showNode(each)),
    ...(node.union || []).map((each) => showNode(each.tree, each.weight)),
    ...(node.tree ? [showNode(node.tree)] : []),
  ];
  if (below.length > 0) {
    const list = make("ul", undefined, "tree");
    list.append(...below);
    item.append(list);
  }
  return item;
}

// Several processes on one host have different ports.
document.title = document.title.replace(" - switchyard", " (" + location.host + ") - switchyard");

byId("ask").addEventListener("submit", async (event) => {
  event.preventDefault();
  const given = new FormData(event.target);
  const typed = given.get("path").trim();
  const path = typed.length > 1 && typed.endsWith("/") ? typed.slice(0, -1) : typed;
  const query = new URLSearchParams({ path });
  if (given.get("namespace")) query.set("namespace", given.get("namespace"));
  if (given.get("dtab").trim() !== "") query.set("dtab", given.get("dtab"));
  let shown;
  try {
    const response = await fetch("delegator.json?" + query);
    const value = await response.json();
    shown = response.ok ? make("ul", undefined, "tree") : make("p", value.error, "bad");
    if (response.ok) shown.append(showNode(value));
  } catch (error) {
    shown = make("p", "no response: " + error.message, "bad");
  }
  byId("delegation").replaceChildren(shown);
});

refresh();
listRouters().catch(() => {});
listPages().catch(() => {});
`;
