export default {
  they_read: "Sie lesen im Chat",
  silent: "Im Chat wird dazu nichts gesagt: Du hast diese Nachricht abgeschaltet.",
};
