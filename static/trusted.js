// Trusted Types: where our script, htmx or idiomorph turns text into HTML, the browser asks here first. The text
// comes from our own server, which escapes what others wrote; what could run code is refused all the same, and
// text is never turned into a script. In a browser without Trusted Types nothing changes.
// Quoted values are set aside, so that a name such as <svg onload=…> in one, escaped, stays what it is: a name.
// A quotation mark that is left over is not ours: our templates quote every value.
globalThis.trustedTypes?.createPolicy('default', {
  createHTML: text => {
    for (const [tag] of text.matchAll(/<[a-z](?:[^>"']|"[^"]*"|'[^']*')*>?/gi)) {
      if (/^<script defer src="\/(?!\/)[\w./-]+" integrity="[\w+/=-]+">$/.test(tag)) continue;
      const bare = tag.replace(/=\s*(?:"[^"]*"|'[^']*')/g, '=');
      if (/["']|^<(?:script|iframe|frame|object|embed|base|style)\b|[\s/=](?:on\w+|srcdoc)\s*=/i.test(bare)) return null;
    }
    return text;
  },
});
