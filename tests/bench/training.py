"""What share of an epoch is spent outside forward, backward and step: python -m tests.bench.training

The pictures are cut from the example photographs, 224 × 224 JPEGs; the recipe is the plain ViT's own, at 128 px.
"""

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

from vit.image import load_image
from vit.training.data import Pictures, open_data
from vit.training.loop import train
from vit.training.recipe import recipe_for

EXAMPLES = Path(__file__).parents[2] / "assets" / "examples"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pictures", type=int, default=1024)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--randaugment", type=int, default=0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        write_pictures(folder / "data", options.pictures)
        began = time.monotonic()
        recipe = recipe_for("vit", sizes=(128,), epochs=(options.epochs,), randaugment=options.randaugment)
        pictures = Pictures(open_data(folder / "data", "train"), recipe.side)
        decoding = time.monotonic() - began
        train(pictures, folder / "run", recipe, say=print)
        rows = (folder / "run" / "metrics.csv").read_text().splitlines()
        names = rows[0].split(",")
        table = [dict(zip(names, row.split(","), strict=True)) for row in rows[1:]]
        waiting = [float(row["waiting"]) for row in table]
        seconds = [float(row["seconds"]) for row in table]
    print(f"{len(pictures)} pictures at 128 px, {options.epochs} epochs of {min(seconds):.1f} s or more")
    print(f"outside forward, backward and step: {', '.join(f'{share:.1%}' for share in waiting)} (aim 15%)")
    print(f"decoding, once before the first epoch: {decoding / min(seconds):.1%} of an epoch")


def write_pictures(folder: Path, count: int) -> None:
    """Random pieces of the example photographs, in two classes."""
    rng = np.random.default_rng(0)
    photos = [load_image(path) for path in sorted(EXAMPLES.glob("*.jpg"))]
    for split, number in (("train", count), ("val", 4)):
        for place in range(number):
            photo = photos[place % len(photos)]
            top, left = (int(rng.integers(0, side - 224)) for side in photo.shape[:2])
            target = folder / split / f"class_{place % 2}" / f"{place}.jpg"
            target.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(photo[top : top + 224, left : left + 224]).save(target, quality=90)


if __name__ == "__main__":
    main()
