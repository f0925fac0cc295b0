"""pyav.py FOLDER (URL DURATION)...: three keyframes of each video, over a file object that reads ranges."""

import io
import json
import sys
from pathlib import Path
from urllib.parse import urlsplit

import av
import urllib3


class RangedFile(io.RawIOBase):
    """A seekable file of which only what is read is fetched."""

    def __init__(self, pool, url):
        self.pool, self.url, self.place = pool, url, 0
        answer = self.get("bytes=0-0")
        self.size = int(answer.headers["Content-Range"].rsplit("/", 1)[1])

    def get(self, wanted):
        answer = self.pool.request("GET", self.url, headers={"Range": wanted})
        if answer.status != 206:
            raise OSError(f"HTTP status {answer.status}")
        return answer

    def readable(self):
        return True

    def seekable(self):
        return True

    def tell(self):
        return self.place

    def seek(self, offset, whence=io.SEEK_SET):
        self.place = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self.place, io.SEEK_END: self.size}[whence]
        return self.place

    def readinto(self, buffer):
        end = min(self.place + len(buffer), self.size)
        if end <= self.place:
            return 0
        data = self.get(f"bytes={self.place}-{end - 1}").data
        buffer[: len(data)] = data
        self.place += len(data)
        return len(data)


def thumbnails(pool, url, known_duration, folder):
    # Large enough for a keyframe, small enough not to fetch megabytes for a header.
    file = io.BufferedReader(RangedFile(pool, url), 256 << 10)
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
