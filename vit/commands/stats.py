"""Measures over a folder of pictures. --faithfulness: which methods' maps the model's answers depend on, with tests.

Several processes share the pictures: torchrun --nproc-per-node 2 -m -- vit stats …
Cut, it goes on when it is called again.
"""

import argparse
import shlex
from pathlib import Path
from shutil import rmtree

from vit.commands import shared
from vit.commands.work import working
from vit.errors import DataError, VitError

EXAMPLE = "python -m vit stats FOLDER --faithfulness --model vit_imagenette --limit 200 -o faithfulness.md"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="pictures, in folders of any depth")
    parser.add_argument("--faithfulness", action="store_true", help="deletion and insertion against random orders")
    parser.add_argument("--model", nargs="+", help="one model or several (default: the best whose weights are at hand)")
    parser.add_argument("--limit", type=int, metavar="N", help="so many pictures, spread evenly (default: all)")
    shared.add_check(parser, orders=5)
    parser.add_argument(
        "-o",
        "--out",
        type=Path,
        default=Path("faithfulness.md"),
        metavar="OUT.md",
        help="the page; beside it go OUT.csv and OUT.pictures.csv (default: faithfulness.md)",
    )


def run(options: argparse.Namespace) -> None:
    if not options.faithfulness:
        raise VitError("stats measures --faithfulness: say so.")
    shared.check_files([options.out], (".md",))
    shared.check_numbers(options)
    if options.limit is not None and options.limit < 2:
        raise VitError(f"--limit {options.limit}: it takes two pictures or more.")
    from vit.models import default_model

    names = options.model or [default_model()]
    settings = {name: getattr(options, name) for name in ("steps", "orders", "seed")}
    parts, found = options.out.with_suffix(".parts"), {}
    with working(f"loading {', '.join(names)}") as work:
        from vit.methods import get_method
        from vit.models import load_model
        from vit.processes import processes
        from vit.render.files import write_whole
        from vit.truth.folder import check_folder, pictures_in
        from vit.truth.report import as_csv, as_markdown, pictures_as_csv

        for name in options.methods or ():
            get_method(name)
        pictures = pictures_in(options.folder, options.limit)
        for name in names:
            with processes().local_main_process_first():  # one downloads, the others find it there
                model = load_model(name, progress=work.megabytes)
            work.subject = f"{name}: "
            chosen = (model, options.folder, pictures, parts, work.pictures, options.methods)
            found[name] = check_folder(*chosen, batch=options.batch, **settings)
    if not processes().is_main_process:  # of several processes one writes
        return
    data = "/".join(options.folder.resolve().parts[-2:]).strip("/")  # no path of this machine goes into a page
    shown = {str(options.folder): data}
    if options.out.is_absolute():
        shown[str(options.out)] = options.out.name
    words = [str(shown.get(word, word)) for word in options.words]
    try:
        pages = {
            options.out: as_markdown(found, data, f"python -m vit {shlex.join(words)}", settings),
            options.out.with_suffix(".csv"): as_csv(found),
            options.out.with_suffix(".pictures.csv"): pictures_as_csv(found),
        }
    except DataError:  # no picture was of use: nothing that a next run could take up
        rmtree(parts, ignore_errors=True)
        raise
    for path, text in pages.items():  # a file's name need not be UTF-8
        write_whole(text.encode(errors="backslashreplace"), path)
    rmtree(parts, ignore_errors=True)
    print(f"{options.out} and its two .csv written")
