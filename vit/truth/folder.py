"""The truth check over a folder of pictures, shared among processes, and taken up again where it was cut.

Each finished picture is a line in a file of its process, written at once. Whatever stops the run, the lines stay, and
the next run of the same command leaves those pictures out.
"""

import hashlib
import json
import os
import zlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from vit.errors import DataError, ImageError, NoMapError
from vit.image import load_image
from vit.measures.faithfulness import Predict, Progress
from vit.models.vision_model import VisionModel
from vit.processes import processes
from vit.truth.check import check, predictor

SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".avif")

Areas = tuple[float, float]  # under the curves of deletion and of insertion


@dataclass(frozen=True)
class Row:
    """One picture's check, as a line of a file."""

    picture: str  # its path within the folder
    label: str = ""  # the class that was followed: the model's own likeliest
    probability: float = 0.0
    chance: Areas = (0.0, 0.0)  # the mean over the random orders
    methods: dict[str, Areas] | None = None
    refused: dict[str, str] | None = None  # method: why there is no map of it
    error: str = ""  # why the picture couldn't be used


def pictures_in(folder: Path, limit: int | None = None) -> list[Path]:
    """The picture files of a folder and all folders in it, by path; with a limit as many, spread evenly over all."""
    if not folder.is_dir():
        raise DataError(f"There is no folder {folder} of pictures.")
    found = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES and path.is_file())
    if limit is not None and limit < len(found):
        found = [found[number * len(found) // limit] for number in range(limit)]
    if len(found) < 2:
        raise DataError(f"{folder} needs two pictures or more to say anything; it holds {len(found)}.")
    return found


def check_folder(
    model: VisionModel,
    folder: Path,
    pictures: Sequence[Path],
    parts: Path,
    progress: Progress,
    methods: Sequence[str] | None = None,
    **settings: Any,
) -> list[Row]:
    """Checks every picture, each once, in as many processes as were started; all of them get all rows.

    ``parts`` is the folder of the files that a cut run leaves; ``progress(pictures done, in all)`` is called at the
    start, with those that a cut run did, and after each. ``settings`` are those of ``faithfulness``.
    """
    state = processes()
    if state.num_processes > 1:  # processes that each use every core only wait for each other
        torch.set_num_threads(max(1, torch.get_num_threads() // state.num_processes))
    told = json.dumps([model.name, model.provenance, str(folder.resolve()), methods, settings], default=str)
    stem = f"{model.name}-{hashlib.sha256(told.encode()).hexdigest()[:12]}"
    try:
        parts.mkdir(parents=True, exist_ok=True)
        (parts / f"{stem}-{state.process_index}.jsonl").touch()
    except OSError as error:
        raise DataError(f"{parts.name} can't be written: {error.strerror or 'the disk refused it'}.") from error
    names = {path.relative_to(folder).as_posix(): path for path in pictures}
    done = {row.picture for row in read_rows(parts, stem)}
    state.wait_for_everyone()  # all have read what there is before anybody writes more
    left = [name for name in names if name not in done]
    progress(len(names) - len(left), len(names))
    predict = predictor(model, state.device or "cpu")
    with (parts / f"{stem}-{state.process_index}.jsonl").open("a", encoding="utf-8") as file:
        file.write("\n" * (file.tell() > 0))  # after a line that was cut
        for number, name in enumerate(left[state.process_index :: state.num_processes]):
            row = check_one(model, names[name], name, predict, methods, settings)
            try:
                file.write(json.dumps(asdict(row)) + "\n")  # ASCII: no name of a file ends a line, or can't be written
                file.flush()
            except OSError as error:
                raise DataError(f"{parts.name} can't be written any more: is the disk full?") from error
            others = min((number + 1) * state.num_processes, len(left))  # all go at about the same pace
            progress(len(names) - len(left) + others, len(names))
    state.wait_for_everyone()
    rows = {row.picture: row for row in read_rows(parts, stem)}
    state.wait_for_everyone()  # nobody tidies up before all have read
    return [rows[name] for name in names]


def check_one(
    model: VisionModel, path: Path, name: str, predict: Predict, methods: Sequence[str] | None, settings: dict
) -> Row:
    """One picture's row; where it is no picture, or no method has a map of it, a sentence in place of numbers.

    Every picture has random orders of its own. The same few for all would be wrong in the same way on all, for things
    stand in the middle, and the test against chance would take that for certainty.
    """
    settings = {**settings, "seed": settings.get("seed", 0) + zlib.crc32(os.fsencode(name))}
    try:
        found = check(model, load_image(path), methods, predict=predict, backwards=False, **settings)
    except (ImageError, NoMapError) as error:
        return Row(name, error=str(error))
    deletion, insertion = (float(curves.random_areas.mean()) for curves in found.results[0].tests)
    return Row(
        picture=name,
        label=found.label,
        probability=found.probability,
        chance=(deletion, insertion),
        methods={each.method: (each.deletion.area, each.insertion.area) for each in found.results},
        refused=dict(found.refused),
    )


def read_rows(parts: Path, stem: str) -> list[Row]:
    """The rows of all processes so far. A last line that was cut in the middle is left out."""
    rows = []
    for path in sorted(parts.glob(f"{stem}-*.jsonl")):
        for line in path.read_text(encoding="utf-8", errors="replace").split("\n"):
            try:
                told = json.loads(line)
            except ValueError:
                continue
            if told.get("methods"):
                told["methods"] = {name: tuple(areas) for name, areas in told["methods"].items()}
            rows.append(Row(**{**told, "chance": tuple(told["chance"])}))
    return rows
