"""HitMusicNet: the paper's tables, and the speed of training."""
