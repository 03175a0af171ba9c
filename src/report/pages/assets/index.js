'use strict';
(() => {
  const list = document.getElementById('documents'), items = [...list.children];
  const input = document.querySelector('input[type=search]'), order = document.querySelector('#order');
  const status = document.querySelector('[role=status]');
  const names = JSON.parse(document.getElementById('names').textContent);
  const fold = text => text.normalize('NFKD').replace(/\p{M}/gu, '').toLowerCase();
  const folded = items.map((item, index) => [fold(item.querySelector('a').textContent), names[index].map(fold)]);
  const search = () => {
    const words = fold(input.value).split(/\s+/).filter(Boolean);
    let shown = 0;
    items.forEach((item, index) => {
      const [title, taxa] = folded[index];
      const all = text => words.every(word => text.includes(word));
      const hit = words.length ? taxa.findIndex(all) : -1;
      item.hidden = !(all(title) || hit >= 0);
      item.querySelector('.found')?.remove();
      if (!item.hidden) shown++;
      if (hit >= 0) {
        const found = document.createElement('div');
        found.className = 'found';
        found.textContent = names[index][hit];
        item.append(found);
      }
    });
    status.textContent = words.length ? shown + ' of ' + items.length + ' documents' : '';
  };
  input.addEventListener('input', search);
  order.addEventListener('change', () => {
    const key = order.value;
    const sorted = key === 'name' ? items : [...items].sort((a, b) => Number(b.dataset[key]) - Number(a.dataset[key]));
    list.append(...sorted);
  });
  document.querySelector('#save').addEventListener('click', () => {
    const documents = [];
    try {
      for (let i = 0; i < localStorage.length; i++) {
        const key = localStorage.key(i);
        if (!key.startsWith('skol_classifier corrections ')) continue;
        const found = JSON.parse(localStorage.getItem(key));
        if (items.some(item => item.dataset.sha256 === found.sha256)) documents.push(found);
      }
    } catch { status.textContent = 'This browser keeps no corrections here; save them in each document.'; return; }
    if (!documents.length) { status.textContent = 'No document is corrected yet in this browser.'; return; }
    documents.sort((a, b) => a.name < b.name ? -1 : 1);
    const bundle = { format: 'skol_classifier corrections 1', documents };
    const link = document.createElement('a');
    link.href = URL.createObjectURL(new Blob([JSON.stringify(bundle, null, 1) + '\n'], { type: 'application/json' }));
    link.download = 'all.corrections.json';
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
    status.textContent = documents.length + (documents.length === 1 ? ' document' : ' documents') + ' saved in ' + link.download;
  });
  document.querySelector('.find').hidden = false;
})();
