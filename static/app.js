// Stackdeck's own script. Every page works without it; with it, ages stay true, pages update themselves, the
// confirm page opens in a dialog, and there are keys. No eval, no innerHTML, no inline handlers.
(() => {
  const { documentElement: root, body } = document;
  const $ = (selector, from = document) => from.querySelector(selector);
  const $$ = (selector, from = document) => from.querySelectorAll(selector);
  const say = (node, text) => { if (node && node.textContent !== text) node.textContent = text; };
  const on = (name, act, from = document) => from.addEventListener(name, act);
  const dialog = $('#dialog');
  root.classList.add('js');

  // Idiomorph's own extension takes every swap for one of its kind and puts each piece into a copy of its place.
  window.htmx?.defineExtension('morph', {
    isInlineSwap: style => style === 'morph',
    handleSwap: (style, target, { children }) => style === 'morph' && Idiomorph.morph(target, children),
  });

  // Ages and durations, with the words of src/web/pages/words.rs. The server's clock counts.
  const skew = Date.parse(body.dataset.now) - Date.now();
  const since = iso => Math.max(0, Math.floor((Date.now() + skew - Date.parse(iso)) / 1000));
  const count = (n, word) => `${n} ${word}${n === 1 ? '' : 's'}`;
  const part = (s, unit) => Math.floor(s / unit);
  const short = s => s < 60 ? `${s} s` : s < 3600 ? `${part(s, 60)} min`
    : s < 172800 ? `${part(s, 3600)} h` : count(part(s, 86400), 'day');
  const full = s => s < 60 ? count(s, 'second') : s < 3600 ? count(part(s, 60), 'minute')
    : count(part(s, 3600), 'hour');
  const forms = {
    ago: s => s < 5 ? 'just now' : `${short(s)} ago`,
    'ago-full': s => s ? `${full(s)} ago` : 'just now',
    for: short,
  };

  const tick = () => {
    for (const time of $$('time')) {
      const form = forms[time.dataset.as];
      if (form) say(time, form(since(time.dateTime)));
    }
    for (const bar of $$('progress[data-since]')) {
      const passed = since(bar.dataset.since);
      const over = passed - bar.max;
      bar.value = Math.min(passed, bar.max);
      say(bar.previousElementSibling, over < 60 ? `usually ${short(bar.max)}` : `${short(over)} longer than usual`);
    }
    // What went well is said for eight seconds, longer while it is pointed at or focused.
    for (const note of $$('#polite .note:not(:hover, :focus-within)')) {
      note.left = (note.left ?? 8) - 1;
      if (note.left < 1) note.remove();
    }
    const notes = $$('.note');
    for (let extra = 0; extra < notes.length - 3; extra++) notes[extra].remove();
  };
  // The exact time, also as clocks here show it; put together when it is asked for.
  on('mouseover', ({ target }) => {
    const time = target.closest('time');
    if (time && !time.title.includes('·')) time.title += ` · ${new Date(time.dateTime).toLocaleString()}`;
  });
  setInterval(() => document.hidden || tick(), 1000);
  // After the first paint, in a turn of its own: a phone needs the time for the page.
  setTimeout(tick);

  // The event stream: one per visible tab, closed while hidden, resumed where it stopped.
  let stream, last = body.dataset.since, over;
  const live = state => {
    const node = $('#live');
    if (!node) return;
    // Nothing is live below a banner that says why not. What was said once is announced when it changes.
    if ($('.banner')) state = '';
    node.hidden = !state;
    say(node, state);
    $('#refresh').hidden = state === 'Live.';
    setTimeout(() => { node.ariaLive = 'polite'; }, 1000);
  };
  const apply = data => {
    const page = new DOMParser().parseFromString(data, 'text/html');
    if (page.title) document.title = page.title;
    // Rows that this page does not show stay out; htmx would complain about each.
    const parts = [...page.querySelectorAll('[hx-swap-oob]')].filter(part => document.getElementById(part.id));
    // A banner that comes late floats, and one that goes leaves its space: nothing below it moves.
    const banner = $('#banner');
    if (banner.childElementCount) banner.style.minHeight ||= `${banner.offsetHeight}px`;
    else if (!banner.style.minHeight) banner.classList.add('late');
    const fragment = document.createDocumentFragment();
    fragment.append(...parts);
    htmx.swap(body, fragment, { swapStyle: 'none' });
    const moved = [...$$('li[data-rank]')].filter(row => {
      const now = $('[data-rank]', row);
      return now && now.dataset.rank !== row.dataset.rank;
    }).length;
    if ($('#moved')) {
      $('#moved').hidden = !moved;
      say($('#moved-words'), `${count(moved, 'stack')} changed state.`);
    }
    if (stream && stream.readyState === 1) live('Live.');
    tick();
  };
  const finish = () => {
    over = true;
    shut();
    live('');
  };
  const twin = () => fetch(body.dataset.events, { headers: { accept: 'application/json' } }).catch(() => 0);
  // Refused for good, not cut off: the page says nothing of being live, and either why not, or tries again later.
  const refused = async () => {
    stream = null;
    const answer = await twin();
    if (answer.status !== 401) return setTimeout(open, 30000);
    apply(await answer.text());
    finish();
  };
  const open = () => {
    if (!body.dataset.events || stream || over || document.hidden) return;
    stream = new EventSource(body.dataset.events + (last && `&since=${encodeURIComponent(last)}`));
    stream.onopen = () => live('Live.');
    stream.onerror = ({ target }) => {
      live(target.readyState === 2 ? '' : 'Reconnecting…');
      if (target.readyState === 2 && target === stream) refused();
    };
    on('rows', event => {
      last = event.lastEventId || last;
      apply(event.data);
    }, stream);
    on('end', finish, stream);
    on('signed-out', event => {
      apply(event.data);
      finish();
    }, stream);
    // Too much was missed. Not under somebody's hands, nor twice in a row.
    on('reload', () => {
      const busy = dialog.open || document.activeElement.matches('input, select, textarea');
      if (busy || performance.now() < 30000) finish();
      else location.reload();
    }, stream);
  };
  on('htmx:afterSettle', () => stream && live(stream.readyState === 1 ? 'Live.' : 'Reconnecting…'));
  const shut = () => {
    if (stream) stream.close();
    stream = null;
  };
  on('visibilitychange', () => document.hidden ? shut() : open());
  on('pagehide', shut, window);
  on('pageshow', event => event.persisted && location.reload(), window);
  // A hidden tab keeps only its title and icon true.
  setInterval(async () => {
    if (!document.hidden || !body.dataset.events || over) return;
    const answer = await twin();
    if (!answer.ok) return;
    const { title, icon } = await answer.json();
    if (title !== document.title && /^[✓✗]/.test(title) && Notification.permission === 'granted') new Notification(title);
    document.title = title;
    $('#icon').href = icon;
  }, 20000);

  // Pages that ask, in a dialog. On a phone they stay pages.
  const ask = async href => {
    const asked = $('#asked');
    asked.replaceChildren();
    // Such a page is open itself, and its names would be there twice.
    if (!$('#card')) {
      await htmx.ajax('GET', href, { target: asked, select: '#card', swap: 'ignoreTitle:true' }).catch(() => 0);
    }
    const first = $('[autofocus]', asked) || $('#question', asked);
    if (first) {
      dialog.showModal();
      first.focus();
    } else location.href = href;
  };
  const wide = () => dialog && matchMedia('(min-width: 761px)').matches;
  on('click', event => {
    const hit = selector => event.target.closest(selector);
    const link = hit('a[data-dialog]');
    if (link && wide() && !event.button && !event.ctrlKey && !event.metaKey && !event.shiftKey) {
      event.preventDefault();
      ask(link.href);
    } else if (hit('[data-close]')) {
      hit('.note').remove();
    } else if (dialog && (event.target === dialog || (dialog.open && hit('[data-dismiss]')))) {
      event.preventDefault();
      dialog.close();
    } else if (hit('[data-notify]')) {
      Notification.requestPermission();
      hit('[data-notify]').classList.add('done');
    } else if (hit('[data-copy]')) {
      const text = document.getElementById(hit('[data-copy]').dataset.copy);
      getSelection().selectAllChildren(text);
      navigator.clipboard?.writeText(text.textContent);
      $('[data-copy]:focus')?.classList.add('done');
    }
  });

  // What a search has found is said to those who do not see it.
  // A list of results that nobody sees does not ask; what it shows counts as seen.
  on('htmx:beforeRequest', event => document.hidden && event.target.id === 'batch' && event.preventDefault());
  on('htmx:afterSettle', ({ target }) => target.dataset?.told && say($('#told'), target.dataset.told));
  // From the search down into what it has found, and back.
  on('keydown', event => {
    const { key, target } = event;
    const hits = [...$$('#hits a')];
    const at = hits.indexOf(target);
    const to = { ArrowDown: hits[at + 1], ArrowUp: hits[at - 1] || $('#find'), Enter: at < 0 && hits[0] }[key];
    if (!to || !target.closest('#card')) return;
    event.preventDefault();
    to[key === 'Enter' ? 'click' : 'focus']();
  });

  // Sent once: the button stays focused, says so, and takes no second press.
  const sending = button => {
    button.ariaDisabled = 'true';
    button.was = button.firstChild.data;
    button.firstChild.data = 'Sending…';
  };
  on('submit', event => {
    const button = $('[data-send]', event.target);
    if (!button) return;
    if (button.was) event.preventDefault();
    else sending(button);
  });
  // The button stays the same node while it is inert, and htmx still listens to it.
  on('htmx:confirm', event => event.target.ariaDisabled === 'true' && event.preventDefault());
  on('htmx:beforeRequest', ({ target }) => target.matches('.direct') && sending(target));
  // An answer that says nothing of the row leads to another page: a receipt, or the confirm page.
  on('htmx:afterRequest', ({ detail: { elt, xhr, successful } }) => {
    if (successful && elt.was && elt.firstChild.data === 'Sending…') location.href = xhr.responseURL;
  });
  const unheard = ({ detail: { elt } }) => {
    if (!elt.was) return;
    elt.firstChild.data = elt.was;
    elt.ariaDisabled = null;
    $('#alert').append($('#no-answer').content.cloneNode(true));
  };
  on('htmx:sendError', unheard);
  on('htmx:responseError', unheard);

  // Keys. None of them sends anything.
  let before;
  const step = way => {
    const names = [...$$('.row .name')];
    const at = names.findIndex(name => name.closest('.row').contains(document.activeElement));
    names[Math.max(0, Math.min(names.length - 1, at + way))]?.focus();
  };
  const go = link => link && (link.dataset.dialog === '' && wide() ? ask(link.href) : link.click());
  on('keydown', event => {
    const { key, target } = event;
    const { keys, help, search } = body.dataset;
    if (keys === undefined || event.altKey || dialog.open) return;
    if (event.ctrlKey || event.metaKey) {
      if (key !== 'k' || !wide()) return;
      ask(search);
    } else if (target.closest('input, select, textarea')) {
      return;
    } else {
      const here = target.closest('.row') || document;
      const act = before === 'g' ? () => go($(`[data-go="${CSS.escape(key)}"]`)) : {
        '/': () => $('#q')?.focus(),
        j: () => step(1),
        k: () => step(-1),
        r: () => here === document ? go($('#redeploy')) : go($('a.slot', here)),
        o: () => $('[data-site]', here)?.click(),
        c: () => $('[data-compare]', here)?.click(),
        '?': () => wide() ? ask(help) : (location.href = help),
      }[key];
      before = key;
      if (!act) return;
      act();
    }
    event.preventDefault();
  });

  setTimeout(open);
  $('#mistake')?.focus();
})();
