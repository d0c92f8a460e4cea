"""What all commands have in common: the overview, and each one's help."""

import shlex
from importlib import import_module

import pytest

from vit.__main__ import COMMANDS, Parser, main


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
