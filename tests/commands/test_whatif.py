import pytest

from vit.__main__ import main


def test_a_table_of_the_answer_before_and_after(work, capsys):
    assert main(["whatif", "photo.jpg", "--model", "tiny", "--silence", "0,1", "--silence", "1", "--hide", "1,2"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["class", "before", "after"]
    assert len(lines) >= 3
    assert lines[-1].startswith("tiny · ")


def test_hiding_all_by_a_map_is_hiding_all(work, capsys):
    assert main(["whatif", "photo.jpg", "--model", "tiny", "--hide-top", "1", "--method", "raw"]) == 0
    by_map = capsys.readouterr().out
    everything = [words for row in range(4) for col in range(4) for words in ("--hide", f"{row},{col}")]
    assert main(["whatif", "photo.jpg", "--model", "tiny", *everything]) == 0
    assert capsys.readouterr().out == by_map


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ([], "Nothing is changed"),
        (["--silence", "0", "--weights", "random"], "Untrained"),
        (["--silence", "one"], "such as 8,3; 'one' is not that"),
        (["--silence", "7"], "Layer 7 is not in 0 to 1"),
        (["--hide", "9,9"], "rows 0 to 3"),
        (["--hide-top", "2"], "in 0 to 1; 2.0 is not"),
    ],
)
def test_mistakes_are_one_line(work, capsys, options, sentence):
    assert main(["whatif", "photo.jpg", "--model", "tiny", *options]) == 2
    error = capsys.readouterr().err
    assert sentence in error
    assert error.count("\n") == 1
