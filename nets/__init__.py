"""Torch modules and their training loop (``spdkit.nets``).

Modules here import only torch and each other, never the framework above them. HitMusicNet's
autoencoder and regressor, and the recurrent units of the temporal branch, belong here; none has
been written yet.
"""
