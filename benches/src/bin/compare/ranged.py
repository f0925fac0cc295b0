"""A file object over HTTP range requests."""

import io

# Large enough for a keyframe, small enough not to fetch megabytes for a header.
SMALL_READS = 256 << 10


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

    @classmethod
    def buffered(cls, pool, url, size):
        return io.BufferedReader(cls(pool, url), size)
