"""Whether anybody still waits for an answer: work for a closed page, or a cancelled request, ends at its next step."""

from gradio.context import LocalContext

from vit.line import Say


class Left(Exception):
    """Nobody waits for the answer any more."""


def listener() -> Say:
    """Called inside a Gradio listener: what its work calls at each step, and what raises ``Left`` when nobody listens.

    Gradio ends a generator whose visitor is gone, and lets a plain function run to its end. Its queue knows: an event
    is there until it was answered or cancelled, and alive until its event stream closed.
    """
    blocks, number = LocalContext.blocks.get(None), LocalContext.event_id.get(None)
    if blocks is None or number is None:  # called without the queue
        return lambda line: None
    events = blocks._queue.event_ids_to_events

    def say(line: str) -> None:
        event = events.get(number)
        if event is None or not event.alive:
            raise Left

    return say
