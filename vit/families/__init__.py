"""What this project can do with each of timm's families: traced (derive.py), kept (families.json), told (table.py)."""
