import { REDIRECT_URI } from './member-login.ts';

const MOST_STEPS = 20;

/**
 * What a member's browser does with an authorization URL: follows redirects with its cookies, signs in, answers the
 * question for consent, and comes back to the portal. Answers the parameters that it comes back with.
 */
export async function signIn(
  authorizationUrl: string,
  account: string,
  answer: 'allow' | 'deny' = 'allow',
): Promise<Record<string, string>> {
  const cookies = new Map<string, string>();
  let url = authorizationUrl;
  let form: URLSearchParams | undefined;
  for (let step = 0; step < MOST_STEPS; step++) {
    const response = await fetch(url, {
      redirect: 'manual',
      headers: { cookie: [...cookies].map((pair) => pair.join('=')).join('; ') },
      ...(form !== undefined && { method: 'POST', body: form }),
    });
    for (const cookie of response.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(cookie) ?? [];
      cookies.set(name, value);
    }
    const location = response.headers.get('location');
    if (location === null) {
      if (response.status !== 200) throw new Error(`${response.status}: ${await response.text()}`);
      form = new URLSearchParams({ account, answer });
      continue;
    }
    form = undefined;
    const next = new URL(location, url);
    if (next.href.startsWith(REDIRECT_URI)) {
      return Object.fromEntries(new URLSearchParams(next.hash === '' ? next.search : next.hash.slice(1)));
    }
    url = next.href;
  }
  throw new Error('The way to the portal does not end.');
}
