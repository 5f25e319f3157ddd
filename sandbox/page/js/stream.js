// Events over a WebSocket that comes back by itself. After a gap the listener is told to look at everything again.

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

  // The first message says that the server watches: whatever happens from there on will be told.
  open() {
    this.socket = new WebSocket(new URL(this.path, location.href.replace(/^http/, "ws")));
    this.socket.onmessage = (event) => {
      if (!this.watched) {
        this.watched = true;
        this.wait = FIRST_WAIT;
        this.onOpen?.();
      }
      this.onEvent(JSON.parse(event.data));
    };
    this.socket.onclose = () => {
      this.watched = false;
      this.onLost?.();
      this.timer = setTimeout(() => this.open(), this.wait);
      this.wait = Math.min(this.wait * 2, LONGEST_WAIT);
    };
  }

  close() {
    clearTimeout(this.timer);
    this.socket.onclose = this.socket.onmessage = null;
    this.socket.close();
  }
}
