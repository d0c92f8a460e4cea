"""Classes as they are typed in a shell."""

import pytest

from vit.commands.classes import answer_words, class_number
from vit.errors import MethodError

LABELS = (
    "tench",
    "maillot",
    "maillot, tank suit",
    "crane (a machine)",
    "crane (a bird)",
    "Egyptian cat",
    "bow, arc",
    "bow, tie",
)


@pytest.mark.parametrize(
    ("words", "number"),
    [("tench", 0), ("TENCH", 0), ("egyptian CAT", 5), ("maillot", 1), ("Maillot, Tank Suit", 2), ("3", 3), ("99", 99)],
)
def test_a_label_in_capitals_or_not_or_a_number(words, number):
    assert class_number(words, LABELS) == number


def test_nothing_typed_is_no_class():
    assert class_number(None, LABELS) is None


def test_the_part_before_the_first_comma_will_do():
    assert class_number("maillot", ("tench", "maillot, tank suit")) == 1


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("tensh", "There is no class 'tensh'; the nearest: tench (class 0)."),
        ("crane", "the nearest: crane (a machine) (class 3), crane (a bird) (class 4)."),
        ("cat", "the nearest: Egyptian cat (class 5)."),
        ("bow", "'bow' is the name of several classes; give a number: bow, arc (class 6), bow, tie (class 7)."),
        ("xyzxyz", "there are: tench (class 0), maillot (class 1), "),
        ("", "There is no class ''; there are: tench (class 0)"),
    ],
)
def test_a_name_that_means_no_class_or_several_is_a_sentence_with_the_nearest(words, says):
    with pytest.raises(MethodError) as error:
        class_number(words, LABELS)
    assert says in str(error.value)


def test_of_many_classes_the_first_and_the_last_are_told():
    labels = [f"thing {number}" for number in range(1000)]
    with pytest.raises(MethodError, match=r"among the 1000 of this model, thing 0 \(class 0\) to thing 999 \("):
        class_number("xyzxyz", labels)


def test_a_model_without_classes_has_no_names():
    with pytest.raises(MethodError, match="no classifier"):
        class_number("tench", ())


def test_an_answer_says_which_class_has_which_number():
    assert answer_words([(2, "church", 0.591), (0, "tench", 0.12)]) == "church 59.1% (class 2), tench 12.0% (class 0)"
