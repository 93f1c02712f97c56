from . import bootstrap as bootstrap
from . import conformal as conformal
from . import metrics as metrics
from . import splits as splits
