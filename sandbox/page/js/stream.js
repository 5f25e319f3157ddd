// Server-sent events that come back by themselves. After a gap the listener is told to look at everything again.

const FIRST_WAIT = 500;
const LONGEST_WAIT = 8000;

export class Stream {
  constructor(path, { onEvent, onOpen, onLost }) {
    this.path = path;
    this.onEvent = onEvent;
    this.onOpen = onOpen;
    this.onLost = onLost;
    this.wait = FIRST_WAIT;
    this.open();
  }

  open() {
    this.source = new EventSource(this.path);
    this.source.onopen = () => {
      this.wait = FIRST_WAIT;
      this.onOpen?.();
    };
    this.source.onmessage = (event) => this.onEvent(JSON.parse(event.data));
    this.source.onerror = () => {
      this.source.close();
      this.onLost?.();
      this.timer = setTimeout(() => this.open(), this.wait);
      this.wait = Math.min(this.wait * 2, LONGEST_WAIT);
    };
  }

  close() {
    clearTimeout(this.timer);
    this.source.onerror = null;
    this.source.close();
  }
}
