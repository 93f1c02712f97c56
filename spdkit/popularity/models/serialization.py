"""Models on disk: ``model.json`` and ``arrays.safetensors``, with a record beside them.

The form is that of `spdkit.common.serialization`; the record is that of
`spdkit.popularity.record`.
"""

from __future__ import annotations

from spdkit.common.errors import SpdkitError
from spdkit.common.serialization import SavedForm


class ModelError(SpdkitError):
    """A model that cannot be written, or a folder that holds none of ours."""


CLASSES = {
    "HitMusicNetRegressor": "spdkit.popularity.models.hitmusicnet",
    "HitMusicNetClassifier": "spdkit.popularity.models.hitmusicnet",
}
FORM = SavedForm("model", CLASSES, ModelError, ("spdkit", "torch", "scikit-learn", "numpy"))
save_model, load_model = FORM.save, FORM.load
load_files, load_with_files = FORM.load_files, FORM.load_with_files
require_room = FORM.require_room
