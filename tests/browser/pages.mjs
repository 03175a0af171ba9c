// Looks at pages and corrects them in a real browser: node pages.mjs PROGRAMS SCRATCH [SCREENSHOTS]
// PROGRAMS has the four programs; pages that lie in SCRATCH/reports are looked at too. Ends with 1 where anything is not
// as it should be.
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { chromium } from 'playwright-core';

const [, , programs, scratch, screenshots] = process.argv;
const axe = fs.readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const run = (program, ...args) =>
  execFileSync(path.join(programs, program), args, { cwd: scratch, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
let wrong = 0;
const check = (right, what) => { if (!right) { wrong++; console.error(`wrong: ${what}`); } };

// --- Documents, one of them hostile -----------------------------------------------------------------------------------
const evil = '<script>window.ran = 1</script> ]]> "x" \u202eturned\u202c';
fs.mkdirSync(path.join(scratch, 'texts'), { recursive: true });
fs.writeFileSync(path.join(scratch, 'texts', 'evil <img src=x onerror=ran=1> #1?.txt'),
  `Amanita ${evil} sp. nov.\r\n\r\nPileus \0 3-5 cm ${evil}, convex.\r\nsecond line\r\n\fHolotype: Novak 1 \u001b[31m.\r\n`);
fs.writeFileSync(path.join(scratch, 'texts', 'plain.txt'), [
  'Amanita rubra Novak, sp. nov.  Fig. 1', '',
  'Pileus 3-5 cm broad, convex, red, with white warts; margin striate.',
  'Stipe 4-8 x 0.5-1 cm, white. Spores 8-10 x 6-7 µm, ellipsoid, smooth.',
  'Holotype: Novak 123 (PRM), on soil under Quercus.', '',
  'Agaricus albus Muster, comb. nov.', '',
  'The species is common. It was not found in the north.', '', ''].join('\n'));
const gold = fs.realpathSync(path.join(import.meta.dirname, '..', 'data', 'gold'));
const report = name => path.join('reports', `${name}.html`);
fs.mkdirSync(path.join(scratch, 'reports'), { recursive: true });
run('predict_classifier', 'texts', '--output', 'labelled', '--html', 'pages', '--report', report('run'), '--no-progress');
run('evaluate_classifier', '--gold', gold, '--report', report('evaluation'), '--no-progress');
run('train_classifier', '--input', gold, '--model', 'logistic_words_suffixes', '--name', 'small', '--output', 'trained',
  '--report', report('training'), '--no-progress');

const browser = await chromium.launch({ executablePath: process.env.CHROMIUM || '/usr/bin/chromium', args: ['--no-sandbox'] });
const address = (...parts) => pathToFileURL(path.join(scratch, ...parts)).href;
const watch = page => {
  page.on('pageerror', error => check(false, `${page.url()}: ${error.message}`));
  page.on('console', message => check(message.type() !== 'error', `${page.url()}: ${message.text()}`));
  page.on('dialog', dialog => { check(false, 'a dialog'); dialog.dismiss(); });
  page.on('request', request => check(request.url().startsWith('file:') && request.resourceType() === 'document'
    || request.url().startsWith('blob:'), `a request for ${request.url().slice(0, 90)}`));
};

// --- Every page at every width, light and dark ------------------------------------------------------------------------
const look = async (folder, names) => {
  for (const colorScheme of ['light', 'dark']) {
    for (const width of [390, 800, 1280]) {
      const context = await browser.newContext({ viewport: { width, height: 800 }, colorScheme });
      for (const [number, name] of names.entries()) {
        const at = `${name} at ${width}, ${colorScheme}`;
        const page = await context.newPage();
        watch(page);
        await page.goto(address(folder, name));
        if (folder === 'pages' && name !== 'index.html') await page.keyboard.press('j');
        check(await page.evaluate(() => window.ran === undefined), `${at}: something of the text ran`);
        check(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), `${at}: scrolls sideways`);
        const unreadable = await page.evaluate(unreadableText);
        check(unreadable.length === 0, `${at}: ${unreadable.slice(0, 3)}`);
        const narrow = await page.evaluate(() => [...document.querySelectorAll('.operator')].filter(o => o.checkVisibility() && o.clientWidth < 200).length);
        check(narrow === 0, `${at}: ${narrow} operators of a deep plan are narrower than 200 px`);
        if (screenshots) {
          const file = folder === 'pages' ? number : path.parse(name).name;
          await page.screenshot({ path: path.join(screenshots, `${file}-${width}-${colorScheme}.png`), fullPage: folder !== 'pages' });
        }
        // The page's own policy lets nothing else run; for the test it is lifted.
        await (await context.newCDPSession(page)).send('Page.setBypassCSP', { enabled: true });
        await page.evaluate(`${axe};0`);
        const { violations } = await page.evaluate(() => axe.run());
        for (const { impact, id, nodes } of violations) {
          check(!['serious', 'critical'].includes(impact), `${at}: ${id} (${impact}): ${nodes[0].html.slice(0, 120)}`);
        }
        await page.close();
      }
      await context.close();
    }
  }
};
// Text that is drawn smaller than ten pixels, also where a chart is scaled down, and text that a chart cuts off.
const unreadableText = () => [...document.querySelectorAll('body *')].flatMap(element => {
  if (![...element.childNodes].some(node => node.nodeType === Node.TEXT_NODE && node.data.trim())) return [];
  if (!element.checkVisibility({ visibilityProperty: true }) || element.closest('title, script, style, sub, sup')) return [];
  const chart = element.ownerSVGElement, matrix = chart && element.getScreenCTM();
  const scale = matrix ? Math.hypot(matrix.a, matrix.b) : 1;
  const text = element.textContent.trim().slice(0, 40), faults = [];
  if (parseFloat(getComputedStyle(element).fontSize) * scale < 10) faults.push(`below 10 px: ${text}`);
  if (chart) {
    const [inner, outer] = [element.getBoundingClientRect(), chart.getBoundingClientRect()];
    if (inner.left < outer.left - 1 || inner.right > outer.right + 1 || inner.top < outer.top - 1 || inner.bottom > outer.bottom + 1) {
      faults.push(`cut off by its chart: ${text}`);
    }
  }
  return faults;
});
const htmls = folder => fs.readdirSync(path.join(scratch, folder)).filter(name => name.endsWith('.html'));
const pages = htmls('pages');
check(pages.length === 3, `two pages and an index: ${pages}`);
await look('pages', pages);

// --- Correct: two labels, a split, a join that is undone, save ----------------------------------------------------------
const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, acceptDownloads: true });
const page = await context.newPage();
watch(page);
await page.goto(address('pages', 'plain.txt.html'));
const paragraphs = () => page.locator('main p').count();
const before = await paragraphs();
const labelOf = index => page.locator('main p').nth(index).locator('b').evaluate(b => b.firstChild.textContent.trim());
await page.locator('main p').first().click();
await page.selectOption('#bar select', { label: 'Title' });
check(await labelOf(0) === 'Title', 'a label is changed by the list');
await page.locator('main p', { hasText: 'The species is common' }).click();
await page.keyboard.press('2');
await page.locator('main span', { hasText: 'Holotype' }).click();
await page.keyboard.press('s');
const split = await paragraphs();
check(split === before + 1 || await page.locator('main p').filter({ hasText: /^\S+\s*.*Holotype/ }).count() === 1, 'a paragraph is split');
await page.keyboard.press('3');
await page.keyboard.press('m');
check(await paragraphs() === split - 1, 'two paragraphs are joined');
await page.keyboard.press('u');
check(await paragraphs() === split, 'joining is undone');
const save = async action => {
  const download = page.waitForEvent('download');
  await action();
  const file = path.join(scratch, 'corrections', (await download).suggestedFilename());
  await (await download).saveAs(file);
  return file;
};
const saved = await save(() => page.keyboard.press('w'));
check(path.basename(saved) === 'plain.txt.corrections.json', saved);
const corrections = fs.readFileSync(saved, 'utf8');
const text = [...fs.readFileSync(path.join(scratch, 'texts', 'plain.txt'), 'utf8')];
const corrected = JSON.parse(corrections).documents[0].paragraphs.map(({ start, end, label }) => [text.slice(start, end).join(''), label]);
check(corrected.some(([part, label]) => part.startsWith('Holotype') && label === 'Misc-exposition'), `the split paragraph: ${JSON.stringify(corrected)}`);
check(corrected.some(([part, label]) => part.startsWith('Amanita rubra') && label === 'Title'), 'the first paragraph');
await page.reload();
check(fs.readFileSync(await save(() => page.click('[data-do=save]')), 'utf8') === corrections, 'corrections outlive a reload');

// --- The index: search, and all corrections in one file ------------------------------------------------------------------
await page.goto(address('pages', 'index.html'));
await page.fill('input[type=search]', 'plain');
check(await page.locator('#documents li:visible').count() === 1, 'the index finds a document');
const all = await save(() => page.click('#save'));
check(JSON.parse(fs.readFileSync(all, 'utf8')).documents.length === 1, 'all corrections in one file');
fs.rmSync(all);

// --- A checklist, whose names the model does not know: those of four documents are corrected, and saved at once ---------
const states = ['Ohio', 'Maine', 'Texas', 'Oregon', 'Iowa', 'Utah'];
const words = ['pallida', 'rubra', 'minor', 'viridis', 'alba', 'montana'];
for (let document = 0; document < 7; document++) {
  const entries = [0, 1, 2, 3, 4, 5].map(entry => `${states[(document + entry) % 6]}: ${words[(document * 2 + entry) % 6]}, `
    + `checklist number ${10 * document + entry}\n\nSpores ${5 + document + entry} µm, hyaline, smooth; stipe ${2 + entry} cm long, white.\n\n`);
  const folder = document < 4 ? 'checklist' : 'others';
  fs.mkdirSync(path.join(scratch, folder), { recursive: true });
  fs.writeFileSync(path.join(scratch, folder, `list${document}.txt`), entries.join(''));
}
const base = 'logistic_words_suffixes';
run('predict_classifier', 'checklist', '--model', base, '--output', 'checklist-labelled', '--html', 'checklist-pages', '--no-progress');
for (let document = 0; document < 4; document++) {
  await page.goto(address('checklist-pages', `list${document}.txt.html`));
  const names = page.locator('main p', { hasText: 'checklist number' });
  check(await names.count() === 6, `six names in document ${document}`);
  for (let name = 0; name < await names.count(); name++) {
    await names.nth(name).click();
    await page.selectOption('#bar select', { label: 'Nomenclature' });
  }
}
await page.goto(address('checklist-pages', 'index.html'));
const checklist = await save(() => page.click('#save'));
const savedAtOnce = path.join(scratch, 'checklist-corrections', path.basename(checklist));
fs.mkdirSync(path.dirname(savedAtOnce));
fs.renameSync(checklist, savedAtOnce);
const documentsSaved = JSON.parse(fs.readFileSync(savedAtOnce, 'utf8')).documents.filter(({ name }) => name.startsWith('list'));
check(documentsSaved.length === 4, 'corrections of four documents in one file');

// --- Into the annotations, and kept by the next run ------------------------------------------------------------------------
run('convert_annotations', 'labelled', 'corrections', '--to', 'yedda', '--output', 'labelled');
const annotation = fs.readFileSync(path.join(scratch, 'labelled', 'plain.txt.ann'), 'utf8');
check(annotation.includes('Fig. 1#Title*]') && annotation.includes('[@Holotype'), `corrections are in the annotation:\n${annotation}`);
run('convert_annotations', 'labelled', '--to', 'text', '--output', 'texts-again');
for (const name of fs.readdirSync(path.join(scratch, 'texts'))) {
  const [one, two] = ['texts', 'texts-again'].map(folder => fs.readFileSync(path.join(scratch, folder, name)));
  check(one.equals(two), `${name} comes back to the letter`);
}
run('predict_classifier', 'texts', '--output', 'labelled', '--no-progress');
check(fs.readFileSync(path.join(scratch, 'labelled', 'plain.txt.ann'), 'utf8') === annotation, 'the next run keeps what a person corrected');

// --- Adapted to them, the model labels other documents of the checklist better ---------------------------------------------
run('convert_annotations', 'checklist-labelled', 'checklist-corrections', '--to', 'yedda', '--output', 'checklist-labelled');
const correctedList = fs.readFileSync(path.join(scratch, 'checklist-labelled', 'list0.txt.ann'), 'utf8');
run('predict_classifier', 'checklist', '--model', base, '--output', 'checklist-labelled', '--no-progress');
check(fs.readFileSync(path.join(scratch, 'checklist-labelled', 'list0.txt.ann'), 'utf8') === correctedList, 'the checklist is kept');
run('predict_classifier', 'checklist', '--model', base, '--output', 'checklist-again', '--no-progress');
run('train_classifier', '--adapt', base, '--input', 'checklist-corrections', '--annotations', 'checklist-again',
  '--name', 'adapted', '--output', 'models', '--report', report('adapting'), '--no-progress');
const right = model => {
  const output = `others-${path.basename(model)}`;
  run('predict_classifier', 'others', '--model', model, '--output', output, '--no-progress');
  return [4, 5, 6].map(document => fs.readFileSync(path.join(scratch, output, `list${document}.txt.ann`), 'utf8')
    .split('\n').filter(line => /checklist number \d+#Nomenclature\*\]$/.test(line)).length).reduce((a, b) => a + b);
};
const [rightBefore, rightAfter] = [right(base), right(path.join('models', 'adapted.skol'))];
check(rightAfter > rightBefore, `of 18 names ${rightBefore} were right, and ${rightAfter} are`);
console.log(`of 18 names of other documents ${rightBefore} were right before adapting, and ${rightAfter} are`);

// --- Reports: of a run, an evaluation, training, adapting, and of a measured session ------------------------------------------
const reports = htmls('reports');
check(reports.length >= 4, `the reports: ${reports}`);
await look('reports', reports);
await browser.close();
console.log(wrong ? `${wrong} wrong` : 'pages look right, are safe, and carry corrections');
process.exit(wrong ? 1 : 0);
