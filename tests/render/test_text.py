import numpy as np
import pytest

from vit.render.text import BOLD, blank, clean, width_of, wrap, write


def written(words, size=14):
    page = blank(40, 600)
    write(page, words, 4, 26, size)
    return page


@pytest.mark.parametrize("letter", list("·é…×−→łжΩ中あ"))
def test_letters_beyond_ascii_are_neither_question_marks_nor_boxes(letter):
    drawn = written(letter)
    assert (drawn < 128).any(), "nothing was drawn"
    assert (drawn != written("?")).any()
    assert (drawn != written("\uffff")).any() and (drawn != written("\U0001fadf")).any()


@pytest.mark.parametrize("words", ["vit_small_patch16_224", "attention of layer 12", "100%", "Ångström · 中文"])
@pytest.mark.parametrize("size", [8, 12, 31])
def test_a_line_is_as_wide_as_it_says(words, size):
    page = blank(60, 1200)
    write(page, words, 10, 40, size, weight=BOLD)
    xs = np.nonzero((page < 200).any(-1).any(0))[0]
    assert abs(xs.max() + 1 - 10 - width_of(words, size, BOLD)) <= 0.25 * size


@pytest.mark.parametrize("width", [60, 100, 250, 800])
@pytest.mark.parametrize("words", ["one two three four five six", "vit_base_patch16_clip_224.openai_ft_in12k", "a"])
def test_wrapped_lines_fit(words, width):
    lines = wrap(words, 12, width, 20)
    assert all(width_of(line, 12) <= width for line in lines)
    assert "".join(lines).replace(" ", "") == words.replace(" ", "")


def test_what_has_no_room_is_marked_as_left_out():
    words = " ".join(["attention"] * 50)
    lines = wrap(words, 12, 200, 2)
    assert len(lines) == 2 and lines[-1].endswith("…") and all(width_of(line, 12) <= 200 for line in lines)
    assert not wrap("short", 12, 200, 1)[0].endswith("…")


def test_a_line_never_starts_with_the_dot_that_parts():
    lines = wrap("model · weights: bundled · attention of layer 3, head 4", 12, 110, 10)
    assert len(lines) > 2 and not any(line.startswith("·") for line in lines)


def test_no_words_are_no_lines():
    assert wrap("", 12, 100, 3) == [] and wrap("  \n ", 12, 100, 3) == []


def test_control_characters_and_broken_letters_become_spaces():
    assert clean("a\nb\x00c\td\udc80") == "a b c d "
    assert (written("a\nb") == written("a b")).all()
