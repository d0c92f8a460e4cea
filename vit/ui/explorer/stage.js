// The stage: the photo at its own shape, heat and marks over it, and the hand that points.

class Stage {
  constructor(root, on) {
    this.root = root;
    this.on = on; // {point(place | null), pin(place), tap(place), key(event), resize()}
    this.element = root.querySelector(".stage");
    this.photo = root.querySelector(".photo");
    this.heat = root.querySelector(".heat");
    this.marks = root.querySelector(".marks");
    this.tip = root.querySelector(".tooltip");
    this.shape = { width: 4, height: 3 };
    this.photo.addEventListener("error", () => this.photo.removeAttribute("src")); // no browser's broken-picture sign
    this.hands();
    new ResizeObserver(() => this.fit()).observe(root.querySelector(".place"));
    window.addEventListener("resize", () => this.fit());
  }

  /** A new picture: shown at its own shape, as large as the place allows. */
  show(url, width, height) {
    this.photo.src = url;
    this.fit({ width, height });
  }

  fit(shape = this.shape) {
    this.shape = shape;
    const across = this.root.querySelector(".place").clientWidth;
    if (!across) return; // another view is open
    const phone = window.innerWidth < 760;
    const tall = phone ? window.innerHeight * 0.62 : Math.max(300, window.innerHeight - this.otherHeight());
    const scale = Math.min(across / this.shape.width, tall / this.shape.height);
    const width = Math.max(1, Math.round(this.shape.width * scale));
    const height = Math.max(1, Math.round(this.shape.height * scale));
    if (width === this.width && height === this.height) return;
    Object.assign(this, { width, height });
    this.element.style.width = `${width}px`;
    this.element.style.height = `${height}px`;
    this.on.resize();
  }

  /** What stands above and below the picture and should stay in sight with it. */
  otherHeight() {
    const parts = [".frame", ".legend", ".controls", ".origin"].map((name) => this.root.querySelector(name).offsetHeight);
    return parts.reduce((sum, height) => sum + height, 0) + 140;
  }

  hands() {
    const { marks, on } = this;
    const place = (event) => {
      const box = marks.getBoundingClientRect();
      const x = (event.clientX - box.left) / box.width;
      const y = (event.clientY - box.top) / box.height;
      return x < 0 || y < 0 || x >= 1 || y >= 1 ? null : { x, y };
    };
    marks.addEventListener("pointermove", (event) => on.point(place(event)));
    marks.addEventListener("pointerdown", (event) => {
      this.touched = event.pointerType === "touch";
      if (this.touched) on.point(place(event)); // a finger that rests or slides points; it doesn't pin
    });
    // A finger that lifts leaves its map to be looked at; a mouse that leaves gives the query back.
    marks.addEventListener("pointerleave", (event) => event.pointerType !== "touch" && on.point(null));
    marks.addEventListener("click", (event) => (this.touched ? on.tap : on.pin)(place(event)));
    marks.addEventListener("keydown", (event) => on.key(event));
  }

  /**
   * `weight` is the patch's own, `line` what else there is to say; while the map follows, that comes first. `seen` is what
   * the tooltip should not cover: {left, right, top, bottom}, shares of the picture.
   */
  tooltip(place, weight, line, follows = false, seen = null) {
    this.tip.hidden = !place;
    if (!place) return;
    this.tip.classList.toggle("follows", follows);
    this.tip.querySelector("b").textContent = weight;
    this.tip.querySelector("span").textContent = line;
    const { offsetWidth: across, offsetHeight: down } = this.tip;
    const left = Math.max(4, Math.min(place.x * this.width - across / 2, this.width - across - 4));
    const bottom = place.bottom * this.height + 8;
    const top = place.top * this.height - down - 8;
    const [x, y] = [place.x * this.width, Math.max(4, Math.min(place.y * this.height - down / 2, this.height - down - 4))];
    const spots = [[left, bottom], [left, top], [x + 28, y], [x - across - 28, y]];
    if (this.touched) spots.unshift(spots.splice(1, 1)[0]); // a finger hides what is below it
    const fits = ([x, y]) => x >= 4 && y >= 4 && x + across <= this.width - 4 && y + down <= this.height;
    const free = ([x, y]) => !seen || x > seen.right * this.width || x + across < seen.left * this.width
      || y > seen.bottom * this.height || y + down < seen.top * this.height;
    const spot = spots.find((spot) => fits(spot) && free(spot)) ?? spots.find(fits) ?? [left, this.height - down - 4];
    this.tip.style.transform = `translate(${spot.map(Math.round).join("px, ")}px)`;
  }
}
