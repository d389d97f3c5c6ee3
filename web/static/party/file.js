// The adapter of a film that each viewer has at home. The room knows its name only; nothing of it leaves this computer.
import { VideoAdapter } from "./video.js";

export class FileAdapter extends VideoAdapter {
  kind = "file";
  #file;
  #address = "";

  /** @param {HTMLVideoElement} element @param {File | null} [file] what the viewer picked; or `choose` it later */
  constructor(element, file = null) {
    super(element);
    this.#file = file;
  }

  /** The viewer picked a file (from an `<input type="file">`, or dropped). */
  choose(file) {
    this.#file = file;
    this.load();
  }

  load() {
    this.#forget();
    if (!this.#file) return; // nothing to show yet
    this.#address = URL.createObjectURL(this.#file);
    this.loadAddress(this.#address);
  }

  destroy() {
    super.destroy();
    this.#forget();
  }

  #forget() {
    if (this.#address) URL.revokeObjectURL(this.#address);
    this.#address = "";
  }
}
