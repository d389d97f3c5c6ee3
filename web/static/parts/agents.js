// "Firefox on Linux" from what a browser says of itself.
const BROWSERS = [[/\bEdgA?\//, "Edge"], [/\bOPR\//, "Opera"], [/\bSamsungBrowser\//, "Samsung Internet"], [/\bFirefox\/|\bFxiOS\//, "Firefox"], [/\bCriOS\/|\bChrome\/|\bChromium\//, "Chrome"], [/\bSafari\//, "Safari"]];
const SYSTEMS = [[/\biPhone\b/, "iPhone"], [/\biPad\b/, "iPad"], [/\bAndroid\b/, "Android"], [/\bWindows\b/, "Windows"], [/\bCrOS\b/, "ChromeOS"], [/\bMac OS X\b/, "macOS"], [/\bLinux\b/, "Linux"]];

const first = (table, text) => table.find(([pattern]) => pattern.test(text))?.[1] ?? "";

/** {browser, system}, each "" where it is not known. */
export const agentOf = (text) => ({ browser: first(BROWSERS, text), system: first(SYSTEMS, text) });
