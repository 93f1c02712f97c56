from . import bootstrap as bootstrap, conformal as conformal, metrics as metrics, splits as splits
