"""Audio models on disk: ``audio_model.json`` and ``arrays.safetensors``.

The form is that of `spdkit.common.serialization`.
"""

from __future__ import annotations

from spdkit.common.errors import SpdkitError
from spdkit.common.serialization import SavedForm


class AudioModelError(SpdkitError):
    """A model that cannot be written, or a folder that holds none of ours."""


CLASSES = {"PlayCountRegressor": "spdkit.audio_models.play_counts"}
PACKAGES = ("spdkit", "torch", "scikit-learn", "numpy")
FORM = SavedForm("audio_model", CLASSES, AudioModelError, PACKAGES)
save_audio_model, load_audio_model = FORM.save, FORM.load
