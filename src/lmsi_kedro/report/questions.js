"use strict";
// The list of questions: unpacked once, filtered on every input, shown a page at a time. Text is only inserted as text nodes.
(() => {
  const PAGE = 50;
  // The characters that printable.py escapes.
  const HIDDEN = /[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]/gu;
  const by = id => document.getElementById(id);
  const fields = ["search", "task", "mode", "before", "after", "only", "least", "most"].map(by);
  const NAMES = JSON.parse(by("mode").dataset.names);
  const [search, task, mode, before, after, only, least, most] = fields;
  let all = [], found = [], shown = 0;

  const visible = text => text.replace(HIDDEN, found => {
    const code = found.codePointAt(0);
    return code < 0x100 ? "\\x" + code.toString(16).padStart(2, "0") : "\\u" + code.toString(16).padStart(4, "0");
  });
  function make(tag, name, ...content) {
    const made = document.createElement(tag);
    if (name) made.className = name;
    made.append(...content.map(part => typeof part === "string" ? visible(part) : part));
    return made;
  }

  async function unpack() {
    const packed = Uint8Array.from(atob(by("packed").textContent), c => c.charCodeAt(0));
    const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
    return JSON.parse(await new Response(stream).text());
  }

  // The whole list shows an answer by its canonical key, and an option also by its text.
  function answer(key, choices) {
    if (key === null) return "no answer";
    const text = key.slice(key.indexOf(":") + 1);
    const option = key.startsWith("choice:") && choices ? choices["ABCDEFGHIJKLMNOPQRSTUVWXYZ".indexOf(text)] : undefined;
    return option === undefined ? text : `${text}: ${option}`;
  }
  const letter = place => "ABCDEFGHIJKLMNOPQRSTUVWXYZ"[place];

  function prepare(question) {
    for (const when of ["before", "after"]) {
      question[when] = Object.fromEntries((question[when] || []).map(entry => [entry.mode, entry]));
    }
    const answered = [...Object.values(question.before), ...Object.values(question.after)];
    const texts = answered.flatMap(entry => entry.paths.map(path => path.text));
    const parts = [question.question_id, question.task, question.question, question.context || "", ...(question.choices || []),
      ...(question.answers || []), ...texts];
    question.words = parts.join("\n").toLowerCase();
    question.tied = answered.some(entry => entry.paths.length > 1 && entry.tied);
    question.unparsable = answered.some(entry => entry.paths.some(path => path.key === null));
    return question;
  }

  const agrees = (wanted, right) => wanted === "" || (wanted === "right") === right;
  function filter() {
    const words = search.value.trim().toLowerCase(), low = Number(least.value), high = most.value === "" ? 1 : Number(most.value);
    const bounded = low > 0 || high < 1;
    found = all.filter(question => {
      const one = question.before[mode.value], other = question.after[mode.value];
      if (!one || !other || (task.value && question.task !== task.value)) return false;
      if (!agrees(before.value, one.correct) || !agrees(after.value, other.correct)) return false;
      if (only.value && !question[only.value]) return false;
      const sure = question.after.self_consistency || other;
      if (bounded && !(sure.confidence !== null && sure.confidence >= low && sure.confidence <= high)) return false;
      return !words || question.words.includes(words);
    });
    by("found").replaceChildren();
    shown = 0;
    show();
    by("count").textContent = `${found.length.toLocaleString("en")} of ${all.length.toLocaleString("en")} questions`;
  }

  function show() {
    const next = found.slice(shown, shown + PAGE);
    by("found").append(...next.map(summarised));
    shown += next.length;
    by("more").hidden = shown >= found.length;
  }

  function mark(right) {
    const made = make("span", right ? "mark-right" : "mark-wrong", right ? "✓" : "✗");
    made.setAttribute("aria-label", right ? "right" : "wrong");
    made.setAttribute("role", "img");
    return made;
  }

  function summarised(question) {
    const one = question.before[mode.value], other = question.after[mode.value];
    const marks = make("span", "outcome", mark(one.correct), " → ", mark(other.correct));
    const sure = ["before", "after"].map(when => question[when].self_consistency?.confidence?.toFixed(2));
    const line = make("summary", "", marks, make("span", "chip", question.task), make("span", "asked", question.question));
    if (sure[1]) line.append(make("span", "sure", `confidence ${sure.join(" → ")}`));
    const entry = make("details", "entry", line);
    entry.id = `question-${question.question_id}`;
    entry.addEventListener("toggle", () => { if (entry.open && entry.children.length === 1) entry.append(...opened(question)); });
    return entry;
  }

  function opened(question) {
    const parts = [];
    if (question.context) parts.push(make("blockquote", "context", question.context));
    parts.push(make("p", "question", question.question));
    if (question.choices) parts.push(make("p", "choices", ...question.choices.flatMap((text, n) => [make("span", "", `(${letter(n)}) ${text}`), " "])));
    const accepted = (question.accepted || []).map(key => answer(key, question.choices)).join(" or ");
    const written = (question.answers || []).join(" or ");
    parts.push(make("p", "", "Right answer: ", make("b", "", accepted), make("small", "", `  as written: ${written} · ${question.question_id}`)));
    for (const name of Object.keys(question.before)) parts.push(compared(question, name));
    return parts;
  }

  function compared(question, name) {
    const pair = make("div", "pair", model(question, name, "before"), model(question, name, "after"));
    return make("section", "", make("h4", "", NAMES[name] || name), pair);
  }

  function model(question, name, when) {
    const entry = question[when][name];
    if (!entry) return make("section", "", make("h5", "", `${when}: not asked`));
    const how = entry.tied ? "tied" : answer(entry.key, question.choices);
    const sure = entry.paths.length > 1 ? `, confidence ${entry.confidence.toFixed(2)}` : "";
    const part = make("section", "", make("h5", "", `${when}: ${how} `, mark(entry.correct), sure));
    if (entry.paths.length > 1) part.append(tally(question, entry));
    const paths = entry.paths.map(path => written(question, path));
    if (paths.length === 1) part.append(paths[0]);
    else part.append(make("details", "", make("summary", "", `${paths.length} paths`), ...paths));
    return part;
  }

  function tally(question, entry) {
    const counts = new Map();
    for (const path of entry.paths) counts.set(path.key, [(counts.get(path.key)?.[0] || 0) + 1, path.right]);
    const rows = [...counts].sort((a, b) => b[1][0] - a[1][0]).flatMap(([key, [votes, right]]) => {
      const bar = make("span", `bar ${key === null ? "none" : right ? "right" : ""}`);
      bar.style.width = `${100 * votes / entry.paths.length}%`;
      const name = key === null ? [make("b", "", "unparsable")] : [make("b", "", answer(key, question.choices), " ", mark(right))];
      return [...name, make("span", "", bar), make("span", "soft", `${votes} of ${entry.paths.length}`)];
    });
    return make("div", "tally", ...rows);
  }

  function written(question, path) {
    const text = make("div", `written ${path.right ? "right" : ""}`, path.text.trim());
    const how = path.key === null ? "unparsable" : answer(path.key, question.choices);
    const cut = path.finish === "length" ? ", cut off" : "";
    text.append(make("small", "", `${how}, ${path.tokens} tokens${cut}`));
    return text;
  }

  // A spreadsheet would evaluate a cell that begins like a formula.
  const cell = value => {
    const text = value === null || value === undefined ? "" : String(value);
    const safe = /^[=+\-@\t\r]/.test(text) && !/^[+-]?[\d.,]+%?$/.test(text) ? `'${text}` : text;
    return `"${safe.replaceAll('"', '""')}"`;
  };
  const COLUMNS = ["question_id", "task", "question", "context", "choices", "right_answer", "model", "answered_by", "answer", "right",
    "confidence", "tied", "path", "text", "path_answer", "path_right", "tokens", "finish"];
  function* rows() {
    for (const question of found) for (const when of ["before", "after"]) for (const entry of Object.values(question[when])) {
      const start = [question.question_id, question.task, question.question, question.context,
        (question.choices || []).map((text, n) => `(${letter(n)}) ${text}`).join(" "),
        (question.accepted || []).map(key => answer(key)).join(" or "), when, NAMES[entry.mode] || entry.mode,
        entry.key === null ? "" : answer(entry.key), entry.correct, entry.confidence, entry.tied];
      for (const [n, path] of entry.paths.entries()) {
        yield [...start, n, path.text, path.key === null ? "" : answer(path.key), path.right, path.tokens, path.finish];
      }
    }
  }
  function save(name, type, content) {
    const link = make("a");
    link.href = URL.createObjectURL(new Blob([content], {type}));
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  }
  const asCsv = () => [COLUMNS, ...rows()].map(row => row.map(cell).join(",")).join("\r\n") + "\r\n";
  const asJson = () => JSON.stringify(found.map(({words, tied, unparsable, before, after, ...rest}) =>
    ({...rest, before: Object.values(before), after: Object.values(after)})), null, 1);

  function options() {
    for (const name of [...new Set(all.map(question => question.task))].sort()) task.append(new Option(name, name));
    const modes = [...new Set(all.flatMap(question => Object.keys(question.before)))];
    for (const name of Object.keys(NAMES).filter(name => modes.includes(name))) mode.append(new Option(NAMES[name], name));
    if (modes.includes("cot_greedy")) mode.value = "cot_greedy";
    for (const option of mode.options) option.defaultSelected = option.selected;
  }

  function jump() {
    const id = location.hash.slice("#question-".length);
    const question = location.hash.startsWith("#question-") && all.find(one => one.question_id === id);
    if (!question) return;
    search.value = id;
    filter();
    const entry = by(`question-${id}`);
    if (entry) { entry.open = true; entry.scrollIntoView(); }
  }

  unpack().then(questions => {
    all = questions.map(prepare);
    options();
    by("filter").hidden = false;
    filter();
    by("filter").addEventListener("input", filter);
    by("filter").addEventListener("reset", () => setTimeout(filter));
    by("filter").addEventListener("submit", event => event.preventDefault());
    by("more").addEventListener("click", show);
    by("csv").addEventListener("click", () => save("questions.csv", "text/csv", "\ufeff" + asCsv()));
    by("json").addEventListener("click", () => save("questions.json", "application/json", asJson()));
    addEventListener("hashchange", jump);
    jump();
  }).catch(error => { by("count").textContent = `The questions could not be unpacked: ${error}`; });
})();
