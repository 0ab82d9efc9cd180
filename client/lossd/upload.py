"""The sending half of a client stream: messages that wait until grpc takes them; knows them as bytes."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator

import grpc

_MOST = 16
_MOST_BYTES = 16 << 20


class Upload:
    """Sends what it is given from a thread of grpc's, and waits where that has fallen behind.

    Args:
        begin: starts the call, which takes its messages from the iterator.
    """

    def __init__(self, begin: Callable[[Iterator[bytes]], grpc.Future[bytes]]) -> None:
        self._changed = threading.Condition()
        self._waiting: deque[bytes] = deque()
        self._size = 0
        self._complete = self._over = False
        self._call = begin(self._messages())
        self._call.add_done_callback(lambda _: self._end())

    def send(self, message: bytes) -> bool:
        """Sends a message; False if the call is over, and `answer` tells how it ended."""
        with self._changed:
            while not self._over and self._waiting and not self._has_room():
                self._changed.wait()
            if self._over:
                return False
            self._waiting.append(message)
            self._size += len(message)
            self._changed.notify_all()
        return True

    def answer(self) -> bytes:
        """Says that this was all, and waits for the answer.

        Raises:
            grpc.RpcError: what the call failed with.
        """
        with self._changed:
            self._complete = True
            self._changed.notify_all()
        return self._call.result()

    def cancel(self) -> None:
        """Ends the call, whatever is still to be sent."""
        self._call.cancel()
        self._end()

    def _has_room(self) -> bool:
        return len(self._waiting) < _MOST and self._size < _MOST_BYTES

    def _messages(self) -> Iterator[bytes]:
        """What grpc takes, in a thread of its own."""
        while True:
            with self._changed:
                while not (self._waiting or self._complete or self._over):
                    self._changed.wait()
                if self._over or not self._waiting:
                    return
                message = self._waiting.popleft()
                self._size -= len(message)
                self._changed.notify_all()
            yield message

    def _end(self) -> None:
        with self._changed:
            self._over = True
            self._waiting.clear()
            self._changed.notify_all()
