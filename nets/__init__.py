"""Torch modules and their training loop (``spdkit.nets``; the ``learn`` extra).

Modules here import only torch and each other, never the framework above them: HitMusicNet's
autoencoder (`music_ae`) and popularity net (`music_pop`), their layers (`dense`), an ensemble that
shares weights (`shared_ensemble`), and how they are trained (`training`). The recurrent units of
the temporal branch will belong here, too.
"""
