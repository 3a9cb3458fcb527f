"""Requests whose heads end: the parser by itself collects a request line and headers for as long as they come."""

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MOST_HEAD_BYTES = 64 * 1024
"""A token has 8 KiB at most, and proxies add a few hundred bytes."""
REFUSAL = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-type: application/problem+json\r\n"
    b"content-length: 79\r\nconnection: close\r\n\r\n"
    b'{"type":"about:blank","title":"Request Header Fields Too Large","status":431}\r\n'
)


class BoundedHeads(HttpToolsProtocol):
    """HTTP/1.1 as uvicorn speaks it, for a request's first 64 KiB; who sends more before the body is cut off."""

    _in_head = True
    _head_bytes = 0
    """Of what came since the piece in which the head began: that one also holds what stood before."""

    def on_message_begin(self) -> None:
        self._in_head, self._head_bytes = True, -1
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._in_head = False
        super().on_headers_complete()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Not of a trailer: nothing here reads any, and they would be kept for as long as they come."""
        if self._in_head:
            super().on_header(name, value)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if not self._in_head or self.transport.is_closing():
            return
        self._head_bytes = 0 if self._head_bytes < 0 else self._head_bytes + len(data)
        if self._head_bytes > MOST_HEAD_BYTES:
            self.transport.write(REFUSAL)
            self.transport.close()
