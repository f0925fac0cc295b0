//! Going through the gallery's cells.

/// Scrolls down to a cell; what is in the page then: its cells, the most elements of a cell, and
/// all elements but those of cells.
pub const TRAVEL: &str = "
    const at = () => Math.max(0, ...[...document.querySelectorAll('[aria-posinset]')].map(
        cell => Number(cell.getAttribute('aria-posinset'))));
    while (at() < argument) {
        scrollBy(0, 4000);
        await new Promise(done => requestAnimationFrame(() => setTimeout(done)));
    }
    const all = document.querySelectorAll('*').length, cells = [...document.querySelectorAll('.cell')];
    const sizes = cells.map(cell => 1 + cell.querySelectorAll('*').length);
    return [cells.length, Math.max(...sizes), all - sizes.reduce((sum, size) => sum + size)];";
