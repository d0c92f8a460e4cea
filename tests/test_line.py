import threading
import time

import pytest

from vit.errors import BusyError
from vit.line import Line, held


def _wait_for(true) -> None:
    end = time.monotonic() + 10
    while not true():
        assert time.monotonic() < end
        time.sleep(0.005)


def _in_line(line: Line, work, say=None) -> threading.Thread:
    """A thread that waits for a place and then works; returns once it stands in the line or holds a place."""
    before = sum(line.length)

    def run() -> None:
        with line.place(say):
            work()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    _wait_for(lambda: sum(line.length) > before)
    return thread


def test_never_more_than_the_places_and_first_come_first_served():
    line, open_gate, order, most = Line(2), threading.Event(), [], []

    def work(number: int) -> None:
        most.append(line.length[0])
        order.append(number)
        open_gate.wait(10)

    threads = [_in_line(line, lambda n=n: work(n)) for n in range(6)]
    assert line.length == (2, 4)
    open_gate.set()
    for thread in threads:
        thread.join(10)
    assert order[:2] in ([0, 1], [1, 0]) and sorted(order) == list(range(6)) and max(most) == 2
    assert line.length == (0, 0)


def test_the_order_is_kept_with_one_place():
    line, gate, order = Line(1), threading.Event(), []
    threads = [_in_line(line, lambda: gate.wait(10))]
    threads += [_in_line(line, lambda n=n: order.append(n)) for n in range(5)]
    gate.set()
    for thread in threads:
        thread.join(10)
    assert order == list(range(5))


def test_who_waits_hears_how_many_are_before_and_may_leave(monkeypatch):
    monkeypatch.setattr("vit.line.PATIENCE", 0.5)
    line, gate, heard = Line(1), threading.Event(), []

    class Left(Exception):
        pass

    def say(words: str) -> None:
        heard.append(words)
        if words:
            raise Left

    first = _in_line(line, lambda: gate.wait(10))
    second = _in_line(line, lambda: None)
    with pytest.raises(Left), line.place(say):
        pytest.fail("held a place")
    assert heard[-1] == "waiting, 1 before you" and not any(heard[:-1])  # for a moment nothing is said
    assert len(heard) > 1 and line.length == (1, 1)
    gate.set()
    first.join(10)
    second.join(10)
    assert line.length == (0, 0)


def test_a_turn_that_comes_soon_is_not_waited_for_and_who_comes_again_and_again_hears_of_none(monkeypatch):
    line, heard = Line(1), []
    for patience, silently in ((60, False), (0, True)):
        monkeypatch.setattr("vit.line.PATIENCE", patience)
        gate = threading.Event()
        first = _in_line(line, lambda gate=gate: gate.wait(10))

        def say(words: str, gate=gate) -> None:
            heard.append(words)
            gate.set()

        with line.place(say, silently):
            pass
        first.join(10)
    assert len(heard) >= 2 and not any(heard)


def test_a_full_line_refuses_at_once_and_an_error_gives_the_place_back():
    line = Line(1, longest=0, full="All places are taken.")
    with line.place(), pytest.raises(BusyError, match="All places are taken"), line.place():
        pytest.fail("held a place")
    with pytest.raises(ValueError), line.place():
        raise ValueError
    with line.place():
        assert line.length == (1, 0)


def test_closing_sends_away_who_waits_and_leaves_who_works():
    line, gate, sentences = Line(1), threading.Event(), []
    first = _in_line(line, lambda: gate.wait(10))

    def refused() -> None:
        try:
            with line.place():
                pass
        except BusyError as error:
            sentences.append(str(error))

    second = threading.Thread(target=refused)
    second.start()
    _wait_for(lambda: line.length == (1, 1))
    line.close()
    second.join(10)
    assert "try again" in sentences[0] and first.is_alive()
    with pytest.raises(BusyError), line.place():
        pass
    gate.set()
    first.join(10)


def test_who_waits_for_a_lock_may_leave_and_whoever_stays_gets_it(monkeypatch):
    monkeypatch.setattr("vit.line.PATIENCE", 0.5)
    lock, heard = threading.Lock(), []

    def say(words: str) -> None:
        heard.append(words)
        if words:
            lock.release()

    lock.acquire()
    with held(lock, say, "waiting for another"):
        assert lock.locked() and heard[-1] == "waiting for another" and not any(heard[:-1])
    assert not lock.locked()
