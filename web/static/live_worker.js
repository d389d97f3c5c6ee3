// A SharedWorker: all tabs of a browser share one EventSource per channel, because a browser opens only six
// connections to a host by HTTP/1.1. A tab that is gone is noticed by the lock that it held.
import { hub } from "./lib/hub.js";

const shared = hub();

self.addEventListener("connect", ({ ports: [port] }) => {
  if (typeof EventSource === "undefined") {
    port.postMessage({ do: "cannot" });
    return;
  }
  let reader = null;
  const leave = () => {
    reader?.leave();
    reader = null;
  };
  port.onmessage = ({ data }) => {
    reader ??= shared.connect((message) => port.postMessage(message));
    if (data.do === "follow") reader.follow(data.channel);
    else if (data.do === "retry") reader.retry();
    else if (data.do === "leave") leave();
    else if (data.do === "signed_out") shared.signedOut();
    else if (data.do === "lock") navigator.locks?.request(data.name, leave);
  };
  port.postMessage({ do: "ready" });
});
