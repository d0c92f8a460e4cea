"""The commands of ``python -m vit``: one file each."""
