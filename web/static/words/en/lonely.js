export default {
  error_title: "We cannot show this page",
  error_text: "Cuelight could not answer just now, or did not accept what was asked. Redemptions are handled all the same: they are written down before we answer Twitch.",
  again: "Try again",
  missing_title: "Nothing lives here",
  missing_text: "There is no page at this address. A link may be old, or a letter is missing. Your VIPs and everything else are where they were.",
  activity: "See what happened",
  overview: "Open the overview",
};
