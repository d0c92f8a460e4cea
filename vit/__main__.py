"""``python -m vit COMMAND``: the app's work, and training, from a shell. Exit 0, or 2 with one line on stderr."""

import argparse
import sys
import textwrap
from importlib import import_module
from typing import NoReturn

from vit.errors import VitError

COMMANDS = {  # each is a module of vit.commands with EXAMPLE, add_arguments(parser) and run(options)
    "explain": "what a model looks at in a photo: a picture, an animation, a figure or raw numbers",
    "check": "whether a model's answer depends on what each method's map of a photo points at",
    "stats": "the same over a folder of pictures, with tests against chance",
    "whatif": "what becomes of the answer if patches are hidden or heads are silent",
    "measure": "numbers about a model on a photo: distances, entropies, norms, … as a plot, a table or arrays",
    "models": "the models that can be asked for",
    "train": "train a network from scratch on a folder of pictures",
    "evaluate": "how often a trained model is right",
    "compare": "train several networks on the same pictures and write one page about it",
}


class Parser(argparse.ArgumentParser):
    """One line for a mistake, in place of the whole usage; lines of texts stay as they are."""

    def __init__(self, **words: str):
        super().__init__(formatter_class=argparse.RawDescriptionHelpFormatter, **words)  # type: ignore[arg-type]

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message}; --help tells more\n")


def main(arguments: list[str] | None = None) -> int:
    """Runs one command and returns the exit status."""
    arguments = sys.argv[1:] if arguments is None else arguments
    overview = Parser(
        prog="python -m vit",
        description="See what a Vision Transformer looks at.\n\ncommands:\n"
        + "\n".join(f"  {name:9} {words}" for name, words in COMMANDS.items()),
        epilog="Begin with:\n  python -m vit explain assets/examples/cat.jpg -o out.png\n"
        "A command's options, and an example:\n  python -m vit COMMAND --help",
    )
    overview.add_argument("command", choices=COMMANDS, metavar="COMMAND", help=argparse.SUPPRESS)
    if not arguments:
        overview.print_help()
        return 0
    name = overview.parse_args(arguments[:1]).command
    command = import_module(f"vit.commands.{name}")  # only this one's imports: --help and `models` need no torch
    parser = Parser(
        prog=f"python -m vit {name}",
        description=textwrap.fill(" ".join((command.__doc__ or "").split()), 80),
        epilog=f"example:\n  {command.EXAMPLE}",
    )
    command.add_arguments(parser)
    options = parser.parse_args(arguments[1:])
    options.words = arguments  # as typed, for a run's card
    try:
        command.run(options)
    except VitError as error:
        return _fail(parser, str(error))
    except KeyboardInterrupt:
        return _fail(parser, "stopped")
    except BrokenPipeError:  # the reader of our output has had enough
        sys.stderr.close()
    return 0


def _fail(parser: argparse.ArgumentParser, sentence: str) -> int:
    print(f"{parser.prog}: {' '.join(sentence.split())}", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
