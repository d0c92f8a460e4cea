"""The page about a race: tables in Markdown, and a picture of six plots."""

from pathlib import Path

from vit.render.curves import Panel, plot
from vit.render.files import write_whole
from vit.training.compare import Entry


def write_report(entries: list[Entry], out: Path, data: str, command: str) -> None:
    """Writes ``out/compare.md`` and ``out/compare.png`` (and ``.svg``)."""
    names = list(dict.fromkeys(entry.name for entry in entries))
    most = max(entry.share for entry in entries)
    whole = [entry for entry in entries if entry.share == most]
    by_share = {
        name: (
            [100 * entry.share for entry in entries if entry.name == name],
            [entry.top1 for entry in entries if entry.name == name],
        )
        for name in names
    }
    curves = {
        entry.name: ([100 * place for place, _ in entry.curve], [top1 for _, top1 in entry.curve]) for entry in whole
    }
    panels = [
        Panel("top-1, %", "parameters, millions", _points(whole, lambda e: e.parameters / 1e6), points=True),
        Panel("top-1, %", "GFLOPs for a picture", _points(whole, lambda e: e.flops / 1e9), points=True),
        Panel("top-1, %", "minutes of training", _points(whole, lambda e: e.seconds / 60), points=True),
        Panel("top-1, %", "images/s when answering", _points(whole, lambda e: e.answers), points=True),
        Panel("top-1 while learning, %", "share of the schedule, %", curves),
        Panel("top-1, %", "share of the training pictures, %", by_share, log=True),
    ]
    for kind in ("png", "svg"):
        plot(panels, out / f"compare.{kind}", columns=3)
    write_whole(as_markdown(entries, data, command).encode(), out / "compare.md")


def _points(entries: list[Entry], along) -> dict:
    return {entry.name: ([along(entry)], [entry.top1]) for entry in entries}


def as_markdown(entries: list[Entry], data: str, command: str) -> str:
    """The whole page."""
    most = max(entry.share for entry in entries)
    whole = [entry for entry in entries if entry.share == most]
    names = [entry.name for entry in whole]
    shares = sorted({entry.share for entry in entries})
    first = whole[0]
    lines = [
        f"# {', '.join(names)} on {data}",
        "",
        f"Every run was shown as many pictures, at {first.size} × {first.size} pixels: a run on a part of the training "
        f"pictures went through them more often ({min(e.shown for e in entries):,} to "
        f"{max(e.shown for e in entries):,} pictures, since epochs are counted whole). Top-1 is on the "
        f"{first.pictures:,} validation pictures, which chose nothing.",
        "",
        "![Accuracy against parameters, FLOPs, schedule and share of the data](compare.png)",
        "",
        f"## On {100 * most:g}% of the training pictures",
        "",
        "| network | top-1 | parameters | GFLOPs | training | images/s, training | images/s, answering |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for entry in whole:
        lines.append(
            f"| {entry.name}{' ¹' if entry.taught else ''} | {entry.top1:.2f}% | {entry.parameters / 1e6:.2f} M | "
            f"{entry.flops / 1e9:.3f} | {entry.seconds / 60:.1f} min | {entry.rate:.0f} | {entry.answers:.0f} |"
        )
    if any(entry.taught for entry in whole):
        lines += ["", "¹ Taught by the ResNet of the same share, whose own training time comes on top."]
    lines += [
        "",
        "## By the share of the training pictures",
        "",
        "| network | " + " | ".join(f"{100 * share:g}%" for share in shares) + " |",
        "| --- |" + " ---: |" * len(shares),
    ]
    found = {(entry.name, entry.share): entry.top1 for entry in entries}
    lines += [f"| {name} | " + " | ".join(f"{found[name, share]:.2f}%" for share in shares) + " |" for name in names]
    lines += [
        "",
        "A CNN knows from the start that neighbours belong together and that a thing is the same thing elsewhere in "
        "the picture. A ViT has to learn both from the pictures; a Swin is told a part of it by its windows. What that "
        "knowledge is worth is read off the columns: how much each network loses with fewer pictures.",
        "",
        "## How it was measured",
        "",
        "GFLOPs: `torch.utils.flop_counter`, two for each multiply-add, one picture. Images/s when answering: batches "
        "of 16 on the processor, the best of 5 rounds, the networks taking turns. Times depend on the machine; their "
        "ratios less so. The recipes: `vit/training/recipe.py`, with Muon for the Transformers and AdamW for the "
        "ResNet unless the command says otherwise; each run's own: `model.json` in the folder that --out names. The "
        "command:",
        "",
        "```sh",
        command,
        "```",
        "",
    ]
    return "\n".join(lines)
