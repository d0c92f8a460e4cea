"""Every error that this project raises on purpose.

Each message is one sentence (or two) for a person: what is wrong, and what to do next.
The page, the command line and the HTTP names show ``str(error)`` as it is.
"""


class VitError(Exception):
    """The root: catch this to catch everything below."""


class ImageError(VitError):
    """The file is no picture that can be shown."""


class ModelError(VitError):
    """The name is unknown, or the weights can't be had."""


class HubError(ModelError):
    """The hub didn't give the weights this time: the same question can be asked again."""


class CaptureError(VitError):
    """The model has no attention over picture tokens, or a layer's map can't be vouched for."""


class MethodError(VitError):
    """The method isn't defined for this model, or was asked with impossible options."""


class NoMapError(MethodError):
    """None of the methods that were asked gives a map of this picture that could be checked."""


class BudgetError(VitError):
    """The work would need more memory than is allowed."""


class BusyError(VitError):
    """Too many people ask at the same time, or the server is about to end: the same question can be answered later."""


class DataError(VitError):
    """The pictures to train on, or a folder that a run was kept in, can't be used."""


class RecipeError(VitError):
    """A choice that can't be trained with."""


class TrainingError(VitError):
    """A training went wrong on its way: the loss, or the weights, are no numbers any more."""
