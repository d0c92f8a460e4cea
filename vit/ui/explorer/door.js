// The door: how a photo gets in. Chosen, dropped or pasted anywhere, taken by the camera, or one of the examples.

class Door {
  constructor(root, onFile, onExample) {
    Object.assign(this, { root, onFile, onExample });
    this.input = root.querySelector("input[type=file]");
    this.input.addEventListener("change", () => {
      if (this.input.files[0]) onFile(this.input.files[0]);
      this.input.value = ""; // the same file may be chosen again
    });
    if (props.alone) return; // a self-contained page has no server to send a photo to
    this.drops();
    document.addEventListener("paste", (event) => {
      const file = [...(event.clipboardData?.files ?? [])][0];
      if (!root.isConnected || !file) return;
      event.preventDefault();
      onFile(file);
    });
  }

  choose() {
    this.input.click();
  }

  examples(list) {
    this.strip = this.root.querySelector(".examples");
    this.strip.replaceChildren(
      ...list.map(({ name, words: title, thumb }) => {
        const button = this.thumbnail(thumb, title, words("door.example", { name: title }), () => this.onExample(name, thumb));
        button.dataset.example = name;
        return button;
      }),
    );
  }

  thumbnail(src, title, label, onClick) {
    const button = document.createElement("button");
    Object.assign(button, { type: "button", title, onclick: onClick });
    button.setAttribute("aria-label", label);
    const picture = document.createElement("img");
    Object.assign(picture, { src, alt: "" });
    button.append(picture);
    return button;
  }

  /** Says which photo is shown. The visitor's own last one stands before the examples: the way back to it. */
  mark({ example, kept }, url = "") {
    if (kept && url && kept !== this.own?.file) {
      this.own?.remove();
      this.own = this.thumbnail(url, kept.name, words("door.own", { name: kept.name }), () => this.onFile(kept));
      this.own.file = kept;
      this.strip.prepend(this.own);
      this.strip.scrollLeft = 0;
    }
    for (const button of this.strip?.children ?? []) {
      if (kept ? button.file === kept : button.dataset.example === example) button.setAttribute("aria-current", "true");
      else button.removeAttribute("aria-current");
    }
  }

  /** The whole page takes a dropped file, and says so while one is over it. */
  drops() {
    const sign = this.root.querySelector(".dropping");
    const carries = (event) => this.root.isConnected && [...(event.dataTransfer?.types ?? [])].includes("Files");
    let inside = 0;
    const listen = (name, act) => document.addEventListener(name, (event) => {
      if (!carries(event)) return;
      event.preventDefault();
      act(event);
      sign.hidden = inside <= 0;
    });
    listen("dragenter", () => inside++);
    listen("dragleave", () => inside--);
    listen("dragover", () => {});
    listen("drop", (event) => {
      inside = 0;
      if (event.dataTransfer.files[0]) this.onFile(event.dataTransfer.files[0]);
    });
  }

  async camera() {
    const dialog = this.root.querySelector("dialog.camera");
    const video = dialog.querySelector("video");
    const line = dialog.querySelector("p");
    line.textContent = "";
    this.root.querySelector("[data-act=take]").disabled = true; // until there is something to take
    dialog.showModal();
    const stop = () => {
      for (const track of video.srcObject?.getTracks() ?? []) track.stop();
      video.srcObject = null;
    };
    dialog.addEventListener("close", stop, { once: true });
    try {
      const stream = await navigator.mediaDevices.getUserMedia({ video: { width: { ideal: 1280 } } });
      stop(); // another one, if the dialog was closed and opened again before the browser gave this one
      video.srcObject = stream;
      this.root.querySelector("[data-act=take]").disabled = false;
      if (!dialog.open) stop();
    } catch {
      line.textContent = words("door.no_camera");
    }
  }

  take() {
    const dialog = this.root.querySelector("dialog.camera");
    const video = dialog.querySelector("video");
    if (!video.videoWidth) return;
    const canvas = document.createElement("canvas");
    Object.assign(canvas, { width: video.videoWidth, height: video.videoHeight });
    canvas.getContext("2d").drawImage(video, 0, 0);
    dialog.close();
    canvas.toBlob((blob) => this.onFile(new File([blob], "camera.jpg", { type: "image/jpeg" })), "image/jpeg", 0.92);
  }
}
