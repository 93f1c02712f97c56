"""Torch modules and their training loop (``spdkit.nets``; the ``learn`` extra).

Modules here import torch and each other (the recurrent units' kernels also numba, llvmlite, numpy
and filelock), never the framework above them: HitMusicNet's
autoencoder (`music_ae`) and popularity net (`music_pop`), their layers (`dense`), an ensemble that
shares weights (`shared_ensemble`), and how they are trained (`training`); of the temporal branch a
net of all series (`window_net`) and the grouped units of LSTM-RPA: `recurrent` and
`recurrent_training`, and below them `recurrent_passes`, `recurrent_cells`, `recurrent_steps` and
`products`.
"""
