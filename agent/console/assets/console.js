"use strict";

const byId = (id) => document.getElementById(id);
let socket, shown = {}, patience = 250;

function connect() {
  socket = new WebSocket(`ws://${location.host}/socket`);
  socket.binaryType = "blob";
  socket.onopen = () => { patience = 250; };
  socket.onmessage = ({ data }) => (typeof data === "string" ? receive(JSON.parse(data)) : picture(data));
  socket.onclose = () => {
    phase("connection lost");
    setTimeout(connect, patience);
    patience = Math.min(2 * patience, 4000);
  };
}

function order(what) {
  if (socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify(what));
}

function receive(state) {
  if (state.problem) return entry({ who: "note", text: state.problem, act: "", options: [] });
  const before = shown;
  shown = state;
  phase(state.phase);
  if (state.title) document.title = state.title;
  const changed = (key) => JSON.stringify(before[key]) !== JSON.stringify(state[key]);
  if (changed("entries")) conversation(state.entries);
  if (changed("plan")) plan(state.plan);
  if (changed("memories")) memories(state.memories);
  const steps = state.stopped_within;
  byId("stopped").hidden = steps === null;
  byId("stopped").textContent = steps === null ? "" : `stopped within ${steps} control step${steps === 1 ? "" : "s"}`;
}

function phase(name) {
  byId("phase").textContent = name;
  byId("phase").dataset.phase = name;
}

async function picture(blob) {
  const number = new Uint8Array(await blob.slice(0, 1).arrayBuffer())[0];
  const image = byId(`camera-${number}`);
  if (!image) return;
  const before = image.src;
  image.src = URL.createObjectURL(blob.slice(1, blob.size, "image/jpeg"));
  if (before) URL.revokeObjectURL(before);
}

function make(tag, text, name) {
  const element = document.createElement(tag);
  if (text !== undefined) element.textContent = text;
  if (name) element.className = name;
  return element;
}

function conversation(entries) {
  const list = byId("entries");
  list.replaceChildren();
  entries.forEach((one, index) => entry(one, index === entries.length - 1));
}

const TAGS = { ask: "asks", correct: "corrects", refuse: "declines", stopped: "stopped", fault: "could not" };

function entry({ who, text, act, options, earlier }, last) {
  const item = make("li", undefined, `${who} ${act}${earlier ? " earlier" : ""}`);
  if (TAGS[act]) item.append(make("span", TAGS[act], "tag"));
  item.append(make("span", text));
  if (options.length && last) {
    const row = make("div", undefined, "options");
    for (const option of options) {
      const button = make("button", option);
      button.type = "button";
      button.onclick = () => order({ do: "say", text: option });
      row.append(button);
    }
    item.append(row);
  }
  const list = byId("entries");
  list.append(item);
  list.scrollTop = list.scrollHeight;
}

function plan(lines) {
  byId("no-plan").hidden = lines.length > 0;
  byId("plan").replaceChildren(...lines.map(({ text, state }) => {
    const item = make("li", undefined);
    item.dataset.state = state;
    item.append(make("span", text));
    return item;
  }));
}

function memories(all) {
  const row = ({ number, kind, text, source }) => {
    const item = make("li");
    item.append(make("span", text));
    if (kind !== "note") item.append(make("small", kind === "turn" ? source : kind));
    const button = make("button", "forget");
    button.type = "button";
    button.setAttribute("aria-label", `forget: ${text}`);
    button.onclick = () => order({ do: "forget", number });
    item.append(button);
    return item;
  };
  const notes = all.filter(({ kind }) => kind === "note");
  const others = all.filter(({ kind }) => kind !== "note");
  byId("no-memory").hidden = notes.length > 0;
  byId("notes").replaceChildren(...notes.map(row));
  byId("others").replaceChildren(...others.map(row));
  byId("past").hidden = others.length === 0;
}

byId("say").onsubmit = (event) => {
  event.preventDefault();
  const words = byId("words");
  if (words.value.trim()) order({ do: "say", text: words.value });
  words.value = "";
};
byId("stop").onclick = () => order({ do: "stop" });
document.addEventListener("keydown", (event) => { if (event.key === "Escape") order({ do: "stop" }); });
connect();
