"""What all commands have in common: the overview, and each one's help."""

import shlex
from dataclasses import fields
from importlib import import_module

import pytest

from vit.__main__ import COMMANDS, Parser, main
from vit.commands.shared import names_in
from vit.commands.train import recipe_words
from vit.training.recipe import Recipe


def test_without_a_command_there_is_an_overview(capsys):
    assert main([]) == 0
    said = capsys.readouterr()
    assert all(f"  {name} " in said.out for name in COMMANDS)
    assert said.err == ""


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_an_example_that_it_takes(name, capsys):
    with pytest.raises(SystemExit) as end:
        main([name, "--help"])
    assert end.value.code == 0
    command = import_module(f"vit.commands.{name}")
    assert capsys.readouterr().out.endswith(f"example:\n  {command.EXAMPLE}\n")
    words = shlex.split(command.EXAMPLE)
    assert words[:4] == ["python", "-m", "vit", name]
    parser = Parser(prog=name)
    command.add_arguments(parser)
    parser.parse_args(words[4:])


def test_the_help_names_every_method_and_every_measure_without_torch():
    import vit

    assert names_in("methods").split(", ") == vit.list_methods()
    assert sorted(names_in("measures").split(", ")) == sorted(vit.list_measures())


def test_the_help_of_train_says_what_each_flag_is(capsys):
    with pytest.raises(SystemExit):
        main(["train", "--help"])
    said = " ".join(capsys.readouterr().out.split())
    assert "--rest N of that rate, what AdamW gets beside Muon, for all that is no inner matrix (a vit's: 0.25)" in said
    assert all(field.name in recipe_words() for field in fields(Recipe) if field.name != "seed")
