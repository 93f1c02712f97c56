"""Torch modules and their training loop (``spdkit.nets``; the ``learn`` extra).

Modules here import torch, numpy and each other, never the framework above them: HitMusicNet's
autoencoder (`music_ae`) and popularity net (`music_pop`), their layers (`dense`), an ensemble that
shares weights (`shared_ensemble`), a net of all series (`window_net`), one of streams and metadata
(`multi_input`), one that reads the clips of a song (`clip_lstm`), and how they are trained
(`training`). `recurrent` has the grouped units of LSTM-RPA, whose steps numba compiles, under
filelock and with the threads of its products limited by threadpoolctl.
"""
