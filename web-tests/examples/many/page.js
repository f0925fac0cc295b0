// Put before the page's own scripts: acts on it, and tells when what is waited for was painted.
window.frame = () => new Promise(requestAnimationFrame);
window.painted = async () => {
    await window.frame();
    const channel = new MessageChannel();
    const after = new Promise(done => { channel.port1.onmessage = done; });
    channel.port2.postMessage(0);
    await after;
};
window.timed = async (act, holds) => {
    await window.frame();
    const start = performance.now();
    act();
    while (!holds()) {
        if (performance.now() - start > 5000) throw new Error(`not within 5 s: ${holds}`);
        await window.frame();
    }
    await window.painted();
    return performance.now() - start;
};
window.rates = async (list, pixels, count) => {
    const frames = [];
    let down = true, last = await window.frame();
    while (frames.length < count) {
        const before = list.scrollTop;
        list.scrollTop += down ? pixels : -pixels;
        if (list.scrollTop === before) down = !down;
        const now = await window.frame();
        frames.push(now - last);
        last = now;
    }
    frames.sort((a, b) => a - b);
    const sum = frames.reduce((a, b) => a + b, 0);
    return [1000 * frames.length / sum, frames[Math.floor(frames.length * .95)], frames.at(-1)];
};
window.one = selector => document.querySelector(selector);
window.note = () => one('.gallery-head .card-note').textContent;
// The cells whose upper edges are in the window.
window.seen = () => [...document.querySelectorAll('.cell')].filter(cell => {
    const { top } = cell.getBoundingClientRect();
    return top >= 0 && top < innerHeight;
}).map(cell => cell.firstElementChild.dataset.key);
window.write = (selector, value, event) => {
    const field = one(selector), kind = Object.getPrototypeOf(field);
    Object.getOwnPropertyDescriptor(kind, 'value').set.call(field, value);
    field.dispatchEvent(new Event(event, { bubbles: true }));
};
window.press = (text, within = document) => [...within.querySelectorAll('button')].find(
    button => button.textContent.trim().startsWith(text)).click();
