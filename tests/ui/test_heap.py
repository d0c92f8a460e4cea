import platform
import threading

import psutil
import pytest

from vit.ui.heap import give_back, give_back_often


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library")
def test_what_a_thread_freed_in_pieces_goes_back_to_the_machine():
    kept: list[bytearray] = []

    def work() -> None:
        pieces = [bytearray(50_000) for _ in range(4000)]  # 200 MB, of which every fortieth stays: holes
        kept.extend(pieces[::40])

    before = psutil.Process().memory_info().rss
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert psutil.Process().memory_info().rss - before > 100e6  # the reason for all this
    assert give_back()
    assert psutil.Process().memory_info().rss - before < 60e6


def test_without_such_a_c_library_nothing_happens(monkeypatch):
    monkeypatch.setattr("ctypes.CDLL", lambda _: object())
    assert not give_back()
    give_back_often().join(5)
