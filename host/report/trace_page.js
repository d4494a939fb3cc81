"use strict";
// The page of one trace: reads the events below it, one JSON object a line, and draws them. All that comes from events
// is set as text, never as markup.
addEventListener("DOMContentLoaded", () => {
  const began = performance.now();
  const ROW = 24, AROUND = 200;
  const PARTS = {
    queue: "waiting in the host's queue", limit: "held by a rate, a permit or a breaker", connect: "connecting",
    wait: "sent, waiting for the answer", retry: "waiting to send again", script: "answered, the script busy",
  };
  const $ = (id) => document.getElementById(id);
  const grid = $("grid"), space = $("space"), details = $("details");

  // -- what the events say

  const runs = new Map(), calls = [], open = new Map(), groups = new Map();
  let last = 0;
  for (const line of $("events").textContent.split("\n")) {
    if (!line) continue;
    let event;
    try { event = JSON.parse(line); } catch { continue; } // the last line of a run that was killed
    last = Math.max(last, event.at);
    take(event);
  }
  $("events").remove(); // a hundred megabytes of 50,000 calls, which are not needed any more
  for (const call of calls) {
    if (call.end === null) call.end = last;
    call.parts = partsOf(call);
    call.words = `${call.operation} ${call.url} ${call.status ?? ""} ${call.request_id ?? ""} ${call.result ?? ""} ` +
      `${call.error ? `${call.error.kind} ${call.error.message}` : ""} line ${call.line} ${JSON.stringify(call.arguments)}`;
    call.words = call.words.toLowerCase();
  }

  function runOf(id, at) {
    let run = runs.get(id);
    if (!run) runs.set(id, run = { id, script: "", source: null, start: at, end: null, output: [], error: null });
    return run;
  }

  function take(event) {
    const run = runOf(event.run_id, event.at);
    if (event.event === "run_started") Object.assign(run, { script: event.script, source: event.source ?? null });
    else if (event.event === "printed") run.output.push(event.text);
    else if (event.event === "logged") run.output.push(`${event.level}: ${event.text}\n`);
    else if (event.event === "run_ended") Object.assign(run, { end: event.at, error: event.error });
    else if (event.event === "call_started") {
      const key = `${event.run_id} ${event.task}`;
      let group = groups.get(key);
      if (!group) groups.set(key, group = { run, task: event.task, calls: [], closed: false });
      const call = {
        run, group, id: event.call_id, operation: event.operation, line: event.line, arguments: event.arguments,
        start: event.at, end: null, url: "", method: "", status: null, error: null, attempts: 1, waited: 0, detail: null,
      };
      group.calls.push(call);
      calls.push(call);
      open.set(`${event.run_id} ${event.call_id}`, call);
    } else if (event.event === "call_ended") {
      const key = `${event.run_id} ${event.call_id}`, call = open.get(key);
      if (!call) return;
      open.delete(key);
      const { method, url, status, error, attempts, waited, detail, request_id, result } = event;
      Object.assign(call, { method, url, status, error, attempts, waited, request_id, result, detail: detail ?? null });
      call.end = Math.max(event.at, call.start);
      call.answered = true;
    }
  }

  // Parts of a call's time, each [name, start, end] in seconds from its start.
  function partsOf(call) {
    const total = call.end - call.start, parts = [];
    const add = (name, from, to) => { if (to - from > 1e-6) parts.push([name, from, Math.min(to, total)]); };
    let at = 0, first = true;
    for (const each of call.detail?.tries ?? []) {
      const sent = each.offset ?? Math.min(at + each.waited + each.held, total);
      const limit = Math.min(each.waited + each.held, sent - at);
      add(first ? "queue" : "retry", at, sent - limit);
      add("limit", sent - limit, sent);
      add("connect", sent, sent + each.connect);
      add("wait", sent + each.connect, sent + each.duration);
      at = sent + each.duration;
      first = false;
    }
    add(first ? "wait" : "script", at, total);
    return parts;
  }

  // -- which rows there are

  let rows = [], chosen = null, from = 0, to = 1;

  function arrange() {
    const words = $("search").value.trim().toLowerCase().split(/\s+/).filter(Boolean);
    const state = $("state").value, operation = $("operation").value;
    const states = {
      failed: (call) => call.error !== null, retried: (call) => call.attempts > 1, open: (call) => !call.answered,
      limited: (call) => call.waited > 0.0005,
    };
    const shown = (call) => (!operation || call.operation === operation) && (!state || states[state](call)) &&
      words.every((word) => call.words.includes(word));
    rows = [];
    let count = 0;
    from = Infinity; to = -Infinity;
    for (const group of groups.values()) {
      const found = group.calls.filter(shown);
      if (!found.length) continue;
      count += found.length;
      group.from = Infinity; group.to = -Infinity;
      for (const call of found) {
        group.from = Math.min(group.from, call.start);
        group.to = Math.max(group.to, call.end);
      }
      from = Math.min(from, group.from); to = Math.max(to, group.to);
      rows.push(group);
      group.shown = found.length;
      if (!group.closed) for (const call of found) rows.push(call);
    }
    if (!rows.length) [from, to] = [0, 1];
    space.style.height = `${rows.length * ROW}px`;
    grid.setAttribute("aria-rowcount", String(rows.length));
    $("count").textContent = `${number(count)} of ${number(calls.length)} calls`;
    if (!rows.includes(chosen)) chosen = null;
    draw();
  }

  // -- drawing: only the rows in view are there

  const drawn = new Map();

  function draw() {
    const first = Math.max(0, Math.floor(grid.scrollTop / ROW) - 5);
    const end = Math.min(rows.length, Math.ceil((grid.scrollTop + grid.clientHeight) / ROW) + 5);
    let low = from, high = to;
    if ($("fit").checked && end > first) {
      low = Infinity; high = -Infinity;
      for (const row of rows.slice(first, end)) {
        if (!row.calls) { low = Math.min(low, row.start); high = Math.max(high, row.end); }
      }
      if (low === Infinity) [low, high] = [from, to];
    }
    high = Math.max(high, low + 1e-6);
    for (const element of drawn.values()) element.remove();
    drawn.clear();
    for (let place = first; place < end; place++) {
      const element = rowElement(rows[place], place, low, high);
      drawn.set(place, element);
      grid.append(element);
    }
    axis(low, high);
    const place = rows.indexOf(chosen);
    if (drawn.has(place)) grid.setAttribute("aria-activedescendant", drawn.get(place).id);
    else grid.removeAttribute("aria-activedescendant");
  }

  function rowElement(row, place, low, high) {
    const element = make("div", "row");
    element.id = `row${place}`;
    element.setAttribute("role", "row");
    element.setAttribute("aria-rowindex", String(place + 1));
    element.setAttribute("aria-level", row.calls ? "1" : "2");
    element.setAttribute("aria-selected", String(row === chosen));
    element.style.top = `${place * ROW}px`;
    element.classList.toggle("chosen", row === chosen);
    const bar = make("span", "bar");
    bar.setAttribute("role", "gridcell");
    const piece = (name, start, end) => {
      const part = make("i", name);
      part.style.left = `${(100 * (start - low)) / (high - low)}%`;
      part.style.width = `${(100 * (end - start)) / (high - low)}%`;
      bar.append(part);
    };
    if (row.calls) {
      element.classList.add("task");
      element.setAttribute("aria-expanded", String(!row.closed));
      piece("span", row.from, row.to);
      bar.setAttribute("aria-label", `from ${seconds(row.from - from)} to ${seconds(row.to - from)}`);
      element.append(cell(`${row.closed ? "▸" : "▾"} ${title(row)}`), cell(""), cell(plural(row.shown, "call")), cell(seconds(row.to - row.from), "number"), bar);
    } else {
      element.classList.add("call");
      element.classList.toggle("bad", row.error !== null);
      for (const [name, start, end] of row.parts) piece(name, row.start + start, row.start + end);
      bar.setAttribute("aria-label", row.parts.map(([name, start, end]) => `${name} ${seconds(end - start)}`).join(", "));
      element.append(cell(row.operation), cell(row.line ?? "", "number"), cell(statusOf(row)), cell(seconds(row.end - row.start), "number"), bar);
    }
    return element;
  }

  function axis(low, high) {
    const ticks = [0, 1, 2, 3, 4].map((quarter) => make("span", "", seconds(low - start + ((high - low) * quarter) / 4)));
    $("axis").replaceChildren(...ticks);
  }

  function title(group) {
    const run = group.run, name = group.task === "1" ? "main" : `task ${group.task}`;
    return runs.size > 1 ? `${run.script} ${run.id} · ${name}` : `${run.script} · ${name}`;
  }

  function statusOf(call) {
    if (!call.answered) return "no answer";
    const again = call.attempts > 1 ? ` ×${call.attempts}` : "";
    return `${call.status ?? (call.error ? call.error.kind : "ok")}${again}`;
  }

  // -- details

  function tell() {
    details.replaceChildren();
    if (!chosen) return;
    if (chosen.calls) tellGroup(chosen); else tellCall(chosen);
    const lit = details.querySelector("mark");
    if (lit) lit.parentElement.scrollTop = lit.offsetTop - lit.parentElement.offsetTop - lit.parentElement.clientHeight / 2;
  }

  function tellGroup(group) {
    const run = group.run;
    details.append(make("h2", "", title(group)));
    facts([["Script", run.script], ["Run", run.id], ["Calls", number(group.calls.length)], ["State", run.end === null ? "has not ended" : run.error ? "failed" : "ended"]]);
    if (run.error) block("Error", run.error, "bad-text");
    if (run.output.length) block("Output", run.output.join("").slice(0, 200000));
  }

  function tellCall(call) {
    details.append(make("h2", "", call.operation));
    facts([
      ["Request", call.method && `${call.method} ${call.url}`], ["Status", statusOf(call)], ["Result", call.result],
      ["Request id", call.request_id], ["Task", title(call.group)], ["Call", `#${call.id}, ${seconds(call.start - start)} after the start`],
      ["Time", seconds(call.end - call.start)],
    ]);
    if (call.error) block("Error", pretty(call.error), "bad-text");
    heading("Times");
    facts(call.parts.map(([name, low, high]) => [seconds(high - low), `${name}: ${PARTS[name]}`]));
    const tries = call.detail?.tries ?? [];
    if (tries.length > 1) {
      heading("Attempts");
      facts(tries.map((each, place) => [`${place + 1}`, `${each.status ?? each.error ?? ""} after ${seconds(each.duration)}`]));
    }
    if (call.run.source !== null && call.line) code(call.run, call.line);
    if (Object.keys(call.arguments ?? {}).length) block("Arguments", pretty(call.arguments));
    message("Request", call.detail?.request);
    message("Answer", call.detail?.response);
  }

  function message(name, found) {
    if (!found) return;
    if (found.headers.length) block(`${name}: headers`, found.headers.map(([header, value]) => `${header}: ${value}`).join("\n"));
    if (found.size) block(`${name}: body, ${number(found.size)} bytes`, found.body === null ? "(no text)" : pretty(found.body));
  }

  function code(run, line) {
    heading(`${run.script}, line ${line}`);
    const box = make("pre", "code"), lines = run.source.split("\n");
    box.tabIndex = 0;
    for (let at = Math.max(1, line - AROUND); at <= Math.min(lines.length, line + AROUND); at++) {
      const element = make(at === line ? "mark" : "span", "", `${String(at).padStart(4)}  ${lines[at - 1]}`);
      if (at === line) element.setAttribute("aria-current", "true");
      box.append(element);
    }
    details.append(box);
  }

  function facts(pairs) {
    const list = make("dl");
    for (const [name, value] of pairs) if (value !== null && value !== undefined && value !== "") list.append(make("dt", "", name), make("dd", "", value));
    details.append(list);
  }

  function heading(text) { details.append(make("h3", "", text)); }

  function block(name, text, kind = "") {
    heading(name);
    const box = make("pre", kind, text);
    box.tabIndex = 0;
    details.append(box);
  }

  // -- small things

  function make(tag, kind = "", text = null) {
    const element = document.createElement(tag);
    if (kind) element.className = kind;
    if (text !== null) element.textContent = String(text);
    return element;
  }

  function cell(text, kind = "") {
    const element = make("span", kind, text);
    element.setAttribute("role", "gridcell");
    element.title = element.textContent;
    return element;
  }

  function pretty(value) {
    if (typeof value !== "string") return JSON.stringify(value, null, 2);
    try { return JSON.stringify(JSON.parse(value), null, 2); } catch { return value; }
  }

  function number(count) { return count.toLocaleString("en"); }
  function plural(count, name) { return `${number(count)} ${name}${count === 1 ? "" : "s"}`; }

  function seconds(value) {
    if (value >= 100) return `${value.toFixed(0)} s`;
    if (value >= 1) return `${value.toFixed(2)} s`;
    return `${(value * 1000).toFixed(value < 0.01 ? 1 : 0)} ms`;
  }

  // -- what the reader does

  function choose(place) {
    if (!rows.length) return;
    place = Math.min(Math.max(place, 0), rows.length - 1);
    chosen = rows[place];
    const top = place * ROW;
    if (top < grid.scrollTop) grid.scrollTop = top;
    else if (top + ROW > grid.scrollTop + grid.clientHeight) grid.scrollTop = top + ROW - grid.clientHeight;
    draw();
    tell();
  }

  function close(group, closed) {
    group.closed = closed;
    arrange();
  }

  grid.addEventListener("keydown", (event) => {
    const place = rows.indexOf(chosen), page = Math.max(1, Math.floor(grid.clientHeight / ROW) - 1);
    const moves = { ArrowDown: place + 1, ArrowUp: place - 1, PageDown: place + page, PageUp: place - page, Home: 0, End: rows.length - 1 };
    if (event.key in moves) choose(moves[event.key]);
    else if (event.key === "ArrowLeft" && chosen) {
      if (chosen.calls) close(chosen, true);
      else choose(rows.indexOf(chosen.group));
    } else if (event.key === "ArrowRight" && chosen?.calls) close(chosen, false);
    else if (event.key === "Enter" && chosen) details.focus();
    else return;
    event.preventDefault();
  });
  details.addEventListener("keydown", (event) => { if (event.key === "Escape") grid.focus(); });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "/" || event.target.matches("input, select")) return;
    event.preventDefault();
    $("search").focus();
  });
  grid.addEventListener("click", (event) => {
    const element = event.target.closest(".row");
    if (!element) return;
    const place = Number(element.getAttribute("aria-rowindex")) - 1, again = rows[place] === chosen;
    choose(place);
    if (chosen.calls && again) close(chosen, !chosen.closed);
  });
  let asked = 0;
  grid.addEventListener("scroll", () => { cancelAnimationFrame(asked); asked = requestAnimationFrame(draw); });
  addEventListener("resize", draw);
  $("tools").addEventListener("submit", (event) => event.preventDefault());
  for (const id of ["search", "state", "operation"]) $(id).addEventListener("input", () => { grid.scrollTop = 0; arrange(); });
  $("fit").addEventListener("input", draw);

  // -- the start

  const start = calls.reduce((least, call) => Math.min(least, call.start), Infinity);
  const failed = calls.reduce((count, call) => count + (call.error ? 1 : 0), 0);
  const ended = [...runs.values()].every((run) => run.end !== null);
  const [only] = runs.size === 1 ? runs.values() : [];
  $("summary").textContent = `${only ? only.script : plural(runs.size, "run")}: ${plural(calls.length, "call")}, ` +
    `${number(failed)} failed, ${seconds(calls.length ? last - start : 0)}${ended ? "" : ", not ended"}`;
  document.title = `Trace: ${$("summary").textContent}`;
  for (const [name, text] of Object.entries(PARTS)) {
    const entry = make("span"), mark = make("i", name);
    entry.append(mark, `${name}: ${text}`);
    $("legend").append(entry);
  }
  for (const name of [...new Set(calls.map((call) => call.operation))].sort()) $("operation").append(new Option(name, name));
  arrange();
  const wanted = new URLSearchParams(location.hash.slice(1)).get("call");
  if (wanted !== null) choose(rows.findIndex((row) => !row.calls && String(row.id) === wanted));
  document.documentElement.dataset.loaded = (performance.now() - began).toFixed(0);
});
