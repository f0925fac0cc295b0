"""pyav.py FOLDER (URL DURATION)...: three keyframes of each video, over a file object that reads ranges."""

import json
import sys
from pathlib import Path
from urllib.parse import urlsplit

import av
import urllib3

from ranged import RangedFile, SMALL_READS


def thumbnails(pool, url, known_duration, folder):
    file = RangedFile.buffered(pool, url, SMALL_READS)
    with av.open(file) as container:
        stream = container.streams.video[0]
        stream.codec_context.skip_frame = "NONKEY"
        stream.codec_context.thread_count = 1
        start = (container.start_time or 0) / av.time_base
        duration = container.duration / av.time_base if container.duration else known_duration
        stem = Path(urlsplit(url).path).name
        for n, position in enumerate((0.10, 0.50, 0.95)):
            target = position * duration
            container.seek(int((start + target) * av.time_base))
            frame = next(container.decode(stream))
            height = round(frame.height * 640 / frame.width / 2) * 2 if frame.width > 640 else frame.height
            path = folder / f"{stem}_{n}.jpg"
            frame.to_image(width=min(640, frame.width), height=height).save(path, quality=85)
            actual = frame.time - start if frame.time is not None else None
            yield {"path": str(path), "target_s": target, "actual_s": actual}


pool = urllib3.PoolManager()
folder = Path(sys.argv[1])
for url, duration in zip(sys.argv[2::2], sys.argv[3::2]):
    print(json.dumps({"thumbnails": list(thumbnails(pool, url, float(duration), folder))}))
