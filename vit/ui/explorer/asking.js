// How a view asks the server, and what becomes of its questions: each has a ticket, and only the last one's answer counts.

const CANCELLING = 600; // milliseconds
const SILENCE = 5000; // milliseconds after which a question that was let go of is no longer waited for

/** What is being done, in the visitor's language where vit/ui/doing.py knows the server's line. */
function doingWords({ busy: line, doing }) {
  return doing ? words(`doing.${doing[0]}`, doing[1]) : line;
}

/** What an answer consists of is not to be had, or belongs to another photo or model by now. */
class Unbrought extends Error {}

class Asking {
  constructor() {
    this.result = null;
    this.ticket = 0; // counts this view's questions; an answer to an older one is not shown
    this.asking = false; // whether an answer is awaited
    this.sent = false; // whether the question that is under way has gone out
    this.heard = 0; // the ticket of the last word from the server
    this.unheard = 0; // the ticket of a question that was let go of before a word of it: it is cancelled at the first
    this.stopped = 0; // when a question was last cancelled
    this.era = 0; // counts photos and models: files of an answer to another one are of no use
  }

  /** Quietly: what is shown stays bright and can be worked with until the new answer is here. */
  ask({ quiet = false } = {}) {
    if (!usable()) return;
    this.ticket++;
    this.again = false;
    this.quiet = quiet && this.root.dataset.state === "ready";
    this.asking = true;
    if (!this.quiet) {
      this.settle("busy", words("views.asking"));
      this.picture();
      this.parts.begin?.();
    }
    this.send();
  }

  /** A cancellation reaches whatever is asked a moment later too, so the next question lets it pass first. */
  send() {
    const { ticket } = this;
    const rest = this.cancelling();
    this.sent = false;
    const due = () => ticket === this.ticket && !this.unheard && !this.sent;
    const unsent = (sentence) => due() && this.over(sentence);
    const go = async () => {
      if (!due() || !(await photoIsThere(unsent)) || !due()) return;
      this.sent = true;
      window.attentionLinks[this.name].ask();
    };
    if (rest > 0) setTimeout(go, rest);
    else go();
  }

  /** Ends a question on the server. Gradio can't before it has given the question a name, which its first word shows. */
  end(ticket) {
    if (this.heard === ticket) {
      this.stopped = Date.now();
      return window.attentionLinks[this.name].stop();
    }
    this.unheard = ticket;
    setTimeout(() => this.unheard === ticket && this.goOn(), SILENCE);
  }

  /** The question that was let go of is out of the way. */
  goOn() {
    this.unheard = 0;
    if (this.asking && !this.sent) this.send();
  }

  /** For how many milliseconds a cancellation may still be on its way. */
  cancelling() {
    return Math.max(0, this.stopped + CANCELLING - Date.now());
  }

  /** What goes to the server: see vit/ui/view_link.py. */
  question() {
    const { file, example } = state.source;
    const { ticket } = this;
    const second = this.parts.second?.() ?? {};
    const asked = { ticket, example, second: second.example, model: state.value.model, language: LANGUAGE };
    asked.options = this.parts.options?.() ?? {};
    return { file, asked: JSON.stringify(asked), second: second.file ?? null };
  }

  async answer(value) {
    this.heard = value?.ticket ?? this.heard;
    if (this.unheard && this.heard === this.unheard) {
      if (value.busy) this.end(this.unheard);
      this.goOn();
    }
    if (!value || value.ticket !== this.ticket || !this.asking) return;
    if (value.busy) {
      const line = doingWords(value);
      return this.quiet ? this.parts.told?.(line, false) : this.settle("busy", line);
    }
    if (value.gone && !this.again && state.source.kept) return this.sendAgain();
    if (value.error) {
      const sentence = await withCode(value);
      return value.ticket === this.ticket && this.asking && this.over(sentence);
    }
    this.asking = false;
    this.result = value;
    try {
      await this.parts.show(value); // what an older answer left stays dimmed until this one's files are drawn
    } catch (error) {
      if (!(error instanceof Unbrought)) throw error;
      if (this.result === value) this.wrong(error.message);
      return;
    }
    if (this.result !== value) return;
    this.settle("ready");
    this.draw();
  }

  /** The server has cleaned the photo up: once for each question, it is sent again. */
  async sendAgain() {
    this.again = true;
    const { ticket } = this;
    const unsent = (sentence) => ticket === this.ticket && this.over(sentence);
    if ((await uploadKept(unsent)) && ticket === this.ticket) this.send();
  }

  async bytes(file) {
    const { era } = this;
    const bytes = await fetched(file.url).then((blob) => blob.arrayBuffer()).catch(() => null);
    if (!bytes || era !== this.era) throw new Unbrought(words("views.gone"));
    return bytes;
  }

  /** The queue was full, or the server has gone; or a cancelled question ends, which is no fault of the next one. */
  failed() {
    if (this.unheard) return this.goOn();
    if (this.cancelling()) return;
    const { ticket } = this;
    if (this.asking) whyUnheard().then((sentence) => ticket === this.ticket && this.asking && this.over(sentence));
  }

  /** The question ends without an answer. */
  over(sentence) {
    this.asking = false;
    this.wrong(sentence);
  }

  wrong(sentence) {
    if (this.quiet && this.parts.told) this.parts.told(sentence, true);
    else this.settle("error", sentence);
  }

  stop() {
    this.cancel("stopped", words("views.stopped"));
  }

  /** Lets go of the question that is under way; where it isn't a quiet one, the view is left in this state. */
  cancel(name, line) {
    if (!this.asking) return;
    this.asking = false;
    if (this.sent) this.end(this.ticket);
    this.ticket++;
    if (this.quiet && this.parts.told) this.parts.told(null, false);
    else this.settle(name, line);
  }
}
