"""Numbers and curves about a record: one file a measure, marked with ``@registered``."""

from importlib import import_module
from pkgutil import iter_modules

from vit.measures.registry import get_measure as get_measure
from vit.measures.registry import list_measures as list_measures
from vit.measures.registry import measure as measure
from vit.measures.result import Measured as Measured

for _module in iter_modules(__path__):
    import_module(f"{__name__}.{_module.name}")
