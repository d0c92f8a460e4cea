// One view beside Explore: what it has been asked, and what it shows meanwhile. What it is made of (HTML, CSS, script,
// words) is fetched when it is first opened.
//
// A view's script calls addView(name, (view) => parts). Of `parts`, all may be left out but show:
//   show(result)   the server's answer is here: draw it. Called again for another photo, model or choice. Where a file of
//                  it can't be had (bytes), the frame says so
//   begin()        a question that dims the view goes out: show what is known without its answer. Pictures marked
//                  data-picture, with the height that they take at most, have the photo already
//   clear()        the photo or the model has changed: let go of what was drawn (the frame dims it meanwhile)
//   draw()         the panel has come into sight, has changed its size, or the theme has changed: draw again
//   leave()        the panel goes out of sight. A question that dims it is cancelled then, and asked again when the visitor
//                  comes back; a quiet one goes on, unless the view stops it here
//   options()      what goes along with the question, as Ask.options on the server; {} if it is left out
//   second()       a second photo for Ask.second: {file} of sendFile, or {example: its name}; none if it is left out
//   told(line, error)   how a quiet question goes: what is being done, a sentence on what went wrong (with error true), or
//                  null where it has been stopped. Without it, nothing is said until the answer is here
// The one part of a view's HTML marked data-stays can be used whatever the state: it chooses what to ask.
// `view` has:
//   root, find(selector), findAll(selector)   the view's own panel
//   ask()          ask the server again, with options() as they are now; ask({quiet: true}) without dimming
//   stop()         let go of the question that is under way
//   bytes(file)    a promise of the ArrayBuffer of what the server kept by ask.keep
//   wanted         what the address said at the start; address(name, value) writes into it (null takes it out)
//   open           whether it is the view in sight
//   result         the last answer, or null where it doesn't belong to this photo and model any more

const views = new Map(); // name -> View, in the order of the navigation line: views.js

function addView(name, build) {
  const view = views.get(name);
  view.parts = build(view);
}

class View extends Asking {
  constructor(root) {
    super();
    this.name = root.id.slice("view-".length);
    this.root = root;
    this.parts = null; // what its script registers, once that is here
    this.fetching = false;
    this.wanted = state.wanted;
    this.root.querySelector(".wait [data-act=stop]").addEventListener("click", () => this.stop());
    // Heard above the button: what the view's own script does at this click comes first.
    this.root.querySelector(".sorry").addEventListener("click", (event) => {
      if (event.target.closest("button")) this.parts ? this.ask() : this.fetch();
    });
    new ResizeObserver(() => this.draw()).observe(this.root);
    window.addEventListener("resize", () => this.draw());
  }

  find(selector) {
    return this.root.querySelector(selector);
  }

  findAll(selector) {
    return [...this.root.querySelectorAll(selector)];
  }

  get open() {
    return state.open === this.name;
  }

  address(name, value) {
    setAddress({ [name]: value });
  }

  draw() {
    if (this.open && this.result) this.parts.draw?.();
  }

  /** The view has come into sight. What it lacks is asked for, unless the visitor stopped just that. */
  come() {
    if (!this.parts) return this.fetch();
    if (this.result) return this.draw();
    if (this.root.dataset.state === "empty" && usable()) this.ask();
  }

  /** The view goes out of sight: nobody waits for what it lacks. */
  leave() {
    this.parts?.leave?.();
    if (this.asking && !this.quiet) this.cancel("empty");
  }

  /** Brings what the view is made of, and begins. Its script sees all that stands in this folder. */
  async fetch() {
    if (this.fetching) return;
    this.fetching = true;
    if (usable()) this.settle("waiting", words("views.opening"));
    try {
      const { html, css, script, words: section } = await server.part([this.name, LANGUAGE]);
      sections[this.name] = section;
      this.find(".content").replaceChildren(document.createRange().createContextualFragment(html));
      fillWords(this.find(".content"));
      this.hold();
      const style = document.createElement("style");
      style.textContent = `#${element.id} { ${css} }`; // as Gradio does with the page's own
      element.ownerDocument.head.append(style);
      runHere(`(() => {\n${script}\n})();`);
    } catch {
      this.settle("error", words("views.gone"));
    }
    this.fetching = false;
    if (!this.parts) return;
    if (usable()) this.settle("empty");
    if (this.open) this.come();
  }

  /** The photo at once, with nothing over it, in every picture that is marked for it. */
  picture() {
    const { photo, width, height } = state.value;
    for (const image of this.findAll("img[data-picture]")) {
      const { style } = image.parentElement;
      if (image.src !== photo.url) image.src = photo.url;
      for (const canvas of image.parentElement.querySelectorAll("canvas")) clearCanvas(canvas);
      Object.assign(style, { aspectRatio: width / height, width: `min(100%, ${image.dataset.picture} * ${width / height})`, height: "auto" });
    }
  }

  /** Another photo or model: what is shown belongs to it no more. */
  stale() {
    if (this.asking) this.stop();
    this.era++;
    this.ticket++;
    this.result = null;
    this.settle("empty");
    this.parts?.clear?.();
  }

  settle(name, line = "") {
    this.root.dataset.state = name;
    if (name === "ready") this.root.dataset.shown = ""; // there is something to dim
    const waits = name === "busy" || name === "waiting";
    this.find(".wait").hidden = !waits;
    this.find(".wait [data-act=stop]").hidden = name === "waiting"; // Explore's own question
    this.find(".sorry").hidden = name !== "error" && name !== "stopped" && name !== "refused";
    this.find(".sorry button").hidden = name === "refused";
    this.find(".sorry button").textContent = words(name === "stopped" ? "views.begin" : "views.again");
    this.find(waits ? ".wait span" : ".sorry p").textContent = line;
    this.hold();
  }

  /** What can't be used unless there is a result. */
  hold() {
    const held = this.root.dataset.state !== "ready";
    const content = this.find(".content");
    const stays = this.find(".content > [data-stays]");
    content.inert = held && !stays;
    for (const part of content.children) part.inert = Boolean(held && stays && part !== stays);
  }
}
