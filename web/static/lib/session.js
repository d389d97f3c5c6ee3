// Who is signed in, and how one signs in without an account.

/** GET the session: {signed_in, user, name, channels, development_login, sign_in_url}; throws when nobody answers. */
export async function getSession() {
  const answer = await fetch("/api/auth/session", { headers: { Accept: "application/json" }, cache: "no-store" });
  if (!answer.ok) throw new Error(`status ${answer.status}`);
  return answer.json();
}

/** Sign in without an account (demo only). Answers the status, 0 when nobody answered. */
export async function developmentLogin() {
  try {
    // There is no session yet and so no CSRF token: the server checks that the request comes from its own page.
    const answer = await fetch("/api/auth/dev", { method: "POST", headers: { Accept: "application/json" } });
    return answer.status;
  } catch {
    return 0;
  }
}
