"use strict";
// Text from files goes into the page as text only (textContent), never as HTML.
const $ = (id) => document.getElementById(id);
const own = { "X-ImageJ-DL": "1" };
let models = [];
let limits = {};
const KEPT = "imagej-dl-jobs"; // uploads of this tab: a reload shows them again
const WAIT = 700; // ms between two looks
const RETRY = 3000; // ms until a server that does not answer is asked again

function make(tag, content, attributes = {}) {
  const element = document.createElement(tag);
  if (content !== undefined) element.textContent = content;
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  return element;
}

function say(text, wrong = false) {
  $("said").textContent = text;
  $("said").className = wrong ? "wrong" : "";
}

async function ask(address, options) {
  const answer = await fetch(address, options);
  const content = answer.status === 204 ? {} : await answer.json();
  if (!answer.ok) throw Object.assign(new Error(content.error || answer.statusText), { status: answer.status });
  return content;
}

function kept() {
  return JSON.parse(sessionStorage.getItem(KEPT) || "[]");
}

function keep(id) {
  sessionStorage.setItem(KEPT, JSON.stringify([...kept().filter((other) => other !== id), id]));
}

function forget(id) {
  sessionStorage.setItem(KEPT, JSON.stringify(kept().filter((other) => other !== id)));
}

function pause(milliseconds) {
  return new Promise((ready) => setTimeout(ready, milliseconds));
}

function span(seconds) {
  return seconds < 100 ? `${Math.round(seconds)} s` : `${Math.round(seconds / 60)} min`;
}

function about() {
  const model = models.find((one) => one.name === $("model").value);
  const parts = model ? [model.title, model.kind, `${model.channels} channel(s)`, model.pixel] : [];
  $("about").textContent = parts.filter(Boolean).join(", ");
}

async function begin() {
  const found = await ask("/api/models");
  models = found.models;
  limits = found;
  for (const model of models) {
    const option = make("option", model.error ? `${model.name} (${model.error})` : model.name, { value: model.name });
    option.disabled = Boolean(model.error);
    $("model").append(option);
  }
  $("images").accept = found.suffixes.join(",");
  $("limits").textContent = `Or drop them here: ${found.suffixes.join(" ")}; ${found.files} images and ${found.upload} MiB at once.`;
  about();
}

function links(job, number, item) {
  const row = make("div", undefined, { class: "links" });
  const base = `/api/jobs/${job.id}/${number}/`;
  row.append(make("a", "Label map (TIFF)", { href: base + "labels.tif", download: "" }));
  if (item.rois) row.append(make("a", "RoiSet.zip", { href: base + "RoiSet.zip", download: "" }));
  row.append(make("a", "Table (CSV)", { href: base + "objects.csv", download: "" }));
  return row;
}

function views(job, number, item) {
  const box = make("div", undefined, { class: "views" });
  const picture = make("img", undefined, { alt: `${item.name} with the outlines of its objects` });
  const show = (plane) => { picture.src = `/api/jobs/${job.id}/${number}/overlay.png?plane=${plane}`; };
  show(0);
  box.append(picture);
  if (item.planes > 1) {
    const slider = make("input", undefined, { type: "range", min: 0, max: item.planes - 1, value: 0, "aria-label": "plane" });
    const where = make("span", `plane 1 of ${item.planes}`);
    slider.addEventListener("change", () => show(slider.value));
    slider.addEventListener("input", () => { where.textContent = `plane ${+slider.value + 1} of ${item.planes}`; });
    box.append(slider, where);
  }
  return box;
}

function draw(place, job, number, item) {
  if (place.dataset.state === item.state && item.state !== "working") return;
  place.dataset.state = item.state;
  place.className = item.state;
  place.replaceChildren(make("h2", item.name));
  if (item.state === "done") {
    place.append(make("span", `${item.objects} objects`, { class: "count" }));
    place.append(make("span", ` ${item.width} × ${item.height} px` + (item.planes > 1 ? `, ${item.planes} planes` : "")));
    place.append(links(job, number, item), views(job, number, item));
  } else if (item.state === "working") {
    place.append(make("progress", undefined, { value: item.done }));
    const left = item.done > 0.02 && item.done < 1 ? `, about ${span((item.seconds * (1 - item.done)) / item.done)} left` : "";
    place.append(make("span", ` ${Math.floor(100 * item.done)} %, ${span(item.seconds)}${left}`));
  } else {
    place.append(make("p", item.state, { class: "state" }));
  }
  if (item.message) place.append(make("p", item.message, { class: "state" }));
}

// Asks how a job is until it is done; resolves to null when it is there no more.
async function next(job, all) {
  for (;;) {
    await pause(WAIT);
    try {
      return await ask(`/api/jobs/${job.id}`);
    } catch (error) {
      if (error.status) throw error;
      all.textContent = "The server does not answer; retrying …";
      await pause(RETRY);
    }
  }
}

async function follow(job, box) {
  keep(job.id);
  const places = job.items.map(() => make("article"));
  const all = make("p");
  const drop = make("button", "Remove", { type: "button" });
  let removed = false;
  drop.addEventListener("click", async () => {
    removed = true;
    forget(job.id);
    box.remove();
    await ask(`/api/jobs/${job.id}`, { method: "DELETE", headers: own }).catch((error) => {
      if (error.status !== 404) say(error.message, true);
    });
  });
  const told = make("span");
  all.append(told, " ", drop);
  box.append(all, ...places);
  try {
    for (;;) {
      job.items.forEach((item, number) => draw(places[number], job, number, item));
      if (job.finished) break;
      const ended = job.items.filter((item) => item.state === "done" || item.state === "failed").length;
      told.textContent = job.ahead ? `${job.ahead} images of other uploads are processed first` : `${ended} of ${job.items.length} images are done`;
      job = await next(job, told);
      if (removed) return;
    }
  } catch (error) {
    if (removed) return;
    forget(job.id);
    gone(box, error.message);
    return;
  }
  const done = job.items.filter((item) => item.state === "done");
  const total = done.reduce((sum, item) => sum + item.objects, 0);
  told.replaceChildren(make("b", `${total} objects in ${done.length} of ${job.items.length} images `));
  if (done.length) told.append(make("a", "All results (ZIP)", { href: `/api/jobs/${job.id}/all.zip`, download: "" }));
}

function gone(box, words) {
  const away = make("button", "Close", { type: "button" });
  away.addEventListener("click", () => box.remove());
  const line = make("p", `${words} `, { class: "wrong" });
  line.append(away);
  box.replaceChildren(line);
}

// Shows again what was uploaded before the page was loaded anew, or why it is there no more.
function again() {
  for (const id of kept()) {
    const box = make("section");
    $("results").prepend(box);
    ask(`/api/jobs/${id}`).then((job) => follow(job, box), (error) => {
      if (error.status) forget(id);
      gone(box, error.message);
    });
  }
}

async function send(files) {
  const size = [...files].reduce((sum, file) => sum + file.size, 0) / 2 ** 20;
  if (size > limits.upload || files.length > limits.files) {
    say(`An upload can have at most ${limits.upload} MiB and ${limits.files} images.`, true);
    return;
  }
  const form = new FormData();
  form.append("model", $("model").value);
  form.append("diameter", $("diameter").value);
  for (const file of files) form.append("images", file);
  $("go").disabled = true;
  say("Uploading …");
  try {
    const job = await ask("/api/jobs", { method: "POST", body: form, headers: own });
    say("");
    const box = make("section");
    $("results").prepend(box);
    follow(job, box);
  } catch (error) {
    say(error.message, true);
  } finally {
    $("go").disabled = !$("images").files.length;
  }
}

$("model").addEventListener("change", about);
$("images").addEventListener("change", () => { $("go").disabled = !$("images").files.length; });
$("form").addEventListener("submit", (event) => { event.preventDefault(); send($("images").files); });
for (const name of ["dragover", "dragleave", "drop"]) {
  $("drop").addEventListener(name, (event) => {
    event.preventDefault();
    $("drop").classList.toggle("over", name === "dragover");
    if (name === "drop") { $("images").files = event.dataTransfer.files; $("go").disabled = !$("images").files.length; }
  });
}
again();
begin().catch((error) => say(error.message, true));
