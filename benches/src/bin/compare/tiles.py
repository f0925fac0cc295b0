"""tiles.py FOLDER URL DURATION: a keyframe every 10 s, 320 pixels wide, on sheets of 10 x 10, over a file object that reads ranges."""

import sys
from pathlib import Path

import av
import urllib3
from PIL import Image

from ranged import RangedFile, SMALL_READS

INTERVAL, WIDTH, SIDE = 10.0, 320, 10

folder, url, known = Path(sys.argv[1]), sys.argv[2], float(sys.argv[3])
file = RangedFile.buffered(urllib3.PoolManager(), url, SMALL_READS)
with av.open(file) as container:
    stream = container.streams.video[0]
    stream.codec_context.skip_frame = "NONKEY"
    stream.codec_context.thread_count = 1
    start = (container.start_time or 0) / av.time_base
    duration = container.duration / av.time_base if container.duration else known
    height = round(stream.height * WIDTH / stream.width / 2) * 2
    count = max(1, int(duration / INTERVAL))
    sheet = None
    for n in range(count):
        place = n % (SIDE * SIDE)
        if place == 0:
            sheet = Image.new("RGB", (WIDTH * SIDE, height * SIDE))
        container.seek(int((start + (n + 0.5) * INTERVAL) * av.time_base))
        frame = next(container.decode(stream))
        sheet.paste(frame.to_image(width=WIDTH, height=height), (place % SIDE * WIDTH, place // SIDE * height))
        if place == SIDE * SIDE - 1 or n == count - 1:
            sheet.save(folder / f"{n // (SIDE * SIDE)}.jpg", quality=85)
