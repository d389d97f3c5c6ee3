export default {
  they_read: "They read in chat",
  silent: "Nothing is said in chat about it: you switched that message off.",
};
