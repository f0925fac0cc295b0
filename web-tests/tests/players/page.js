// For each player a function of a source, whose promise gives a function of a time, whose promise
// gives the tile that the player shows: {url, x, y, width, height}.
const video = document.querySelector("video");

function shakaTile(player, track) {
    return async time => {
        const tile = await player.getThumbnails(track.id, time);
        return {url: tile.uris[0], x: tile.positionX, y: tile.positionY, width: tile.width, height: tile.height};
    };
}

async function shakaPlayer(source) {
    shaka.polyfill.installAll();
    const player = new shaka.Player();
    await player.attach(video);
    await player.load(source);
    return player;
}

window.players = {
    async shakaVtt(source) {
        const player = await shakaPlayer("film.mp4");
        return shakaTile(player, await player.addThumbnailsTrack(new URL(source, location).href, "text/vtt"));
    },
    async shaka(source) {
        const player = await shakaPlayer(source);
        return shakaTile(player, player.getImageTracks()[0]);
    },
    async dashJs(source) {
        const player = dashjs.MediaPlayer().create();
        player.initialize(video, source, false);
        await new Promise(ready => player.on(dashjs.MediaPlayer.events.STREAM_INITIALIZED, ready));
        return time => new Promise(found => player.provideThumbnail(time, found));
    },
    async videoJs(source) {
        const player = videojs(video);
        player.src({src: "film.mp4", type: "video/mp4"});
        player.vttThumbnails({src: source});
        const plugin = () => player.vttThumbnails.vttData;
        while (!plugin()) await new Promise(soon => setTimeout(soon, 20));
        return async time => {
            const style = player.vttThumbnails.getStyleForTime(time);
            const [, url, x, y] = style.background.match(/url\("?([^")]*)"?\).*?-(\d+)px -(\d+)px/);
            return {url, x: Number(x), y: Number(y), width: parseInt(style.width), height: parseInt(style.height)};
        };
    },
};

const sheets = new Map();

// The number in the row of boxes at the top of a tile.
window.read = async tile => {
    if (!sheets.has(tile.url)) {
        const image = new Image();
        image.src = tile.url;
        await image.decode();
        sheets.set(tile.url, image);
    }
    const canvas = new OffscreenCanvas(160, 90);
    const context = canvas.getContext("2d", {willReadFrequently: true});
    context.drawImage(sheets.get(tile.url), tile.x, tile.y, tile.width, tile.height, 0, 0, 160, 90);
    let number = 0;
    for (let bit = 0; bit < 12; bit++) {
        const [light] = context.getImageData(bit * 13 + 6, 5, 1, 1).data;
        if (light > 127) number |= 1 << bit;
    }
    return number;
};
