"""The load script itself: that it asks what the app answers, and knows a wrong answer from a right one."""

import asyncio
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from tests.bench.asking import Question, Server, Visitor, client, running
from tests.bench.load import judged, together
from tests.pictures import Picture, pictures


def run(work, *given, **named):
    """In a thread of its own: a browser that an earlier test of this process opened keeps an event loop in this one."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(lambda: asyncio.run(work(*given, **named))).result()


@pytest.fixture(scope="module")
def server():
    with running(VIT_OFFLINE="1") as server:
        yield server


def test_all_its_ways_of_asking_are_answered(server: Server):
    async def ask() -> None:
        async with client() as line:
            visitor = Visitor(server, line)
            for way, large in (("overlay", 1000), ("analyze", -1), ("ask", 100_000)):
                answer = await visitor.ask(Question(1), way=way)
                assert answer.outcome == "answered" and len(answer.file) > large
            nothing = await visitor.ask(Question(1), unseen=True)
            assert nothing.outcome == "No picture was given."
            bad = await visitor.ask(Question(1), b"no picture")
            assert bad.outcome.startswith("This file is no JPEG")

    run(ask)


def test_it_tells_right_mixed_torn_and_left(server: Server):
    answers = run(together, server, 50, 3, 1, leaving=1)
    first, second, _ = answers
    assert judged(answers) == {"right": 2, "left": 1}
    torn = replace(first, file=first.file[:100])
    assert judged([replace(first, question=second.question), torn]) == {"mixed": 1, "torn": 1}


def test_the_page_answers_every_odd_file_with_a_map_or_a_sentence(server: Server):
    """As many files as the loader is tested with, the hostile ones too, through upload, queue and stream."""

    async def ask() -> list[tuple[Picture, str]]:
        async with client() as line:
            visitor = Visitor(server, line)
            return [(each, (await visitor.ask(Question(0), each.data, way="ask")).outcome) for each in pictures()]

    answers = run(ask)
    assert len(answers) >= 200
    for picture, outcome in answers:
        if picture.sentence:
            assert re.search(picture.sentence, outcome), picture.name
            assert "/" not in outcome and "Traceback" not in outcome
        else:
            assert outcome == "answered", (picture.name, outcome)
    status = Path(f"/proc/{server.process.pid}/status")
    if status.exists():  # Linux: the most that it ever took, in kB
        assert int(re.findall(r"VmHWM:\s+(\d+)", status.read_text())[0]) < 1.5e6
