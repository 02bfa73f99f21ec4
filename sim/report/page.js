'use strict';
// Figures that can be stepped through: each part of them has its step in data-step.
for (const figure of document.querySelectorAll('figure.steps')) {
	const last = Number(figure.dataset.steps);
	const parts = figure.querySelectorAll('[data-step]');
	const tips = new Map();
	for (const part of parts) {
		const tip = part.querySelector('.asked title, .failed title');
		if (tip) tips.set(Number(part.dataset.step), tip.textContent);
	}
	const controls = figure.querySelector('.controls');
	const slider = controls.querySelector('input');
	const said = controls.querySelector('output');
	const play = controls.querySelector('[data-do=play]');
	let at = last;
	let timer = 0;

	const stop = () => {
		clearInterval(timer);
		timer = 0;
		play.textContent = 'play';
	};
	const show = (n) => {
		at = Math.min(Math.max(n, 0), last);
		for (const part of parts) {
			const step = Number(part.dataset.step);
			part.classList.toggle('later', step > at);
			part.classList.toggle('now', step === at);
		}
		slider.value = String(at);
		said.textContent = at === 0 ? 'before the first step' : tips.get(at);
		if (at === last) stop();
	};
	const actions = {
		first: () => { stop(); show(0); },
		back: () => { stop(); show(at - 1); },
		next: () => { stop(); show(at + 1); },
		last: () => { stop(); show(last); },
		play: () => {
			if (timer) return stop();
			if (at === last) show(0);
			play.textContent = 'pause';
			timer = setInterval(() => show(at + 1), 700);
		},
	};
	controls.addEventListener('click', (e) => {
		const button = e.target.closest('button');
		if (button) actions[button.dataset.do]();
	});
	slider.addEventListener('input', () => { stop(); show(Number(slider.value)); });

	const draw = figure.querySelector('.draw');
	draw.tabIndex = 0;
	const keys = {ArrowLeft: 'back', ArrowRight: 'next', Home: 'first', End: 'last', ' ': 'play'};
	figure.addEventListener('keydown', (e) => {
		// The slider knows its keys, a button what a space is.
		if (e.target === slider || e.altKey || e.ctrlKey || e.metaKey) return;
		if (e.target.closest('summary, .table, a') || (e.key === ' ' && e.target.closest('button'))) return;
		if (keys[e.key]) {
			e.preventDefault();
			actions[keys[e.key]]();
		}
	});
	said.textContent = 'all ' + last + ' steps';
	controls.hidden = false;
}

// A figure alone, for a paper: in the colours for white paper, and with all of its style
// as attributes, since most programs that take SVG know no variables.
const looks = ['fill', 'fill-opacity', 'stroke', 'stroke-width', 'stroke-dasharray', 'stroke-linecap', 'stroke-linejoin',
	'opacity'];
const letters = ['fill', 'stroke', 'stroke-width', 'paint-order', 'font-family', 'font-size', 'font-weight'];
const forPaper = document.getElementById('figure-style').textContent.match(/--\w+:#\w+/g).map((s) => s.split(':'));
const alone = (from) => {
	const svg = from.cloneNode(true);
	const root = document.documentElement.style;
	for (const [name, value] of forPaper) root.setProperty(name, value);
	const parts = from.querySelectorAll('*');
	svg.querySelectorAll('*').forEach((part, i) => {
		const style = getComputedStyle(parts[i]);
		if (style.visibility === 'hidden' || part.matches('.tip')) part.dataset.gone = '';
		if (part.matches('g, title')) return;
		for (const name of part.matches('text') ? letters : looks) part.setAttribute(name, style.getPropertyValue(name));
	});
	for (const [name] of forPaper) root.removeProperty(name);
	for (const part of svg.querySelectorAll('[data-gone]')) part.remove();
	const box = from.viewBox.baseVal;
	svg.setAttribute('width', box.width);
	svg.setAttribute('height', box.height);
	return new XMLSerializer().serializeToString(svg);
};
for (const link of document.querySelectorAll('a.save')) {
	link.hidden = false;
	link.addEventListener('click', () => {
		const svg = alone(link.closest('figure').querySelector('svg'));
		const url = URL.createObjectURL(new Blob([svg], {type: 'image/svg+xml'}));
		link.href = url;
		setTimeout(() => URL.revokeObjectURL(url), 10000);
	});
}
