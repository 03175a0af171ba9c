'use strict';
(() => {
  const read = id => JSON.parse(document.getElementById(id).textContent);
  const summary = read('summary'), labels = read('labels');
  const main = document.getElementById('text'), bar = document.getElementById('bar');
  const status = document.querySelector('[role=status]'), tools = document.querySelector('.tools');
  const select = bar.querySelector('select'), output = bar.querySelector('output');
  const storageKey = 'skol_classifier corrections ' + summary.sha256;
  const undoable = [];
  let at = null, cut = null;

  // --- The text -------------------------------------------------------------------------------------------------
  const points = text => { let n = 0; for (const _ of text) n++; return n; };
  const lineEnd = line => line.dataset.t ? line.dataset.t.split('.').length : 1;
  const isParagraph = node => node && node.nodeName === 'P';
  const linesOf = p => p.querySelectorAll('span');
  /** Gives each line of a paragraph its offsets in code points: `from`, `to` (without its end), and its number. */
  const measure = p => {
    let offset = Number(p.dataset.s), number = Number(p.dataset.n) - 1;
    for (const line of linesOf(p)) {
      if (!line.classList.contains('c')) number++;
      if (line.from === undefined) {
        line.from = offset;
        line.to = offset + points(line.textContent);
        line.number = number;
      }
      offset = line.to + lineEnd(line);
      number = line.number;
    }
  };
  const endOf = p => { measure(p); const lines = linesOf(p); return lines[lines.length - 1].to; };
  const labelOf = p => p.dataset.l === undefined ? null : labels[p.dataset.l];
  const excerpt = p => { const line = linesOf(p)[0]; return line ? line.textContent.trim().slice(0, 90) : ''; };

  // --- Changes: each gives back how it is undone ------------------------------------------------------------------
  const restore = p => {
    const before = { l: p.dataset.l, was: p.dataset.was, classes: p.className,
      html: p.querySelector('b').cloneNode(true) };
    return () => {
      if (before.l === undefined) delete p.dataset.l; else p.dataset.l = before.l;
      if (before.was === undefined) delete p.dataset.was; else p.dataset.was = before.was;
      p.className = before.classes;
      p.querySelector('b').replaceWith(before.html);
    };
  };
  const mark = p => {
    if (p.dataset.was === undefined) p.dataset.was = labelOf(p) || '';
    p.classList.add('done');
    p.classList.remove('d');
  };
  const setLabel = (p, index) => {
    const undo = restore(p);
    mark(p);
    p.dataset.l = index;
    p.querySelector('b').textContent = labels[index];
    return undo;
  };
  const split = (p, line) => {
    measure(p);
    const undo = restore(p), moved = [], next = document.createElement('p');
    for (let node = line; node; node = node.nextSibling) moved.push(node);
    mark(p);
    next.dataset.s = line.from;
    next.dataset.n = line.number;
    if (p.dataset.l !== undefined) next.dataset.l = p.dataset.l;
    next.dataset.was = p.dataset.was;
    next.className = 'done';
    const badge = document.createElement('b');
    badge.style.counterReset = 'n ' + (line.classList.contains('c') ? line.number : line.number - 1);
    next.append(badge, ...moved);
    p.querySelector('b').textContent = next.querySelector('b').textContent = labelOf(p) || 'no label';
    p.after(next);
    return () => { p.append(...moved); next.remove(); undo(); };
  };
  const join = p => {
    const next = p.nextElementSibling;
    measure(p); measure(next);
    const undo = restore(p), moved = [...linesOf(next)], first = moved[0], style = first.getAttribute('style');
    mark(p);
    p.querySelector('b').textContent = labelOf(p) || 'no label';
    if (!first.classList.contains('c')) first.style.counterReset = 'n ' + (first.number - 1);
    p.append(...moved);
    const after = p.nextSibling === next ? next.nextSibling : next;
    next.remove();
    return () => {
      next.append(...moved);
      if (style === null) first.removeAttribute('style'); else first.setAttribute('style', style);
      if (after === next) p.after(next); else main.insertBefore(next, after);
      undo();
    };
  };
  const change = undo => { undoable.push([undo, at]); store(); show(); };

  // --- Corrections in and out -------------------------------------------------------------------------------------
  const corrections = () => [...main.querySelectorAll('p.done')].map(p => {
    measure(p);
    const found = { start: linesOf(p)[0].from, end: endOf(p), label: labelOf(p) };
    if (p.dataset.was) found.was = p.dataset.was;
    return found;
  }).filter(found => found.label !== null);
  const ofDocument = () => ({
    doc_id: summary.doc_id, name: summary.name, sha256: summary.sha256, length: summary.length,
    paragraphs: corrections(),
  });
  const store = () => {
    const found = ofDocument();
    try {
      if (found.paragraphs.length) localStorage.setItem(storageKey, JSON.stringify(found));
      else localStorage.removeItem(storageKey);
    } catch { /* Without storage the corrections live until the page is left. */ }
    const n = found.paragraphs.length;
    status.textContent = n ? n + (n === 1 ? ' correction' : ' corrections') + ' in this document' : '';
  };
  const save = () => {
    const found = ofDocument();
    if (!found.paragraphs.length) { status.textContent = 'Nothing is corrected yet.'; return; }
    const bundle = { format: 'skol_classifier corrections 1', documents: [found] };
    const link = document.createElement('a');
    link.href = URL.createObjectURL(new Blob([JSON.stringify(bundle, null, 1) + '\n'], { type: 'application/json' }));
    link.download = summary.name.split('/').pop() + '.corrections.json';
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
    status.textContent = 'Saved as ' + link.download;
  };
  /** The paragraph of exactly these code points, made by splitting and joining; null if there is no such one. */
  const carve = (start, end) => {
    const all = [...main.children].filter(isParagraph);
    let low = 0, high = all.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (Number(all[middle].dataset.s) <= start) low = middle; else high = middle - 1;
    }
    let p = all[low];
    measure(p);
    const line = [...linesOf(p)].find(line => line.from === start);
    if (!line) return null;
    if (line !== linesOf(p)[0]) { split(p, line); p = p.nextElementSibling; }
    while (endOf(p) < end && isParagraph(p.nextElementSibling)) join(p);
    if (endOf(p) > end) {
      const next = [...linesOf(p)].find(line => line.from > end);
      if (!next) return null;
      split(p, next);
    }
    return endOf(p) === end ? p : null;
  };
  const restoreStored = () => {
    let stored = null;
    try { stored = JSON.parse(localStorage.getItem(storageKey)); } catch { return; }
    for (const { start, end, label, was } of (stored && stored.paragraphs) || []) {
      const p = carve(start, end), index = labels.indexOf(label);
      if (p && index >= 0) { setLabel(p, index); if (was) p.dataset.was = was; }
    }
    if (stored) store();
  };

  // --- Where one is -------------------------------------------------------------------------------------------------
  const probabilities = p => (p.dataset.p || '').split(',').filter(Boolean)
    .map((percent, index) => [Number(percent), summary.labels[index]])
    .filter(([percent]) => percent > 0).sort((a, b) => b[0] - a[0]).slice(0, 4)
    .map(([percent, label]) => label + ' ' + percent + ' %').join(', ');
  const show = () => {
    for (const action of bar.querySelectorAll('select, [data-do=confirm], [data-do=split], [data-do=join]')) action.disabled = !at;
    bar.querySelector('[data-do=undo]').disabled = !undoable.length;
    if (!at) return;
    const first = linesOf(at)[0];
    measure(at);
    const words = [at.classList.contains('done') ? 'corrected' : probabilities(at)].filter(Boolean);
    output.textContent = 'Line ' + first.number + ': ' + [labelOf(at) || 'no label', ...words].join(' · ');
    select.value = at.dataset.l === undefined ? '' : at.dataset.l;
    bar.querySelector('[data-do=split]').disabled = !cut || cut === first;
    bar.querySelector('[data-do=join]').disabled = !isParagraph(at.nextElementSibling);
  };
  const setCut = line => {
    if (cut) cut.classList.remove('cut');
    cut = line;
    if (cut && cut !== linesOf(at)[0]) cut.classList.add('cut');
  };
  const go = (p, line, scroll = true) => {
    if (!isParagraph(p)) return;
    if (at) at.classList.remove('at');
    at = p;
    at.classList.add('at');
    at.tabIndex = -1;
    setCut(line || linesOf(at)[0]);
    if (scroll) { at.focus({ preventScroll: true }); at.scrollIntoView({ block: 'nearest' }); }
    show();
  };
  const doubtful = direction => {
    const found = [...main.querySelectorAll('p.d')];
    if (!found.length) { status.textContent = 'No doubtful paragraph is left.'; return; }
    const relation = direction > 0 ? Node.DOCUMENT_POSITION_FOLLOWING : Node.DOCUMENT_POSITION_PRECEDING;
    const ahead = at ? found.filter(p => p !== at && at.compareDocumentPosition(p) & relation) : found;
    const list = ahead.length ? ahead : found;
    const p = direction > 0 ? list[0] : list[list.length - 1];
    go(p);
    p.scrollIntoView({ block: 'center' });
    status.textContent = 'Doubtful ' + (found.indexOf(p) + 1) + ' of ' + found.length;
  };
  const step = direction => go(at ? (direction > 0 ? at.nextElementSibling : at.previousElementSibling) : main.querySelector('p'));
  const line = direction => {
    const lines = [...linesOf(at)], next = lines[lines.indexOf(cut) + direction];
    if (next) { setCut(next); next.scrollIntoView({ block: 'nearest' }); show(); }
  };

  const actions = {
    next: () => doubtful(1),
    previous: () => doubtful(-1),
    save,
    help: () => document.getElementById('help').showModal(),
    confirm: () => at && at.dataset.l !== undefined && change(setLabel(at, at.dataset.l)),
    split: () => {
      if (!at || !cut || cut === linesOf(at)[0]) { status.textContent = 'Mark the line that begins the new paragraph first.'; return; }
      const undo = split(at, cut);
      change(undo);
      go(at.nextElementSibling);
    },
    join: () => at && isParagraph(at.nextElementSibling) && change(join(at)),
    undo: () => {
      const last = undoable.pop();
      if (!last) return;
      last[0]();
      store();
      go(last[1] && last[1].isConnected ? last[1] : at && at.isConnected ? at : main.querySelector('p'));
    },
  };
  const keys = {
    n: actions.next, p: actions.previous, j: () => step(1), k: () => step(-1), c: actions.confirm, s: actions.split,
    m: actions.join, u: actions.undo, w: save, '?': actions.help,
    l: () => at && select.focus(), ArrowDown: () => at && line(1), ArrowUp: () => at && line(-1),
  };

  // --- Listen -------------------------------------------------------------------------------------------------------
  for (const [index, label] of ['', ...labels].entries()) {
    const option = new Option(index ? label : '(no label)', index ? index - 1 : '');
    if (!index) option.disabled = true;
    select.add(option);
  }
  select.addEventListener('change', () => at && select.value !== '' && change(setLabel(at, select.value)));
  document.addEventListener('click', event => {
    const action = event.target.closest('[data-do]');
    if (action) { actions[action.dataset.do](); return; }
    const p = event.target.closest('main p');
    if (p && !String(getSelection())) go(p, event.target.closest('main span'), false);
  });
  main.addEventListener('pointerover', event => {
    const p = event.target.closest('main p');
    if (p && !p.title) p.title = probabilities(p);
  });
  document.addEventListener('keydown', event => {
    if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector('dialog[open]')) return;
    if (event.target.closest('input, textarea')) return;
    const inSelect = event.target === select;
    if (inSelect && event.key === 'Escape') { if (at) at.focus(); return; }
    if (inSelect || (event.target.closest('button, summary, a') && /^(Enter| |Arrow)/.test(event.key))) return;
    const number = Number(event.key);
    if (at && number >= 1 && number <= Math.min(9, labels.length)) change(setLabel(at, number - 1));
    else if (keys[event.key]) keys[event.key]();
    else return;
    event.preventDefault();
  });
  for (const details of document.querySelectorAll('nav details')) {
    details.addEventListener('toggle', () => {
      if (!details.open) return;
      const list = document.createElement('ol');
      for (const p of main.querySelectorAll('p[data-l="' + details.dataset.l + '"]')) {
        const item = document.createElement('li'), link = document.createElement('a');
        link.href = '#' + p.id;
        link.textContent = (p.classList.contains('d') ? '? ' : '') + excerpt(p);
        link.addEventListener('click', event => { event.preventDefault(); go(p); p.scrollIntoView({ block: 'center' }); });
        item.append(link);
        list.append(item);
      }
      details.querySelector('ol')?.remove();
      details.append(list);
    });
  }
  const fromAddress = () => {
    const p = /^#p\d+$/.test(location.hash) && document.getElementById(location.hash.slice(1));
    if (p) { go(p); p.scrollIntoView({ block: 'center' }); }
  };
  addEventListener('hashchange', fromAddress);
  tools.hidden = bar.hidden = false;
  show();
  restoreStored();
  fromAddress();
})();
