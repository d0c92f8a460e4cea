"""The truth check run with a model: on one photo (``check``), or over a folder of pictures (``folder``)."""
